/** The only source of time. Injected, so that tests and the simulator move it. */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number
  /** Calls `callback` once, at or after `atMs`, never within this call. */
  schedule(atMs: number, callback: () => void): ScheduledCall
}

export interface ScheduledCall {
  cancel(): void
}
