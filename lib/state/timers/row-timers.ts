/** Up to this many timers, a scan beats a Map. */
const SCAN_MAX = 16

/** The timers of one row in one time domain, at most one at a time. Never empty: the row drops it then. */
export class RowTimers<Entry extends { readonly timeMs: number }> {
  readonly #few: Entry[] = []
  #many: Map<number, Entry> | undefined

  get size(): number {
    return this.#many?.size ?? this.#few.length
  }

  find(timeMs: number): Entry | undefined {
    if (this.#many !== undefined) return this.#many.get(timeMs)
    const few = this.#few
    // The latest is the likeliest to be registered again.
    for (let i = few.length - 1; i >= 0; i--) if (few[i]!.timeMs === timeMs) return few[i]
    return undefined
  }

  /** Only for a time that `find` does not find. */
  add(entry: Entry): void {
    if (this.#many !== undefined) {
      this.#many.set(entry.timeMs, entry)
    } else if (this.#few.push(entry) > SCAN_MAX) {
      this.#many = new Map(this.#few.map((each) => [each.timeMs, each]))
      this.#few.length = 0
    }
  }

  remove(entry: Entry): void {
    if (this.#many !== undefined) {
      this.#many.delete(entry.timeMs)
      return
    }
    const last = this.#few.pop()!
    if (last !== entry) this.#few[this.#few.indexOf(entry)] = last
  }

  get earliestMs(): number {
    let earliestMs = Number.POSITIVE_INFINITY
    for (const { timeMs } of this.#many?.values() ?? this.#few) if (timeMs < earliestMs) earliestMs = timeMs
    return earliestMs
  }

  /** In ascending order of time. */
  entries(): Entry[] {
    return [...(this.#many?.values() ?? this.#few)].toSorted((a, b) => (a.timeMs < b.timeMs ? -1 : 1))
  }
}
