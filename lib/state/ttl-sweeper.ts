import type { StateKindCode } from './kinds/state-kind.ts'
import type { RowTable } from './rows/row-table.ts'
import type { Row } from './rows/row.ts'

/** Rows looked at after every batch; */
const ROWS_MIN = 8
/** and for each row that the batch created, so that dead rows cannot outgrow the living. */
const ROWS_PER_CREATED = 2

/** Removes what has expired and is never accessed again, a few rows at a time, round and round. */
export class TtlSweeper {
  readonly #table: RowTable
  readonly #kinds: readonly StateKindCode[]
  readonly #active: boolean
  #rows: Iterator<Row> | undefined

  constructor(table: RowTable, kinds: readonly StateKindCode[]) {
    this.#table = table
    this.#kinds = kinds
    this.#active = kinds.some((kind) => kind.description.ttl)
  }

  sweepSome(): void {
    if (!this.#active) return
    const budget = Math.min(ROWS_MIN + this.#table.created * ROWS_PER_CREATED, this.#table.rows.size)
    for (let i = 0; i < budget; i++) {
      // A Map's iterator goes on over what is added and removed meanwhile.
      this.#rows ??= this.#table.rows.values()
      const next = this.#rows.next()
      if (next.done === true) this.#rows = undefined
      else this.#sweep(next.value)
    }
  }

  #sweep(row: Row): void {
    for (let slot = 0; slot < this.#kinds.length; slot++) {
      if (row.slots[slot] !== undefined) this.#kinds[slot]!.sweep?.(row)
    }
  }
}
