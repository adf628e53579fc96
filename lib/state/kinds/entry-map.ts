import { TtlEntry } from '../ttl.ts'

/** What a map slot holds: a Map while small, a SpreadMap beyond. Values are TtlEntry under TTL. */
export interface EntryMap extends Iterable<[unknown, unknown]> {
  readonly size: number
  get(key: unknown): unknown
  has(key: unknown): boolean
  set(key: unknown, value: unknown): unknown
  delete(key: unknown): boolean
}

/** `[key, value, key, value, …]`, under TTL `[key, value, expiry, …]`. */
export function flattenEntries(entries: Iterable<readonly [unknown, unknown]>, ttl: boolean): unknown[] {
  const flat: unknown[] = []
  for (const [key, value] of entries) {
    if (ttl) flat.push(key, (value as TtlEntry).value, (value as TtlEntry).expiresAtMs)
    else flat.push(key, value)
  }
  return flat
}

export function unflattenEntries(flat: readonly unknown[], ttl: boolean): Map<unknown, unknown> {
  const entries = new Map<unknown, unknown>()
  const stride = ttl ? 3 : 2
  for (let i = 0; i < flat.length; i += stride) {
    entries.set(flat[i], ttl ? new TtlEntry(flat[i + 1], flat[i + 2] as number) : flat[i + 1])
  }
  return entries
}

/** The latest expiry of `values`, which are TtlEntry. */
export function latestExpiryMs(values: Iterable<unknown>): number {
  let latest = Number.NEGATIVE_INFINITY
  for (const value of values) latest = Math.max(latest, (value as TtlEntry).expiresAtMs)
  return latest
}
