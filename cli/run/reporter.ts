import type { JobEvent, JobMetrics } from '../../lib/embedded/job-handle.ts'
import type { StopSignal } from '../exit-codes.ts'
import type { JobView } from './job-observer.ts'
import type { RunSummary } from './summary.ts'

/** Tells people or programs how a run goes. */
export interface RunReporter {
  /** How often it wants `update`; undefined: never. */
  readonly updateEveryMs: number | undefined
  started(job: StartedJob): void
  event(event: JobEvent, view: JobView): void
  update(view: JobView, metrics: JobMetrics): void
  /** A first signal came: the job is being suspended. */
  stopping(signal: StopSignal): void
  finished(summary: RunSummary, exitCode: number): void
  /** There is no result: `cause` is told on standard error, by somebody else. */
  failed(cause: unknown): void
  /** A second signal came: the process ends now, whatever the job does. `resume`: see RunSummary. */
  stoppedAtOnce(signal: StopSignal, resume: string | undefined): void
  /** The job's code does not return: what waits to be written is written now, or may never be. */
  hanging(): void
  /** Gives the process's streams back. Harmless at any time, and more than once. */
  close(): void
}

export interface StartedJob {
  readonly jobName: string
  readonly runId: string
  readonly file: string
}

export const STOPPING_NOTICE = 'Taking a last checkpoint; press Ctrl-C again to stop at once'
