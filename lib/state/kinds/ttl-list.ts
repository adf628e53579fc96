import type { ListState } from '../../stream/state.ts'
import type { StateDescription } from '../keyed-backend.ts'
import type { RowTable } from '../rows/row-table.ts'
import type { Row } from '../rows/row.ts'
import { isExpired, TtlEntry, type ResolvedTtl } from '../ttl.ts'
import { ListBase } from './list-base.ts'
import { withoutExpired } from './list-items.ts'
import { SpreadList } from './spread-list.ts'

/** A list per key whose items expire each on its own. What `get` returns is a copy: it never changes. */
export class TtlList<T> extends ListBase implements ListState<T> {
  readonly #ttl: ResolvedTtl

  constructor(description: StateDescription, table: RowTable, slot: number, ttl: ResolvedTtl) {
    super(description, table, slot)
    this.#ttl = ttl
  }

  get(): readonly T[] {
    const row = this.table.row
    const items = this.itemsOf(row) as TtlEntry[]
    if (items.length === 0) return []
    const live = items.filter((item) => !isExpired(item, this.table.nowMs))
    if (this.#ttl.renewOnRead && live.length > 0)
      this.setItems(row, this.#entries(live.map((item) => item.value)))
    else if (live.length < items.length) this.#dropExpired(row)
    return (this.#ttl.returnExpired ? items : live).map((item) => item.value as T)
  }

  add(value: T): void {
    this.push(this.table.row, this.#entry(value))
  }

  addAll(values: Iterable<T>): void {
    for (const value of values) this.push(this.table.row, this.#entry(value))
  }

  update(values: Iterable<T>): void {
    this.setItems(this.table.row, this.#entries([...values]))
  }

  sweep(row: Row): void {
    this.#dropExpired(row)
  }

  #dropExpired(row: Row): void {
    const slot = row.slots[this.slot]
    if (slot instanceof SpreadList) {
      if (!slot.dropExpiredHead()) return
      if (slot.first === slot.end) this.setItems(row, [])
      else this.changed(row)
      return
    }
    const left = withoutExpired(slot as unknown[], this.table.nowMs)
    if (left !== slot) this.setItems(row, left)
  }

  #entries(values: readonly unknown[]): TtlEntry[] {
    return values.map((value) => this.#entry(value))
  }

  #entry(value: unknown): TtlEntry {
    return new TtlEntry(value, this.table.nowMs + this.#ttl.ttlMs)
  }
}
