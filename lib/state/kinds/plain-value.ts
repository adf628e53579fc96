import type { ValueState } from '../../stream/state.ts'
import type { StateDescription } from '../keyed-backend.ts'
import type { RowTable } from '../rows/row-table.ts'
import { DIRTY } from '../rows/row.ts'
import { NEVER_MS } from '../segment/format.ts'
import type { StateKindCode } from './state-kind.ts'

/** One value per key, without TTL: the slot is the value. It is kept by reference until a snapshot encodes it. */
export class PlainValue<T> implements ValueState<T>, StateKindCode {
  readonly description: StateDescription
  readonly #table: RowTable
  readonly #slot: number

  constructor(description: StateDescription, table: RowTable, slot: number) {
    this.description = description
    this.#table = table
    this.#slot = slot
  }

  value(): T | undefined {
    return this.#table.row.slots[this.#slot] as T | undefined
  }

  update(value: T): void {
    if (value === undefined) {
      this.clear()
      return
    }
    const row = this.#table.row
    row.slots[this.#slot] = value
    if ((row.flags & DIRTY) === 0) this.#table.markDirty(row)
  }

  clear(): void {
    const row = this.#table.row
    if (row.slots[this.#slot] === undefined) return
    row.slots[this.#slot] = undefined
    if ((row.flags & DIRTY) === 0) this.#table.markDirty(row)
    this.#table.suspect(row)
  }

  encode(slot: unknown): unknown {
    return slot
  }

  decode(encoded: unknown): unknown {
    return encoded
  }

  expiresAtMs(): number {
    return NEVER_MS
  }
}
