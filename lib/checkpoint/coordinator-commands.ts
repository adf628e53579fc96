import type { Attempt, CheckpointId } from '../model/ids.ts'
import type { PoisonRecord } from '../model/poison-records.ts'
import type { CompletedCheckpoint, PendingCheckpoint, RestorePoint } from './coordinator-state.ts'
import type { CheckpointFailureReason, FailureCause } from './failure-reasons.ts'
import type { JobStatus } from './job-status.ts'

/** What the coordinator wants done. To be carried out in order; none needs an answer before the next is begun. */
export type CoordinatorCommand =
  /** Run all tasks from `restoreFrom` (from nothing if undefined). Answer: `deployed`, or `task-failed`. */
  | {
      readonly type: 'deploy'
      readonly attempt: Attempt
      readonly restoreFrom: RestorePoint | undefined
      /** What operators send to their dead letters unseen. */
      readonly poisonRecords: readonly PoisonRecord[]
    }
  /**
   * Order the sources to send barrier `checkpointId`. With `stopSources` they emit nothing after it, until it is
   * aborted; with `drain` they end event time (MAX_WATERMARK) before it.
   */
  | {
      readonly type: 'trigger'
      readonly attempt: Attempt
      readonly checkpointId: CheckpointId
      readonly kind: 'checkpoint' | 'savepoint'
      readonly triggeredAtMs: number
      readonly stopSources: boolean
      readonly drain: boolean
      /** Every task takes the checkpoint at once, before what waits for it; the barriers are not aligned. */
      readonly isUnaligned: boolean
    }
  /** The aligned timeout is over: every task that has not taken the checkpoint takes it at once. */
  | {
      readonly type: 'overtake'
      readonly attempt: Attempt
      readonly checkpointId: CheckpointId
      readonly triggeredAtMs: number
    }
  /** Write the record made of `pending`, which has every acknowledgement. Answer: `stored` or `store-failed`. */
  | { readonly type: 'store'; readonly pending: PendingCheckpoint }
  /** Tell every task: transactions up to this checkpoint are to be committed. */
  | { readonly type: 'notify-complete'; readonly attempt: Attempt; readonly checkpointId: CheckpointId }
  /** Tell every task: nobody waits for this checkpoint. Sources that it stopped go on. */
  | {
      readonly type: 'notify-aborted'
      readonly attempt: Attempt
      readonly checkpointId: CheckpointId
      readonly kind: PendingCheckpoint['kind']
      readonly reason: CheckpointFailureReason
      readonly message: string
    }
  /** Remove the checkpoint's record, if there is one, and what only it needs. */
  | { readonly type: 'discard'; readonly checkpointId: CheckpointId }
  /** End all tasks at once. Answer: `torn-down`. */
  | { readonly type: 'tear-down'; readonly attempt: Attempt }
  /** Everything is committed: close all tasks in order. Answer: `torn-down`, or `task-failed`. */
  | { readonly type: 'finish-tasks'; readonly attempt: Attempt }
  /** Send a `tick` at or after this time. Replaces the one asked for before. */
  | { readonly type: 'wake-at'; readonly atMs: number }
  | { readonly type: 'answer'; readonly requestId: string; readonly outcome: RequestOutcome }
  /** The job moved. `cause` goes with FAILING, RESTARTING and FAILED. */
  | {
      readonly type: 'status'
      readonly from: JobStatus
      readonly to: JobStatus
      readonly atMs: number
      readonly cause: FailureCause | undefined
    }

export type RequestOutcome =
  | { readonly type: 'completed'; readonly checkpoint: CompletedCheckpoint }
  | { readonly type: 'failed'; readonly reason: CheckpointFailureReason; readonly message: string }
  /** Not even tried. */
  | { readonly type: 'refused'; readonly message: string }
