/**
 * The platform could not do what it was asked to. Most such faults pass (a throttle, a time-out, a lost connection, after
 * what retries there was time for): they are not the job's failure, and whatever was under way is tried again. Others do
 * not: a permission that is missing, a table that is gone. They fail the job, and say what is to be mended.
 */
export class PlatformFault extends Error {
  override readonly name: string = 'PlatformFault'
  /** Whether trying again may help. */
  readonly passes: boolean

  constructor(message: string, options: ErrorOptions & { readonly passes?: boolean } = {}) {
    super(message, options)
    this.passes = options.passes ?? true
  }
}
