import type { Attempt, CheckpointId, TaskId } from '../model/ids.ts'
import type { RecordIdentity } from '../model/poison-records.ts'
import type { CompletedCheckpoint, CoordinatedTask, RestorePoint } from './coordinator-state.ts'
import type { DeclineReason, FailureCause } from './failure-reasons.ts'
import type { TaskAck } from './task-ack.ts'

/** What can happen to a job, as its coordinator hears of it. */
export type CoordinatorEvent =
  | StartEvent
  /** All tasks of the attempt run. */
  | { readonly type: 'deployed'; readonly attempt: Attempt }
  /** Time has passed: the answer to `wake-at`. Harmless at any other time. */
  | { readonly type: 'tick' }
  | {
      readonly type: 'acknowledge'
      readonly attempt: Attempt
      readonly checkpointId: CheckpointId
      readonly task: TaskId
      readonly ack: TaskAck
    }
  | {
      readonly type: 'decline'
      readonly attempt: Attempt
      readonly checkpointId: CheckpointId
      readonly task: TaskId
      readonly reason: DeclineReason
      readonly message: string
    }
  /** The answers to `store`; each `store` gets exactly one of them, in the end. */
  | { readonly type: 'stored'; readonly checkpointId: CheckpointId; readonly location: string }
  | { readonly type: 'store-failed'; readonly checkpointId: CheckpointId; readonly message: string }
  /** `task`: undefined if the attempt as a whole failed, such as in its restore. */
  | {
      readonly type: 'task-failed'
      readonly attempt: Attempt
      readonly task: TaskId | undefined
      readonly cause: FailureCause
      /** The record that a function threw at, where it was one and the job counts such failures. */
      readonly record?: RecordIdentity | undefined
    }
  /** The task has seen the end of all its inputs. It still takes part in checkpoints. */
  | { readonly type: 'input-ended'; readonly attempt: Attempt; readonly task: TaskId }
  /** The task does something, after a barrier before which it did nothing. */
  | { readonly type: 'active'; readonly attempt: Attempt; readonly task: TaskId }
  /** No task does anything at present. Where no checkpoints are taken, whose barriers would tell. */
  | { readonly type: 'quiescent'; readonly attempt: Attempt }
  | { readonly type: 'trigger-savepoint'; readonly requestId: string; readonly target: string | undefined }
  | { readonly type: 'trigger-checkpoint'; readonly requestId: string }
  | {
      readonly type: 'stop'
      readonly requestId: string
      readonly target: string | undefined
      readonly drain: boolean
    }
  | { readonly type: 'suspend' }
  | { readonly type: 'cancel' }
  /** Nothing of the attempt runs any more: the answer to `tear-down` and to `finish-tasks`. */
  | { readonly type: 'torn-down'; readonly attempt: Attempt }

export interface StartEvent {
  readonly type: 'start'
  readonly tasks: readonly CoordinatedTask[]
  readonly needsFinalCommit: boolean
  /** What the first attempt starts from; undefined: from nothing. */
  readonly restoreFrom: RestorePoint | undefined
  /** The last attempt of this run in an earlier process; 0 if there was none. */
  readonly lastAttempt: Attempt
  /** Higher than any id ever used in this run. */
  readonly nextCheckpointId: CheckpointId
  /** Checkpoints in storage that this run owns from before; by ascending id. */
  readonly retained: readonly CompletedCheckpoint[]
}

/** What became of an event. Anything but `accepted` changed nothing and gave no commands, save the answer to a request. */
export type EventOutcome =
  | 'accepted'
  /** It was heard before. */
  | 'duplicate'
  /** It is of another attempt than the one that runs. */
  | 'stale-attempt'
  /** Its checkpoint is complete, was given up, or never was. */
  | 'unknown-checkpoint'
  | 'unknown-task'
  /** Nothing to be done about it in the job's present status. */
  | 'not-applicable'
