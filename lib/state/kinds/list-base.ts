import type { StateDescription } from '../keyed-backend.ts'
import type { RowTable } from '../rows/row-table.ts'
import { DIRTY, type Row } from '../rows/row.ts'
import { NEVER_MS } from '../segment/format.ts'
import { latestExpiryMs } from './entry-map.ts'
import { flattenItems, unflattenItems } from './list-items.ts'
import { SpreadList, type SpreadListMeta } from './spread-list.ts'
import type { SpreadPlace } from './spread-map.ts'
import type { StateKindCode } from './state-kind.ts'

/** A list of more items is spread over chunks. */
const INLINE_MAX = 256

/** What list states with and without TTL share: the slot is an array that is not empty, or a SpreadList. */
export abstract class ListBase implements StateKindCode {
  readonly description: StateDescription
  protected readonly table: RowTable
  protected readonly slot: number
  readonly #ttl: boolean

  constructor(description: StateDescription, table: RowTable, slot: number) {
    this.description = description
    this.table = table
    this.slot = slot
    this.#ttl = description.ttl
  }

  clear(): void {
    if (this.table.row.slots[this.slot] !== undefined) this.setItems(this.table.row, [])
  }

  encode(slot: unknown): unknown {
    return slot instanceof SpreadList ? slot.meta : flattenItems(slot as unknown[], this.#ttl)
  }

  decode(encoded: unknown, row: Row): unknown {
    if (Array.isArray(encoded)) return unflattenItems(encoded, this.#ttl)
    const meta = encoded as SpreadListMeta
    const ledger = row.ledger(this.slot)
    ledger.storedFirst = meta.first
    ledger.storedEnd = meta.end
    return new SpreadList(this.#place(row), meta)
  }

  expiresAtMs(slot: unknown): number {
    if (!this.#ttl) return NEVER_MS
    return slot instanceof SpreadList ? slot.expiresAtMs : latestExpiryMs(slot as unknown[])
  }

  /** The items of a row, in a new array. */
  protected itemsOf(row: Row): unknown[] {
    const slot = row.slots[this.slot]
    if (slot === undefined) return []
    return slot instanceof SpreadList ? slot.items() : (slot as unknown[]).slice()
  }

  protected push(row: Row, item: unknown): void {
    const slot = row.slots[this.slot]
    if (slot === undefined) row.slots[this.slot] = [item]
    else if (slot instanceof SpreadList) slot.push(item)
    else if ((slot as unknown[]).push(item) > INLINE_MAX) this.#spread(row, slot as unknown[])
    if ((row.flags & DIRTY) === 0) this.table.markDirty(row)
  }

  /** Replaces the list by `items`, which it keeps. */
  protected setItems(row: Row, items: unknown[]): void {
    if (items.length > INLINE_MAX) {
      this.#spread(row, items)
    } else {
      row.slots[this.slot] = items.length === 0 ? undefined : items
      if (items.length === 0) this.table.suspect(row)
    }
    this.changed(row)
  }

  protected changed(row: Row): void {
    if ((row.flags & DIRTY) === 0) this.table.markDirty(row)
  }

  #spread(row: Row, items: readonly unknown[]): void {
    const spread = new SpreadList(this.#place(row))
    for (const item of items) spread.push(item)
    row.slots[this.slot] = spread
  }

  #place(row: Row): SpreadPlace {
    return { table: this.table, row, slot: this.slot, ttl: this.#ttl }
  }
}
