import type { Random } from '../../lib/ports/random.ts'

/** The same values in an order of chance. */
export function shuffled<T>(values: readonly T[], random: Random): T[] {
  const left = [...values]
  const result: T[] = []
  while (left.length > 0) result.push(...left.splice(Math.floor(random.next() * left.length), 1))
  return result
}
