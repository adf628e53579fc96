import type { MapKey, MapState } from '../../stream/state.ts'
import type { Row } from '../rows/row.ts'
import { MapBase } from './map-base.ts'

/** A map per key, without TTL. Entries may be put and removed while it is iterated. */
export class PlainMap<K extends MapKey, V> extends MapBase<K, V> implements MapState<K, V> {
  get(key: K): V | undefined {
    return this.entriesOf(this.table.row)?.get(key) as V | undefined
  }

  contains(key: K): boolean {
    return this.entriesOf(this.table.row)?.has(key) ?? false
  }

  put(key: K, value: V): void {
    this.set(this.table.row, key, value)
  }

  putAll(entries: Iterable<readonly [K, V]>): void {
    for (const [key, value] of entries) this.set(this.table.row, key, value)
  }

  remove(key: K): void {
    const row = this.table.row
    if (this.entriesOf(row)?.delete(key) === true) this.shrunk(row)
  }

  isEmpty(): boolean {
    return this.entriesOf(this.table.row) === undefined
  }

  protected override *entriesIn(row: Row): Generator<[K, V]> {
    yield* (this.entriesOf(row) ?? []) as Iterable<[K, V]>
  }
}
