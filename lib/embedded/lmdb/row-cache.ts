import { asSpread, type RowCodec } from '../../state/rows/row-codec.ts'
import type { RowTable } from '../../state/rows/row-table.ts'
import { DIRTY, USED, type Row } from '../../state/rows/row.ts'
import type { ColdTimers } from './cold-timers.ts'
import { GrowthEstimate } from './growth-estimate.ts'
import { noteOf } from './row-note.ts'
import type { RowStore } from './row-store.ts'
import type { WorkingFiles } from './working-files.ts'

/** Rows are evicted down to this part of the budget, so that evictions come in bulk. */
const LOW_WATER = 0.75
/** Within a batch, which may need any number of rows, the budget may be exceeded by this factor. */
const WITHIN_BATCH = 1.25

/** Keeps the rows in memory within a budget. Rows that were not used lately leave first. */
export class RowCache {
  /** Estimated size of the rows in memory, as of when they were loaded or written. */
  bytes = 0
  /** Counts how often a row was made current. */
  uses = 0
  readonly #budget: number
  readonly #table: RowTable
  readonly #codec: RowCodec
  readonly #store: RowStore
  readonly #timers: ColdTimers
  readonly #files: WorkingFiles
  readonly #growth: GrowthEstimate
  #hand: Iterator<Row> | undefined

  constructor(
    budget: number,
    table: RowTable,
    codec: RowCodec,
    store: RowStore,
    timers: ColdTimers,
    files: WorkingFiles,
  ) {
    this.#budget = budget
    this.#table = table
    this.#codec = codec
    this.#store = store
    this.#timers = timers
    this.#files = files
    this.#growth = new GrowthEstimate(table, codec)
  }

  endBatch(bucketsCreated: number): void {
    this.#growth.buckets += bucketsCreated
    if (this.#estimate() <= this.#budget) return
    this.#shrink(undefined)
    const { current } = this.#table
    if (this.bytes > this.#budget && current !== undefined) this.#unload(current)
  }

  /** Before `incoming` is loaded within a batch. */
  makeRoom(incoming: Row): void {
    if (this.#estimate() > this.#budget * WITHIN_BATCH) this.#shrink(incoming)
  }

  /** Writes all changed rows, which stay in memory. */
  flush(): void {
    const changed = this.#table.changed.take()
    this.#files.transaction(() => {
      for (const row of changed) this.measure(row, () => this.#codec.write(row, this.#store, false))
    })
    for (const row of changed) if (row.isEmpty) this.#table.suspect(row)
    this.#table.forgetEmpty()
    this.#growth.reset()
  }

  /** Runs `change`, which may change the size of `row`. */
  measure(row: Row, change: () => void): void {
    const note = noteOf(row)
    const bytesBefore = note.bytes
    change()
    this.bytes += note.bytes - bytesBefore
  }

  #estimate(): number {
    this.#growth.sample(this.uses)
    return this.bytes + this.#growth.bytes
  }

  #shrink(incoming: Row | undefined): void {
    this.flush()
    const victims = this.#victims(incoming)
    this.#files.transaction(() => {
      for (const row of victims) this.#timers.cool(row)
    })
    for (const row of victims) this.#table.forget(row)
  }

  /** The clock algorithm: a row that was used since the hand last passed is passed once more. */
  #victims(incoming: Row | undefined): Row[] {
    const victims: Row[] = []
    let excess = this.bytes - this.#budget * LOW_WATER
    const chosen = new Set([incoming, this.#table.current])
    for (let looked = 0; looked < this.#table.rows.size * 2 && excess > 0; looked++) {
      const row = this.#nextRow()
      if (row === undefined || chosen.has(row)) continue
      if ((row.flags & USED) !== 0) {
        row.flags &= ~USED
        continue
      }
      chosen.add(row)
      victims.push(row)
      excess -= noteOf(row).bytes
    }
    return victims
  }

  #nextRow(): Row | undefined {
    this.#hand ??= this.#table.rows.values()
    const next = this.#hand.next()
    if (next.done !== true) return next.value
    this.#hand = undefined
    return undefined
  }

  /** The last resort, where a single row is too large: its buckets leave memory, all of which are written. */
  #unload(row: Row): void {
    if ((row.flags & DIRTY) !== 0) return
    row.ledgers?.forEach((_ledger, slot) => asSpread(row.slots[slot])?.unload())
    this.measure(row, () => noteOf(row).unloadedBuckets())
  }
}
