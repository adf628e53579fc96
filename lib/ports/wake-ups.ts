import type { ActorId } from '../model/ids.ts'

/** Wakes actors later. */
export interface WakeUps {
  /**
   * Sends `actor` a nudge at or after `atMs` (epoch milliseconds), at least once, within seconds where nothing is
   * overloaded. Any time ahead; a past time means now.
   */
  wakeAt(actor: ActorId, atMs: number): Promise<void>
}

/** The tick, once a minute, that re-arms what was lost. It costs, so it is off while a job is idle. */
export interface SafetySchedule {
  enable(): Promise<void>
  disable(): Promise<void>
}
