import type { ListState } from '../../stream/state.ts'
import { ListBase } from './list-base.ts'

/** A list per key, without TTL. What `get` returns is a copy: it never changes. */
export class PlainList<T> extends ListBase implements ListState<T> {
  get(): readonly T[] {
    return this.itemsOf(this.table.row) as T[]
  }

  add(value: T): void {
    this.push(this.table.row, value)
  }

  addAll(values: Iterable<T>): void {
    for (const value of values) this.push(this.table.row, value)
  }

  update(values: Iterable<T>): void {
    this.setItems(this.table.row, [...values])
  }
}
