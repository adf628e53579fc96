import { isExpired, TtlEntry } from '../ttl.ts'

/** Without TTL the items as they are; with it `[item, expiry, item, expiry, …]`. */
export function flattenItems(items: readonly unknown[], ttl: boolean): readonly unknown[] {
  if (!ttl) return items
  const flat: unknown[] = []
  for (const item of items as readonly TtlEntry[]) flat.push(item.value, item.expiresAtMs)
  return flat
}

export function unflattenItems(flat: readonly unknown[], ttl: boolean): unknown[] {
  if (!ttl) return [...flat]
  const items: unknown[] = []
  for (let i = 0; i < flat.length; i += 2) items.push(new TtlEntry(flat[i], flat[i + 1] as number))
  return items
}

/** `items` without those that expired: the same array if there are none. */
export function withoutExpired(items: unknown[], nowMs: number): unknown[] {
  const expired = (item: unknown): boolean => isExpired(item as TtlEntry, nowMs)
  return items.some(expired) ? items.filter((item) => !expired(item)) : items
}
