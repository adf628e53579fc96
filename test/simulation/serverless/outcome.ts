import type { FaultKind } from './faults.ts'
import type { Trace } from './process.ts'
import type { Scheduler } from './scheduler.ts'

export const START_MS = 1_700_000_000_000

/** What a case came to: what is wrong, and figures that show that it tested something. */
export interface Outcome {
  readonly problems: readonly string[]
  readonly completed: number
  readonly restarts: number
  readonly lives: number
  readonly faults: ReadonlyMap<FaultKind, number>
  readonly processes: number
  readonly steps: number
  readonly virtualMs: number
  readonly items: number
}

export type Tell = (line: string) => void

/** Tells what happens with the virtual time of it, in seconds since the start. */
export function tracer(scheduler: Scheduler, tell: Tell | undefined): Trace {
  if (tell === undefined) return () => {}
  return (line) => tell(`${((scheduler.nowMs - START_MS) / 1000).toFixed(3).padStart(9)} ${line()}`)
}

/** Whether a warning is of what was injected, or of what follows from it. */
export function isExpected(message: string): boolean {
  return /injected|could not be sent|is gone|runs another version of the job|folded already|there was no more time/.test(
    message,
  )
}

/** What may fail a job: user code, checkpoints that it does not tolerate, and other code under a run that an older process began. */
const CAUSES = [
  /^injected(: poison)?$/,
  /are tolerated \(execution\.checkpointing\.tolerable-failed-checkpoints\)/,
  /^the deployed code is not that of the run/,
]

/** Whether it is for the job to fail at. A fault of the platform is not. */
export function mayFail(cause: string): boolean {
  return CAUSES.some((known) => known.test(cause))
}
