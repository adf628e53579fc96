import type { ValueState } from '../../stream/state.ts'
import type { StateDescription } from '../keyed-backend.ts'
import type { RowTable } from '../rows/row-table.ts'
import { DIRTY, type Row } from '../rows/row.ts'
import { isExpired, TtlEntry, type ResolvedTtl } from '../ttl.ts'
import type { StateKindCode } from './state-kind.ts'

/** One value per key under TTL: the slot is a TtlEntry. */
export class TtlValue<T> implements ValueState<T>, StateKindCode {
  readonly description: StateDescription
  readonly #table: RowTable
  readonly #slot: number
  readonly #ttl: ResolvedTtl

  constructor(description: StateDescription, table: RowTable, slot: number, ttl: ResolvedTtl) {
    this.description = description
    this.#table = table
    this.#slot = slot
    this.#ttl = ttl
  }

  value(): T | undefined {
    const table = this.#table
    const row = table.row
    const entry = row.slots[this.#slot] as TtlEntry | undefined
    if (entry === undefined) return undefined
    if (isExpired(entry, table.nowMs)) {
      this.#set(row, undefined)
      return this.#ttl.returnExpired ? (entry.value as T) : undefined
    }
    if (this.#ttl.renewOnRead) this.#set(row, new TtlEntry(entry.value, table.nowMs + this.#ttl.ttlMs))
    return entry.value as T
  }

  update(value: T): void {
    const table = this.#table
    this.#set(table.row, value === undefined ? undefined : new TtlEntry(value, table.nowMs + this.#ttl.ttlMs))
  }

  clear(): void {
    if (this.#table.row.slots[this.#slot] !== undefined) this.#set(this.#table.row, undefined)
  }

  encode(slot: unknown): unknown {
    const entry = slot as TtlEntry
    return [entry.value, entry.expiresAtMs]
  }

  decode(encoded: unknown): unknown {
    const [value, expiresAtMs] = encoded as [unknown, number]
    return new TtlEntry(value, expiresAtMs)
  }

  expiresAtMs(slot: unknown): number {
    return (slot as TtlEntry).expiresAtMs
  }

  sweep(row: Row): void {
    if (isExpired(row.slots[this.#slot] as TtlEntry, this.#table.nowMs)) this.#set(row, undefined)
  }

  #set(row: Row, entry: TtlEntry | undefined): void {
    row.slots[this.#slot] = entry
    if ((row.flags & DIRTY) === 0) this.#table.markDirty(row)
    if (entry === undefined) this.#table.suspect(row)
  }
}
