import { assert } from '../model/faults.ts'
import type { BlobStore } from '../ports/blob-store.ts'
import type { Clock } from '../ports/clock.ts'
import {
  ROW_KEY_CHARS_MAX,
  type IndexedTimer,
  type RowPartition,
  type RowStore,
  type RowWrite,
  type StoredRow,
} from '../ports/row-store.ts'
import { isShortened, rowPartition, rowSort, scanStart } from './dynamo-keys.ts'
import { keyText, type DynamoTable, type Item, type ItemKey } from './dynamo-table.ts'
import { inParallel } from './in-parallel.ts'
import { LargePayloads } from './large-payloads.ts'
import { INLINE_PAYLOAD_BYTES_MAX } from './limits.ts'
import { decodeRow, encodeRow, type RowItem } from './row-item.ts'
import { TimerIndex, type TimerDomain } from './timer-index.ts'
import { encodeTime } from './dynamo-keys.ts'

/** Rows written at once: a partition of DynamoDB takes 1,000 write units a second, and a write is some milliseconds. */
const WRITES_MAX = 50

/** Large payloads read at once. */
const BLOB_READS_MAX = 20

/** A row whose object is gone was overwritten since it was read; more often than this in a row, it was not. */
const REREADS_MAX = 5

/** Rows of keyed state in a job's table, and the payloads that are too large for it in the job's bucket. */
export class DynamoRowStore implements RowStore {
  readonly #table: DynamoTable
  readonly #timers: TimerIndex
  readonly #large: LargePayloads
  readonly #clock: Pick<Clock, 'now'>

  constructor(table: DynamoTable, blobs: BlobStore, clock: Pick<Clock, 'now'>) {
    this.#table = table
    this.#timers = new TimerIndex(table)
    this.#large = new LargePayloads(blobs)
    this.#clock = clock
  }

  async get(
    rows: readonly { readonly partition: RowPartition; readonly rowKey: string }[],
  ): Promise<readonly (StoredRow | undefined)[]> {
    const keys = rows.map(rowItemKey)
    const items = await this.#table.getAll(keys)
    return inParallel(keys, BLOB_READS_MAX, (key) => this.#load(items.get(keyText(key)), key))
  }

  async write(rows: readonly RowWrite[]): Promise<{ readonly written: number; readonly stale: number }> {
    const outcomes = await inParallel(rows, WRITES_MAX, (row) => this.#write(row))
    const written = outcomes.filter((outcome) => outcome === 'written').length
    return { written, stale: outcomes.length - written }
  }

  /**
   * A page is what one query finds, and whatever more there is of keys that share a beginning too long to be in order in
   * the table: these are never split between two pages.
   */
  async scan(
    partition: RowPartition,
    after: string | undefined,
  ): Promise<{ readonly rows: readonly StoredRow[]; readonly more: boolean }> {
    const pk = rowPartition(partition)
    const found: { readonly item: Item; readonly row: RowItem }[] = []
    for (let from = after === undefined ? undefined : scanStart(after); ;) {
      const { items, lastSort } = await this.#table.query(pk, { after: from })
      for (const item of items) {
        const row = decodeRow(item)
        if (!isTombstone(row) && (after === undefined || row.rowKey > after)) found.push({ item, row })
      }
      if (lastSort === undefined || (found.length > 0 && !isShortened(lastSort))) {
        found.sort((a, b) => (a.row.rowKey < b.row.rowKey ? -1 : 1))
        const rows = await inParallel(found, BLOB_READS_MAX, ({ item, row }) =>
          this.#load(item, rowItemKey({ partition, rowKey: row.rowKey })),
        )
        return { rows: rows.filter((row) => row !== undefined), more: lastSort !== undefined }
      }
      from = lastSort
    }
  }

  timers(
    partition: RowPartition,
    domain: TimerDomain,
    upToMs: number,
    limit: number,
  ): Promise<{ readonly timers: readonly IndexedTimer[]; readonly nextMs: number | undefined }> {
    return this.#timers.earliest(partition, domain, upToMs, limit)
  }

  forgetTimers(partition: RowPartition, domain: TimerDomain, stale: readonly IndexedTimer[]): Promise<void> {
    return this.#timers.forget(partition, domain, stale)
  }

  async drop(partition: RowPartition): Promise<void> {
    await this.#table.deletePartition(rowPartition(partition))
    await this.#timers.drop(partition)
    await this.#large.drop(partition)
  }

  /**
   * Index entries first, then the row, then what the index need no longer hold: a writer that dies between leaves an
   * entry too many, and one that is stale has changed nothing that a reader of rows sees.
   */
  async #write(row: RowWrite): Promise<'written' | 'stale'> {
    const { partition, rowKey, payload, position } = row
    assert(rowKey.length <= ROW_KEY_CHARS_MAX, `a row key has at most 20 kB, got ${rowKey.length}`)
    const times: readonly (readonly [TimerDomain, number | undefined])[] = [
      ['event', row.timers.eventMs],
      ['processing', row.timers.processingMs],
    ]
    const [blob] = await Promise.all([
      payload !== undefined && payload.length > INLINE_PAYLOAD_BYTES_MAX
        ? this.#large.put(row, payload, this.#clock.now())
        : undefined,
      ...times.map(
        ([domain, timeMs]) =>
          timeMs !== undefined && this.#timers.put(partition, domain, { timeMs, rowKey, position }),
      ),
    ])
    const outcome = await this.#table.put(encodeRow(row, blob, this.#clock.now()), {
      expression:
        // There is none, and none that went within a day; or
        'attribute_not_exists(pk)' +
        // it reflects less of the log: keeps out a zombie, and the second of two who write the same, also a repeated request.
        ' OR n < :n',
      values: { ':n': { N: String(position) } },
    })
    if (outcome.type === 'refused') {
      if (blob !== undefined) await this.#removeIfUnnamed(row)
      return 'stale'
    }
    const replaced = outcome.replaced && decodeRow(outcome.replaced)
    await Promise.all([
      // Also where there was no row: it may have expired, or whoever put an object died before it came to the row.
      (blob !== undefined || replaced?.blob !== undefined) &&
        this.#large.removeOlder(partition, rowKey, position),
      ...times.map(([domain, timeMs]) => {
        const before = replaced?.timers[domain]
        const gone = before !== undefined && (timeMs === undefined || encodeTime(timeMs) !== before)
        return gone && this.#timers.outdate(partition, domain, before, rowKey, position)
      }),
    ])
    return 'written'
  }

  /** A row that is there reflects the same position, and names the same object; or a later one, and nobody needs it. */
  async #removeIfUnnamed({ partition, rowKey }: RowWrite): Promise<void> {
    const item = await this.#table.get(rowItemKey({ partition, rowKey }))
    if (item !== undefined) await this.#large.removeOlder(partition, rowKey, decodeRow(item).position)
  }

  /** The row of an item, with its payload; undefined for none, for a tombstone, and for one that outlived its object. */
  async #load(found: Item | undefined, key: ItemKey): Promise<StoredRow | undefined> {
    let item = found
    for (let reads = 0; item !== undefined; reads++) {
      const { rowKey, position, payload, blob, expiresAtSec = Infinity } = decodeRow(item)
      if (payload !== undefined) return { rowKey, position, payload }
      if (blob === undefined) return undefined
      const large = await this.#large.get(blob)
      if (large !== undefined) return { rowKey, position, payload: large }
      if (reads === REREADS_MAX)
        throw new Error(`Expected object ${blob} of row ${JSON.stringify(rowKey)} to exist`)
      item = await this.#table.get(key)
      const isSame = item !== undefined && decodeRow(item).position === position
      if (isSame && expiresAtSec * 1000 < this.#clock.now()) return undefined
    }
    return undefined
  }
}

const rowItemKey = (row: { readonly partition: RowPartition; readonly rowKey: string }): ItemKey => ({
  pk: rowPartition(row.partition),
  sk: rowSort(row.rowKey),
})

const isTombstone = ({ payload, blob }: RowItem): boolean => payload === undefined && blob === undefined
