import { asSpread, type RowCodec } from '../../state/rows/row-codec.ts'
import type { RowTable } from '../../state/rows/row-table.ts'
import { DIRTY, USED, type Row } from '../../state/rows/row.ts'
import type { ColdTimers } from './cold-timers.ts'
import { noteOf } from './row-note.ts'
import type { RowStore } from './row-store.ts'
import type { WorkingFiles } from './working-files.ts'

/** Rows are evicted down to this part of the budget, so that evictions come in bulk. */
const LOW_WATER = 0.75
/** Within a batch, which may need any number of rows, the budget may be exceeded by this factor. */
const WITHIN_BATCH = 1.25
const BUCKET_BYTES = 8_000
/** Changed rows are written, and thereby measured, at the latest after so many uses of rows. */
const USES_BETWEEN_FLUSHES = 1_000_000

/** Keeps the rows in memory within a budget. Rows that were not used lately leave first. */
export class RowCache {
  /** Estimated size of the rows in memory. */
  bytes = 0
  uses = 0
  readonly #budget: number
  readonly #table: RowTable
  readonly #codec: RowCodec
  readonly #store: RowStore
  readonly #timers: ColdTimers
  readonly #files: WorkingFiles
  /** Estimated growth of rows since they were last measured. */
  #unmeasured = 0
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
  }

  endBatch(bucketsCreated: number): void {
    this.#unmeasured += bucketsCreated * BUCKET_BYTES
    if (this.uses > USES_BETWEEN_FLUSHES) this.flush()
    if (this.bytes + this.#unmeasured <= this.#budget) return
    this.#shrink(undefined)
    const { current } = this.#table
    if (this.bytes > this.#budget && current !== undefined) this.#unload(current)
  }

  /** Before `incoming` is loaded within a batch. */
  makeRoom(incoming: Row): void {
    if (this.bytes > this.#budget * WITHIN_BATCH) this.#shrink(incoming)
  }

  /** Writes all changed rows, which stay in memory. */
  flush(): void {
    const changed = this.#table.takeDirty()
    this.#files.transaction(() => {
      for (const row of changed) this.measure(row, () => this.#codec.write(row, this.#store, false))
    })
    for (const row of changed) if (row.isEmpty) this.#table.suspect(row)
    this.#table.forgetEmpty()
    this.#unmeasured = 0
    this.uses = 0
  }

  /** Runs `change`, which may change the size of `row`. */
  measure(row: Row, change: () => void): void {
    const note = noteOf(row)
    const bytesBefore = note.bytes
    change()
    this.bytes += note.bytes - bytesBefore
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
