import { assert } from '../model/faults.ts'

/**
 * One list of all that is in `lists`, each item once, in an order that none of them contradicts. The lists are parts
 * of one history, so there is such an order. Deterministic.
 */
export function mergeOrders<T>(lists: readonly (readonly T[])[], keyOf: (item: T) => string): T[] {
  const keyed = lists.map((list) => list.map((item) => ({ item, key: keyOf(item) })))
  const cursors = keyed.map(() => 0)
  /** In how many lists the item is still to come. */
  const remaining = new Map<string, number>()
  for (const { key } of keyed.flat()) remaining.set(key, (remaining.get(key) ?? 0) + 1)

  const merged: T[] = []
  while (remaining.size > 0) {
    const heads = keyed.flatMap((list, index) => list[cursors[index]!] ?? [])
    const next = heads.find(
      ({ key }) => heads.filter((head) => head.key === key).length === remaining.get(key),
    )
    assert(next !== undefined, 'segments of one operator have one order of age')
    merged.push(next.item)
    remaining.delete(next.key)
    for (const [index, list] of keyed.entries()) {
      if (list[cursors[index]!]?.key === next.key) cursors[index]!++
    }
  }
  return merged
}
