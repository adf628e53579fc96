import { UserError } from '../model/faults.ts'
import type { StreamEnvironment } from './environment.ts'
import type { JobOptions } from './options.ts'

/** Registered for all copies of the package, so that a job module that loaded another copy is recognised. */
const JOB_BRAND = Symbol.for('millrace.job')

/** A job: its options and the function that builds its graph. A job module exports one as its default. */
export interface JobDefinition {
  readonly options: JobOptions
  readonly build: (env: StreamEnvironment) => void
}

/**
 * Defines a job. Nothing runs yet: whoever runs the job calls `build`, possibly several times and in several
 * processes, so it must build the same graph each time and do nothing else.
 * @throws UserError if `build` is not a function. Options are checked when the job is run, all at once.
 */
export function defineJob(options: JobOptions, build: (env: StreamEnvironment) => void): JobDefinition {
  if (typeof build !== 'function') {
    throw new UserError(`defineJob: expected a function (env) => void after the options, got ${typeof build}`)
  }
  return Object.freeze({ [JOB_BRAND]: true, options, build })
}

/** Whether `value`, an export of some module, was made by {@link defineJob}. */
export function isJobDefinition(value: unknown): value is JobDefinition {
  return typeof value === 'object' && value !== null && JOB_BRAND in value
}
