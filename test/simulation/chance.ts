import { SeededRandom } from '../../lib/testing/index.ts'

/** Chance in the words of a generator. The same seed gives the same. */
export class Chance extends SeededRandom {
  /** A whole number from `min` to `max`, both included. */
  int(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1))
  }

  /** As `int`, each order of magnitude as likely as the next. `min` is above 0. */
  magnitude(min: number, max: number): number {
    return Math.floor(min * ((max + 1) / min) ** this.next())
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  pick<T>(values: readonly T[]): T {
    return values[this.int(0, values.length - 1)]!
  }

  /** A chance of its own, so that what one part draws does not change another. */
  fork(): Chance {
    return new Chance(this.int(0, 2 ** 31))
  }
}
