import type { CheckpointFigures } from '../checkpoint/coordinator-state.ts'
import type { FailureCause } from '../checkpoint/failure-reasons.ts'
import type { JobStatus } from '../checkpoint/job-status.ts'

/** A job that runs in this process. */
export interface JobHandle {
  readonly jobName: string
  readonly runId: string
  /** Settles when the job has ended, however it ended; rejects only on a defect of the runtime. */
  readonly result: Promise<JobResult>
  readonly status: JobStatus
  /** Calls `listener` with every event from now on, in order; returns what ends that. */
  onEvent(listener: (event: JobEvent) => void): () => void
  /** Counts of the present attempt, as of now. */
  metrics(): JobMetrics
  /**
   * Takes a checkpoint now, or as soon as those under way allow. Resolves when it is complete, to where it is; rejects
   * with a UserError saying why there is none, as where the job does not run. It is retained, and removed, as others are.
   */
  triggerCheckpoint(): Promise<CheckpointLocation>
  /**
   * Writes a savepoint below `directory` (default: the configured one). The job goes on, and transactions are not
   * committed. Rejects as {@link triggerCheckpoint}; a savepoint that fails does not fail the job.
   */
  triggerSavepoint(directory?: string): Promise<CheckpointLocation>
  /**
   * Takes a savepoint, commits, and ends the job as FINISHED; resolves then. If the savepoint fails, it rejects and the
   * job runs on. With `drain` event time ends first, and all windows and event-time timers fire: for a job that is not to
   * go on.
   */
  stop(options?: { readonly directory?: string; readonly drain?: boolean }): Promise<CheckpointLocation>
  /**
   * Takes a last checkpoint (if an interval is set), keeps it, and ends the job as SUSPENDED: `from: 'latest'` goes on from
   * there. Called again, it waits for that checkpoint no longer.
   */
  suspend(): Promise<JobResult>
  /** Ends the job as CANCELED; its checkpoints are deleted or retained as configured. */
  cancel(): Promise<JobResult>
}

export interface CheckpointLocation {
  readonly checkpointId: number
  /** Where it is, as `--from` takes it. */
  readonly path: string
}

export interface JobResult {
  readonly status: 'FINISHED' | 'FAILED' | 'CANCELED' | 'SUSPENDED'
  /** What failed the job; set when FAILED. */
  readonly cause: FailureCause | undefined
  /** The newest checkpoint that was kept, as `--from` takes it. */
  readonly lastCheckpoint: CheckpointLocation | undefined
  readonly restarts: number
}

/** What happened, as it happens. Times are epoch milliseconds. */
export type JobEvent =
  | {
      readonly type: 'status'
      readonly atMs: number
      readonly from: JobStatus
      readonly to: JobStatus
      readonly cause: FailureCause | undefined
    }
  | {
      readonly type: 'deployed'
      readonly atMs: number
      readonly attempt: number
      readonly restoredFrom: string | undefined
    }
  /** A restart was granted: it comes `delayMs` from now. */
  | { readonly type: 'restarting'; readonly atMs: number; readonly attempt: number; readonly delayMs: number }
  | {
      readonly type: 'checkpoint-triggered'
      readonly atMs: number
      readonly checkpointId: number
      readonly kind: CheckpointKind
    }
  | {
      readonly type: 'checkpoint-completed'
      readonly atMs: number
      readonly checkpointId: number
      readonly kind: CheckpointKind
      readonly path: string
      readonly figures: CheckpointFigures
    }
  | {
      readonly type: 'checkpoint-failed'
      readonly atMs: number
      readonly checkpointId: number
      readonly reason: string
      readonly message: string
    }
  /** Records for a source are taken by HTTP, at `url`. */
  | { readonly type: 'listening'; readonly atMs: number; readonly operatorUid: string; readonly url: string }
  /** Something the user should know, which stops nothing. */
  | { readonly type: 'warning'; readonly atMs: number; readonly message: string }

export type CheckpointKind = 'checkpoint' | 'savepoint'

/** Counts since the present attempt began. */
export interface JobMetrics {
  readonly status: JobStatus
  readonly attempt: number
  readonly restarts: number
  readonly operators: readonly OperatorFigures[]
  /** Of kind checkpoint. */
  readonly lastCheckpoint: { readonly checkpointId: number; readonly figures: CheckpointFigures } | undefined
}

/** Over all subtasks of an operator. */
export interface OperatorFigures {
  readonly uid: string
  readonly name: string
  /** The chain it runs in. */
  readonly vertex: string
  readonly parallelism: number
  readonly numRecordsIn: number
  readonly numRecordsOut: number
  readonly numLateRecordsDropped: number
  readonly numDeadLetters: number
  /** The least over its subtasks: -Infinity before the first, Infinity after the last. */
  readonly currentWatermark: number
  /** Keys with state, over all subtasks. */
  readonly keys: number
}
