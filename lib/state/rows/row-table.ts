import { mapKey, type MapKeyOf } from '../../model/key-codec.ts'
import type { Key } from '../../model/keys.ts'
import { ChangedRows } from './changed-rows.ts'
import { DIRTY, FORGOTTEN, Row, STORED, SUSPECT } from './row.ts'

/** Storage behind the table, for backends whose rows are not all in memory. */
export interface ColdRows {
  /** Fills `row`, which is new and empty, if its key is stored. */
  load(row: Row): void
  /** What `Spread.encodeBucket` returned, or undefined if the bucket is not stored. */
  loadBucket(row: Row, slot: number, bucket: number): unknown
  /** The row left the table. */
  forgotten(row: Row): void
}

const NO_ROW = new Proxy(
  {},
  {
    get(): never {
      throw new Error(
        'Expected a current key: keyed state and timers work only while a keyed record or timer is processed',
      )
    },
  },
) as Row

/**
 * The rows in memory, the current one among them, and which of them changed. The hottest path of the product goes
 * through `row`: no closures, no allocation, one shape.
 */
export class RowTable {
  row: Row = NO_ROW
  nowMs = 0
  /** Counts calls of `endBatch`. */
  batch = 0
  /** Rows created in this batch. */
  created = 0
  /** Buckets created in this batch. */
  bucketsCreated = 0
  readonly rows: Map<MapKeyOf, Row> = new Map()
  readonly slotCount: number
  cold: ColdRows | undefined = undefined
  readonly changed: ChangedRows = new ChangedRows()
  #suspects: Row[] = []

  constructor(slotCount: number) {
    this.slotCount = slotCount
  }

  /** The current row; undefined before any key was set. */
  get current(): Row | undefined {
    return this.row === NO_ROW ? undefined : this.row
  }

  setCurrentKey(key: Key): void {
    const id = mapKey(key)
    const row = this.rows.get(id)
    this.row = row === undefined ? this.#admit(key, id) : row
  }

  /** Only for a row that is not marked. */
  markDirty(row: Row): void {
    this.changed.add(row)
  }

  /** The row may have become empty. */
  suspect(row: Row): void {
    if ((row.flags & SUSPECT) !== 0) return
    row.flags |= SUSPECT
    this.#suspects.push(row)
  }

  /** Puts a restored row in place. */
  adopt(row: Row): void {
    this.rows.set(row.id, row)
  }

  /** Forgets rows that are empty and of which nothing is stored; the current row stays. */
  forgetEmpty(): void {
    const suspects = this.#suspects
    let kept = 0
    for (const row of suspects) {
      if (row === this.row) {
        suspects[kept++] = row
        continue
      }
      row.flags &= ~SUSPECT
      if ((row.flags & (STORED | FORGOTTEN)) === 0 && row.isEmpty) this.forget(row)
    }
    suspects.length = kept
  }

  forget(row: Row): void {
    this.rows.delete(row.id)
    row.flags |= FORGOTTEN
    this.cold?.forgotten(row)
    if ((row.flags & DIRTY) !== 0) this.changed.forgot()
  }

  #admit(key: Key, id: MapKeyOf): Row {
    const row = new Row(key, id, this.slotCount)
    this.rows.set(id, row)
    this.created++
    this.cold?.load(row)
    this.suspect(row)
    return row
  }
}
