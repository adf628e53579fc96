import type { MapKey, MapState } from '../../stream/state.ts'
import type { StateDescription } from '../keyed-backend.ts'
import type { RowTable } from '../rows/row-table.ts'
import type { Row } from '../rows/row.ts'
import { isExpired, TtlEntry, type ResolvedTtl } from '../ttl.ts'
import { MapBase } from './map-base.ts'
import { SpreadMap } from './spread-map.ts'

/** A map per key whose entries expire each on its own. */
export class TtlMap<K extends MapKey, V> extends MapBase<K, V> implements MapState<K, V> {
  readonly #ttl: ResolvedTtl

  constructor(description: StateDescription, table: RowTable, slot: number, ttl: ResolvedTtl) {
    super(description, table, slot)
    this.#ttl = ttl
  }

  get(key: K): V | undefined {
    const row = this.table.row
    const entry = this.entriesOf(row)?.get(key) as TtlEntry | undefined
    return entry !== undefined && this.#access(row, key, entry) ? (entry.value as V) : undefined
  }

  contains(key: K): boolean {
    const row = this.table.row
    const entry = this.entriesOf(row)?.get(key) as TtlEntry | undefined
    return entry !== undefined && this.#access(row, key, entry)
  }

  put(key: K, value: V): void {
    this.set(this.table.row, key, this.#entry(value))
  }

  putAll(entries: Iterable<readonly [K, V]>): void {
    for (const [key, value] of entries) this.put(key, value)
  }

  remove(key: K): void {
    const row = this.table.row
    if (this.entriesOf(row)?.delete(key) === true) this.shrunk(row)
  }

  /** Looks without touching: it renews nothing. */
  isEmpty(): boolean {
    const entries = this.entriesOf(this.table.row)
    if (entries === undefined || this.#ttl.returnExpired) return entries === undefined
    for (const [, entry] of entries) if (!isExpired(entry as TtlEntry, this.table.nowMs)) return false
    return true
  }

  protected override *entriesIn(row: Row): Generator<[K, V]> {
    for (const [key, entry] of this.entriesOf(row) ?? []) {
      if (this.#access(row, key as K, entry as TtlEntry)) yield [key as K, (entry as TtlEntry).value as V]
    }
  }

  sweep(row: Row): void {
    const entries = this.entriesOf(row)!
    const sizeBefore = entries.size
    if (entries instanceof SpreadMap) {
      entries.sweep(this.table.nowMs)
    } else {
      for (const [key, entry] of entries) {
        if (isExpired(entry as TtlEntry, this.table.nowMs)) entries.delete(key)
      }
    }
    if (entries.size !== sizeBefore) this.shrunk(row)
  }

  /** Renews or removes an entry that is read, as Flink does. Returns whether the reader may see it. */
  #access(row: Row, key: K, entry: TtlEntry): boolean {
    if (isExpired(entry, this.table.nowMs)) {
      if (this.entriesOf(row)?.delete(key) === true) this.shrunk(row)
      return this.#ttl.returnExpired
    }
    if (this.#ttl.renewOnRead) this.set(row, key, this.#entry(entry.value))
    return true
  }

  #entry(value: unknown): TtlEntry {
    return new TtlEntry(value, this.table.nowMs + this.#ttl.ttlMs)
  }
}
