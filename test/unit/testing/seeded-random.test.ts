import { describe, expect, test } from 'vitest'
import { SeededRandom } from '../../../lib/testing/index.ts'

const take = (seed: number, count: number): number[] => {
  const random = new SeededRandom(seed)
  return Array.from({ length: count }, () => random.next())
}

describe('SeededRandom', () => {
  test('the same seed gives the same numbers, another seed others', () => {
    expect(take(7, 100)).toEqual(take(7, 100))
    expect(take(7, 100)).not.toEqual(take(8, 100))
  })

  test('numbers are spread over [0, 1)', () => {
    const counts = Array.from({ length: 10 }, () => 0)
    for (const number of take(42, 10_000)) counts[Math.floor(number * 10)]!++
    for (const count of counts) expect(Math.abs(count - 1_000)).toBeLessThan(150)
  })
})
