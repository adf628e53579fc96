import type { Row } from '../rows/row.ts'

/** A timer of one row. */
export interface TimerEntry {
  readonly timeMs: number
  /** Order of registration; 0 for restored timers. */
  readonly sequence: number
  readonly row: Row
  /** False once it was deleted or fired: it waits to be dropped from its queue. */
  alive: boolean
}

/** Up to this many timers, a scan beats a Map. */
const SCAN_MAX = 16

/** The timers of one row in one time domain, at most one at a time. Never empty: the row drops it then. */
export class RowTimers {
  readonly #few: TimerEntry[] = []
  #many: Map<number, TimerEntry> | undefined

  get size(): number {
    return this.#many?.size ?? this.#few.length
  }

  find(timeMs: number): TimerEntry | undefined {
    if (this.#many !== undefined) return this.#many.get(timeMs)
    const few = this.#few
    // The latest is the likeliest to be registered again.
    for (let i = few.length - 1; i >= 0; i--) if (few[i]!.timeMs === timeMs) return few[i]
    return undefined
  }

  /** Only for a time that `find` does not find. */
  add(entry: TimerEntry): void {
    if (this.#many !== undefined) {
      this.#many.set(entry.timeMs, entry)
    } else if (this.#few.push(entry) > SCAN_MAX) {
      this.#many = new Map(this.#few.map((each) => [each.timeMs, each]))
      this.#few.length = 0
    }
  }

  remove(entry: TimerEntry): void {
    if (this.#many !== undefined) {
      this.#many.delete(entry.timeMs)
      return
    }
    const last = this.#few.pop()!
    if (last !== entry) this.#few[this.#few.indexOf(entry)] = last
  }

  /** In ascending order of time. */
  entries(): TimerEntry[] {
    return [...(this.#many?.values() ?? this.#few)].toSorted((a, b) => (a.timeMs < b.timeMs ? -1 : 1))
  }
}
