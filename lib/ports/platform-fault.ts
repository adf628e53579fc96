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

/** The fault of the platform that led to `cause`, if it does not pass: what it denies now, it denies the next time. */
export function denialIn(cause: unknown): Error | undefined {
  return causesOf(cause).find((one) => one instanceof PlatformFault && !one.passes)
}

/** `cause`, and what led to it. */
export function causesOf(cause: unknown): Error[] {
  const causes: Error[] = []
  for (let next: unknown = cause; next instanceof Error && !causes.includes(next); next = next.cause)
    causes.push(next)
  return causes
}
