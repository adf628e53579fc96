import type { MapKey } from '../../stream/state.ts'
import type { StateDescription } from '../keyed-backend.ts'
import type { RowTable } from '../rows/row-table.ts'
import { DIRTY, type Row } from '../rows/row.ts'
import { NEVER_MS } from '../segment/format.ts'
import { flattenEntries, latestExpiryMs, unflattenEntries, type EntryMap } from './entry-map.ts'
import { SpreadMap, type SpreadMapMeta, type SpreadPlace } from './spread-map.ts'
import type { StateKindCode } from './state-kind.ts'

/** A map of more entries is spread over buckets; */
const INLINE_MAX = 128
/** one of fewer goes back into its row. */
const INLINE_AGAIN = 24

/** What map states with and without TTL share: the slot is an EntryMap that is not empty. */
export abstract class MapBase<K extends MapKey, V> implements StateKindCode {
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

  entries(): IterableIterator<[K, V]> {
    return this.entriesIn(this.table.row)
  }

  keys(): IterableIterator<K> {
    return pick(this.entries(), 0)
  }

  values(): IterableIterator<V> {
    return pick(this.entries(), 1)
  }

  clear(): void {
    const row = this.table.row
    if (row.slots[this.slot] === undefined) return
    row.slots[this.slot] = undefined
    this.changed(row)
    this.table.suspect(row)
  }

  encode(slot: unknown): unknown {
    return slot instanceof SpreadMap ? slot.meta : flattenEntries(slot as EntryMap, this.#ttl)
  }

  decode(encoded: unknown, row: Row): unknown {
    if (Array.isArray(encoded)) return unflattenEntries(encoded, this.#ttl)
    const meta = encoded as SpreadMapMeta
    const ledger = row.ledger(this.slot)
    ledger.storedEnd = meta.buckets
    return new SpreadMap(this.#place(row), meta)
  }

  expiresAtMs(slot: unknown): number {
    if (!this.#ttl) return NEVER_MS
    return slot instanceof SpreadMap
      ? slot.expiresAtMs
      : latestExpiryMs((slot as Map<unknown, unknown>).values())
  }

  protected abstract entriesIn(row: Row): Generator<[K, V]>

  protected entriesOf(row: Row): EntryMap | undefined {
    return row.slots[this.slot] as EntryMap | undefined
  }

  /** Sets an entry, spreading the map when it has grown too large for its row. */
  protected set(row: Row, key: unknown, value: unknown): void {
    if (!isMapKey(key)) throw invalidKey(key)
    let entries = row.slots[this.slot] as EntryMap | undefined
    if (entries === undefined) row.slots[this.slot] = entries = new Map()
    entries.set(key, value)
    if (entries.size > INLINE_MAX && !(entries instanceof SpreadMap)) this.#spread(row, entries)
    if ((row.flags & DIRTY) === 0) this.table.markDirty(row)
  }

  /** After entries were removed. */
  protected shrunk(row: Row): void {
    const entries = row.slots[this.slot] as EntryMap | undefined
    if (entries === undefined) return
    this.changed(row)
    if (entries.size === 0) {
      row.slots[this.slot] = undefined
      this.table.suspect(row)
    } else if (entries.size < INLINE_AGAIN && entries instanceof SpreadMap && !entries.isIterated) {
      row.slots[this.slot] = new Map(entries)
    }
  }

  protected changed(row: Row): void {
    if ((row.flags & DIRTY) === 0) this.table.markDirty(row)
  }

  #spread(row: Row, entries: EntryMap): void {
    const spread = new SpreadMap(this.#place(row))
    for (const [key, value] of entries) spread.set(key, value)
    row.slots[this.slot] = spread
  }

  #place(row: Row): SpreadPlace {
    return { table: this.table, row, slot: this.slot, ttl: this.#ttl }
  }
}

function isMapKey(key: unknown): boolean {
  const kind = typeof key
  return (
    kind === 'string' || (kind === 'number' && !Number.isNaN(key)) || kind === 'boolean' || kind === 'bigint'
  )
}

function invalidKey(key: unknown): Error {
  const found = typeof key === 'number' ? 'NaN' : typeof key
  return new Error(`Expected a map key to be text, a number, a boolean or a bigint, got ${found}`)
}

function* pick<Entry extends readonly unknown[], I extends keyof Entry>(
  entries: Iterable<Entry>,
  index: I,
): Generator<Entry[I]> {
  for (const entry of entries) yield entry[index]
}
