/** The life of a job, as Flink's JobStatus has it. */
export type JobStatus =
  | 'CREATED'
  | 'RUNNING'
  | 'FAILING'
  | 'RESTARTING'
  | 'CANCELLING'
  | 'CANCELED'
  | 'FINISHED'
  | 'FAILED'
  | 'SUSPENDED'

/**
 * Every legal move. FAILING ends the failed attempt's tasks; once they are gone the job is RESTARTING or FAILED.
 * SUSPENDED is left by a later process, which starts the job anew from its last checkpoint.
 */
export const JOB_STATUS_MOVES: Readonly<Record<JobStatus, readonly JobStatus[]>> = {
  CREATED: ['RUNNING', 'FAILING', 'CANCELLING', 'SUSPENDED'],
  RUNNING: ['FINISHED', 'FAILING', 'CANCELLING', 'SUSPENDED'],
  FAILING: ['RESTARTING', 'FAILED', 'CANCELLING', 'SUSPENDED'],
  RESTARTING: ['RUNNING', 'FAILING', 'CANCELLING', 'SUSPENDED'],
  CANCELLING: ['CANCELED'],
  CANCELED: [],
  FINISHED: [],
  FAILED: [],
  SUSPENDED: [],
}

export function canMove(from: JobStatus, to: JobStatus): boolean {
  return JOB_STATUS_MOVES[from].includes(to)
}

/** Nothing more happens here; another process may go on with a SUSPENDED job. */
export function isTerminal(status: JobStatus): boolean {
  return JOB_STATUS_MOVES[status].length === 0
}

/** The job is over for good, everywhere. */
export function isGloballyTerminal(status: JobStatus): boolean {
  return isTerminal(status) && status !== 'SUSPENDED'
}
