/** What the process ends with: shells and schedulers act on it, so a number never changes its meaning. */
export const EXIT = {
  finished: 0,
  failed: 1,
  userMistake: 2,
  internalError: 70,
  /** EX_TEMPFAIL of sysexits.h. */
  noAnswer: 75,
  interrupted: 130,
  /** As a process that SIGPIPE ended: whoever read its output has gone. */
  brokenPipe: 141,
  terminated: 143,
} as const

/** The signals that stop a job, with what shells expect of a process that one has stopped: 128 + its number. */
export const EXIT_OF_SIGNAL: Readonly<Record<StopSignal, number>> = {
  SIGINT: EXIT.interrupted,
  SIGTERM: EXIT.terminated,
}

export type StopSignal = 'SIGINT' | 'SIGTERM'

/** For `--help` and the manual. */
export const EXIT_CODES: readonly (readonly [code: string, meaning: string])[] = [
  ['0', 'the job finished; or the command did what it was asked'],
  ['1', 'the job FAILED, or what was asked of it did; the cause is shown'],
  ['2', 'a mistake in an option, file, graph, setting or checkpoint: mend it before another try'],
  ['70', 'a defect of Millrace, or an error that nothing handled'],
  ['75', 'a deployed job, or AWS, did not answer in time; what was asked may yet happen'],
  ['130, 143', 'stopped by Ctrl-C (SIGINT), by SIGTERM'],
  ['141', 'whoever read the output has gone (SIGPIPE)'],
]
