import type { Random } from '../../../lib/ports/random.ts'

export type Distribution = 'zipf' | 'uniform'

/** Gives numbers of keys, from 0 on. */
export type Keys = () => number

/** Chance over `count` keys: all alike, or the key of rank r with a weight of 1/r (Zipf's law, exponent 1). */
export function keysOf(distribution: Distribution, count: number, random: Random): Keys {
  if (distribution === 'uniform') return () => Math.floor(random.next() * count)
  const upTo = new Float64Array(count)
  let sum = 0
  for (let rank = 1; rank <= count; rank++) upTo[rank - 1] = sum += 1 / rank
  return () => rankAt(upTo, random.next() * sum)
}

/** The first index whose sum is above `weight`. */
function rankAt(upTo: Float64Array, weight: number): number {
  let low = 0
  let high = upTo.length - 1
  while (low < high) {
    const middle = (low + high) >>> 1
    if (upTo[middle]! > weight) high = middle
    else low = middle + 1
  }
  return low
}
