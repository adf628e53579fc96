/**
 * The platform could not do what it was asked to just now: a throttle, a time-out, a lost connection, after what retries
 * there was time for. Not the job's failure: whatever was under way is tried again.
 */
export class PlatformFault extends Error {
  override readonly name: string = 'PlatformFault'
}
