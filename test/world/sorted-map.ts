/** A map in the order of its keys, which can be read on from anywhere. */
export class SortedMap<K, V> {
  readonly #compare: (a: K, b: K) => number
  readonly #keys: K[] = []
  readonly #values: V[] = []

  constructor(compare: (a: K, b: K) => number) {
    this.#compare = compare
  }

  get size(): number {
    return this.#keys.length
  }

  get(key: K): V | undefined {
    const index = this.#indexFrom(key)
    return this.#isAt(index, key) ? this.#values[index] : undefined
  }

  set(key: K, value: V): void {
    const index = this.#indexFrom(key)
    if (this.#isAt(index, key)) {
      this.#values[index] = value
    } else {
      this.#keys.splice(index, 0, key)
      this.#values.splice(index, 0, value)
    }
  }

  delete(key: K): void {
    const index = this.#indexFrom(key)
    if (!this.#isAt(index, key)) return
    this.#keys.splice(index, 1)
    this.#values.splice(index, 1)
  }

  /** In order, those after `key`; from the first if undefined. */
  *after(key: K | undefined): Generator<readonly [K, V]> {
    let index = key === undefined ? 0 : this.#indexFrom(key)
    if (key !== undefined && this.#isAt(index, key)) index++
    for (; index < this.#keys.length; index++) yield [this.#keys[index]!, this.#values[index]!]
  }

  /** Removes the entries that `gone` says; how many it were. */
  removeIf(gone: (value: V, key: K) => boolean): number {
    let left = 0
    const count = this.#keys.length
    for (let index = 0; index < count; index++) {
      const key = this.#keys[index]!
      const value = this.#values[index]!
      if (gone(value, key)) continue
      this.#keys[left] = key
      this.#values[left++] = value
    }
    this.#keys.length = left
    this.#values.length = left
    return count - left
  }

  /** Index of the first key that is not less than `key`. */
  #indexFrom(key: K): number {
    let low = 0
    let high = this.#keys.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#compare(this.#keys[middle]!, key) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  #isAt(index: number, key: K): boolean {
    return index < this.#keys.length && this.#compare(this.#keys[index]!, key) === 0
  }
}

/** The order of strings in JavaScript. */
export function byCodeUnits(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
