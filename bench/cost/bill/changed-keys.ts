import type { Distribution } from '../platform/keys.ts'

/** How many of `keyCount` keys `events` events are expected to change, each at least once. */
export function changedKeys(distribution: Distribution, keyCount: number, events: number): number {
  if (distribution === 'uniform') return keyCount * hitChance(1 / keyCount, events)
  let weights = 0
  for (let rank = 1; rank <= keyCount; rank++) weights += 1 / rank
  let changed = 0
  for (let rank = 1; rank <= keyCount; rank++) changed += hitChance(1 / rank / weights, events)
  return changed
}

/** That what has this chance happens at least once. */
function hitChance(chance: number, times: number): number {
  return 1 - (1 - chance) ** times
}
