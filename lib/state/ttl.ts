import { durationMs } from '../model/durations.ts'
import { UserError } from '../model/faults.ts'
import type { Ttl } from '../stream/state.ts'

/** TtlOptions with all defaults in place. */
export interface ResolvedTtl {
  readonly ttlMs: number
  readonly renewOnRead: boolean
  readonly returnExpired: boolean
}

/** A value and when it expires: what slots, lists and maps under TTL hold. */
export class TtlEntry {
  readonly value: unknown
  readonly expiresAtMs: number

  constructor(value: unknown, expiresAtMs: number) {
    this.value = value
    this.expiresAtMs = expiresAtMs
  }
}

/** As Flink's TtlUtils: expired from the very millisecond on. */
export function isExpired(entry: TtlEntry, nowMs: number): boolean {
  return entry.expiresAtMs <= nowMs
}

export function resolveTtl(ttl: Ttl | undefined, what: string): ResolvedTtl | undefined {
  if (ttl === undefined) return undefined
  const options = typeof ttl === 'object' ? ttl : { ttl }
  const ttlMs = durationMs(options.ttl, `${what}: ttl`)
  if (ttlMs === 0) throw new UserError(`${what}: ttl: expected more than 0 ms, got ${String(options.ttl)}`)
  return {
    ttlMs,
    renewOnRead: options.updateType === 'OnReadAndWrite',
    returnExpired: options.visibility === 'ReturnExpiredIfNotCleanedUp',
  }
}
