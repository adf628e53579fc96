/** Why a pending checkpoint came to nothing. */
export type CheckpointFailureReason =
  | 'task-error'
  | 'task-not-ready'
  | 'task-closing'
  | 'expired'
  | 'store-failed'
  | 'subsumed'
  | 'job-failing'
  | 'job-cancelled'
  | 'job-suspended'
  | 'job-stopping'

/** Why a task would not take part in a checkpoint. */
export type DeclineReason = Extract<CheckpointFailureReason, 'task-error' | 'task-not-ready' | 'task-closing'>

/**
 * Whether a failure counts against the tolerable number, as in Flink's CheckpointFailureManager: those that say that
 * checkpointing does not work do; those that are the consequence of something else do not. A savepoint's never do.
 */
export const COUNTS_AS_FAILURE: Readonly<Record<CheckpointFailureReason, boolean>> = {
  'task-error': true,
  'task-not-ready': false,
  'task-closing': false,
  expired: true,
  'store-failed': true,
  subsumed: false,
  'job-failing': false,
  'job-cancelled': false,
  'job-suspended': false,
  'job-stopping': false,
}

/** Why the job failed, as plain data: what the user is shown. */
export interface FailureCause {
  readonly message: string
  /** The user has to mend something first, such as the name of a file: no restart could help. */
  readonly isUserMistake?: boolean | undefined
  readonly operatorUid?: string | undefined
  readonly operatorName?: string | undefined
  readonly subtaskIndex?: number | undefined
  /** The key being processed, as text. */
  readonly key?: string | undefined
  /** Where the record came from: `file.txt:120`, or `words#0, element 12, record 7`. */
  readonly position?: string | undefined
  /** Event time of the record in epoch milliseconds. */
  readonly timestampMs?: number | undefined
  readonly stack?: string | undefined
  /** Set where the restart strategy granted no restart: why. */
  readonly notRestartedBecause?: string | undefined
}
