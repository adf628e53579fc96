import type { Operation } from '../../../test/world/faults.ts'

/** One request of an invocation, in virtual time. */
export interface TracedCall extends Operation {
  readonly beganMs: number
  readonly endedMs: number
}

/** How many requests one after the other: of those that went on at the same time, one counts. */
export function sequentialTrips(calls: readonly TracedCall[]): number {
  let trips = 0
  let freeMs = Number.NEGATIVE_INFINITY
  for (const { beganMs, endedMs } of calls.toSorted((a, b) => a.endedMs - b.endedMs)) {
    if (beganMs < freeMs) continue
    trips++
    freeMs = endedMs
  }
  return trips
}
