import { keyText } from '../../model/key-codec.ts'
import type { Key } from '../../model/keys.ts'
import type { TimerDomain } from '../../state/keyed-backend.ts'
import type { RowContents } from '../../state/rows/row-codec.ts'
import type { Row } from '../../state/rows/row.ts'
import type { TimerQueue } from '../../state/timers/timer-queue.ts'
import { noteOf } from './row-note.ts'
import { TimerIndex, type IndexedTimer } from './timer-index.ts'
import type { WorkingFiles } from './working-files.ts'

const FIELDS = { event: 'eventTimers', processing: 'processingTimers' } as const
const DOMAINS: readonly TimerDomain[] = ['event', 'processing']

/** Moves timers between the queues in memory and the indexes on disk, along with their rows. */
export class ColdTimers {
  readonly #queues: Readonly<Record<TimerDomain, TimerQueue>>
  readonly #indexes: Readonly<Record<TimerDomain, TimerIndex>>

  constructor(files: WorkingFiles, event: TimerQueue, processing: TimerQueue) {
    this.#queues = { event, processing }
    this.#indexes = {
      event: new TimerIndex(files.eventTimers),
      processing: new TimerIndex(files.processingTimers),
    }
  }

  peek(domain: TimerDomain): IndexedTimer | undefined {
    return this.#indexes[domain].peek()
  }

  /** Takes out the earliest timer on disk: `row`, whose it is, is in memory. */
  shift(domain: TimerDomain, row: Row): void {
    const timer = this.peek(domain)!
    noteOf(row)[FIELDS[domain]]?.delete(timer.timeMs)
    this.#indexes[domain].shift()
  }

  /** Whether a timer on disk is due before any in memory. */
  isBefore(
    cold: { readonly key: Key; readonly timeMs: number; readonly sequence: number },
    domain: TimerDomain,
  ): boolean {
    const warm = this.#queues[domain].peek()
    if (warm === undefined || cold.timeMs !== warm.timeMs)
      return warm === undefined || cold.timeMs < warm.timeMs
    if (cold.sequence !== warm.sequence) return cold.sequence < warm.sequence
    return keyText(cold.key) < keyText(warm.row.key)
  }

  /** The row was loaded: its timers are in memory from now on. */
  warm(row: Row, contents: RowContents, sequences: readonly number[]): void {
    let next = 0
    for (const domain of DOMAINS) {
      const times = domain === 'event' ? contents.eventTimersMs : contents.processingTimersMs
      if (times.length === 0) continue
      const indexed = new Map<number, number>()
      for (const timeMs of times) {
        const sequence = sequences[next++]!
        this.#queues[domain].restore(row, timeMs, sequence)
        indexed.set(timeMs, sequence)
      }
      noteOf(row)[FIELDS[domain]] = indexed
    }
  }

  /** The row leaves memory: brings the index on disk in line with its timers. Within a transaction. */
  cool(row: Row): void {
    for (const domain of DOMAINS) {
      const field = FIELDS[domain]
      const indexed = noteOf(row)[field]
      const timers = row[field]
      if (indexed !== undefined) this.#removeStale(domain, row, indexed, timers)
      noteOf(row)[field] = undefined
      if (timers === undefined) continue
      for (const { timeMs, sequence } of timers.entries()) {
        if (indexed?.get(timeMs) !== sequence) this.restore(domain, timeMs, sequence, keyText(row.key))
      }
      this.#queues[domain].detach(row)
    }
  }

  /** Whether the index on disk has timers of the row, which is in memory. */
  hasTracesOf(row: Row): boolean {
    const { eventTimers, processingTimers } = noteOf(row)
    return eventTimers !== undefined || processingTimers !== undefined
  }

  /** Within a transaction. */
  restore(domain: TimerDomain, timeMs: number, sequence: number, text: string): void {
    this.#indexes[domain].add({ timeMs, sequence, keyText: text })
  }

  #removeStale(
    domain: TimerDomain,
    row: Row,
    indexed: ReadonlyMap<number, number>,
    timers: Row['eventTimers'],
  ): void {
    for (const [timeMs, sequence] of indexed) {
      if (timers?.find(timeMs)?.sequence !== sequence) {
        this.#indexes[domain].remove(timeMs, sequence, keyText(row.key))
      }
    }
  }
}
