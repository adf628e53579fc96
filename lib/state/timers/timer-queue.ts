import TinyQueue from 'tinyqueue'
import { keyText } from '../../model/key-codec.ts'
import type { Row, TimerEntry } from '../rows/row.ts'
import { RowTimers } from './row-timers.ts'

/** Below this, dead entries are not worth the work. */
const DEAD_MIN = 1_000

type TimerField = 'eventTimers' | 'processingTimers'

/**
 * The timers of one domain in the order they fire: by time, then by registration; restored ones first, by key.
 * Deleted entries stay in the heap until they surface or outnumber the others.
 */
export class TimerQueue {
  readonly #field: TimerField
  #heap: TinyQueue<TimerEntry> = new TinyQueue<TimerEntry>([], compareEntries)
  #dead = 0
  #sequence = 0

  constructor(field: TimerField) {
    this.#field = field
  }

  /** False if the row has that timer already. */
  register(row: Row, timeMs: number): boolean {
    let timers = row[this.#field]
    if (timers === undefined) timers = row[this.#field] = new RowTimers()
    else if (timers.find(timeMs) !== undefined) return false
    const entry = { timeMs, sequence: ++this.#sequence, row, alive: true }
    timers.add(entry)
    this.#heap.push(entry)
    return true
  }

  /** Puts back a timer as it was when its row was written. */
  restore(row: Row, timeMs: number, sequence: number): void {
    const timers = (row[this.#field] ??= new RowTimers())
    const entry = { timeMs, sequence, row, alive: true }
    timers.add(entry)
    this.#heap.push(entry)
  }

  /** False if the row has no such timer. */
  delete(row: Row, timeMs: number): boolean {
    const entry = row[this.#field]?.find(timeMs)
    if (entry === undefined) return false
    this.#removeFromRow(row, entry)
    this.#dead++
    this.#compact()
    return true
  }

  /** Removes the earliest timer due at or before `upToMs` from the queue and from its row. */
  popDue(upToMs: number): TimerEntry | undefined {
    const entry = this.peek()
    if (entry === undefined || entry.timeMs > upToMs) return undefined
    this.#heap.pop()
    this.#removeFromRow(entry.row, entry)
    return entry
  }

  /** The earliest timer. */
  peek(): TimerEntry | undefined {
    for (;;) {
      const top = this.#heap.peek()
      if (top === undefined || top.alive) return top
      this.#heap.pop()
      this.#dead--
    }
  }

  /** Takes the timers of a row out of the queue, but leaves them with the row, which leaves memory. */
  detach(row: Row): void {
    for (const entry of row[this.#field]?.entries() ?? []) {
      entry.alive = false
      this.#dead++
    }
    this.#compact()
  }

  #removeFromRow(row: Row, entry: TimerEntry): void {
    const timers = row[this.#field]!
    timers.remove(entry)
    if (timers.size === 0) row[this.#field] = undefined
    entry.alive = false
  }

  #compact(): void {
    if (this.#dead < DEAD_MIN || this.#dead * 2 < this.#heap.length) return
    const alive = this.#heap.data.filter((entry) => entry.alive)
    this.#heap = new TinyQueue(alive, compareEntries)
    this.#dead = 0
  }
}

function compareEntries(a: TimerEntry, b: TimerEntry): number {
  if (a.timeMs !== b.timeMs) return a.timeMs < b.timeMs ? -1 : 1
  if (a.sequence !== b.sequence) return a.sequence - b.sequence
  return keyText(a.row.key) < keyText(b.row.key) ? -1 : 1
}
