import type { BucketLedger, Spread } from '../rows/bucket-ledger.ts'
import { NEVER_MS } from '../segment/format.ts'
import type { TtlEntry } from '../ttl.ts'
import { latestExpiryMs } from './entry-map.ts'
import { flattenItems, unflattenItems, withoutExpired } from './list-items.ts'
import type { SpreadPlace } from './spread-map.ts'

const CHUNK_ITEMS = 128

export interface SpreadListMeta {
  readonly first: number
  readonly end: number
  readonly expiresAtMs: number
}

/**
 * A long list, spread over bucket rows in chunks: adding an item rewrites the last chunk. Items expire in the order
 * they were added, so whole chunks fall off at the head. Chunks load when they are needed.
 */
export class SpreadList implements Spread {
  first = 0
  /** No item expires later. */
  expiresAtMs: number = Number.NEGATIVE_INFINITY
  readonly #place: SpreadPlace
  readonly #ledger: BucketLedger
  /** Chunk `first + i` at `i`. */
  readonly #chunks: (unknown[] | undefined)[]

  constructor(place: SpreadPlace, meta?: SpreadListMeta) {
    this.#place = place
    this.#ledger = place.row.ledger(place.slot)
    this.#chunks = Array.from({ length: meta === undefined ? 0 : meta.end - meta.first })
    if (meta === undefined) {
      this.#ledger.dirty.clear()
      return
    }
    this.first = meta.first
    this.expiresAtMs = meta.expiresAtMs
  }

  get end(): number {
    return this.first + this.#chunks.length
  }

  get meta(): SpreadListMeta {
    return { first: this.first, end: this.end, expiresAtMs: this.expiresAtMs }
  }

  push(item: unknown): void {
    const last = this.#chunks.length === 0 ? undefined : this.#chunk(this.end - 1)
    const isFull = last === undefined || last.length >= CHUNK_ITEMS
    if (isFull) {
      this.#chunks.push([item])
      this.#place.table.bucketsCreated++
    } else {
      last.push(item)
    }
    this.#ledger.dirty.add(this.end - 1)
    // The new chunk may be dropped at once, and is not to be written then.
    if (isFull && this.#place.ttl) this.dropExpiredHead()
    if (this.#place.ttl) this.expiresAtMs = Math.max(this.expiresAtMs, (item as TtlEntry).expiresAtMs)
  }

  /** All items, in a new array. */
  items(): unknown[] {
    const items: unknown[] = []
    for (let chunk = this.first; chunk < this.end; chunk++) {
      for (const item of this.#chunk(chunk)) items.push(item)
    }
    return items
  }

  /** Drops chunks at the head in which everything expired, and the expired items of the next one. */
  dropExpiredHead(): boolean {
    let changed = false
    while (this.#chunks.length > 0) {
      const head = this.#chunk(this.first)
      const left = withoutExpired(head, this.#place.table.nowMs)
      if (left === head) break
      changed = true
      if (left.length > 0) {
        this.#chunks[0] = left
        this.#ledger.dirty.add(this.first)
        break
      }
      this.#chunks.shift()
      this.#ledger.dirty.delete(this.first)
      this.first++
    }
    return changed
  }

  encodeBucket(bucket: number): unknown {
    return flattenItems(this.#chunk(bucket), this.#place.ttl)
  }

  bucketExpiresAtMs(bucket: number): number {
    return this.#place.ttl ? latestExpiryMs(this.#chunk(bucket)) : NEVER_MS
  }

  restoreBuckets(load: (bucket: number) => unknown): void {
    for (let bucket = this.first; bucket < this.end; bucket++) {
      this.#chunks[bucket - this.first] = this.#decode(load(bucket))
    }
  }

  unload(): void {
    this.#chunks.fill(undefined)
  }

  #chunk(bucket: number): unknown[] {
    return this.#chunks[bucket - this.first] ?? this.#load(bucket)
  }

  #load(bucket: number): unknown[] {
    const { table, row, slot } = this.#place
    return (this.#chunks[bucket - this.first] = this.#decode(table.cold?.loadBucket(row, slot, bucket)))
  }

  /** A chunk is absent if everything in it had expired when segments were merged. */
  #decode(encoded: unknown): unknown[] {
    return unflattenItems((encoded as unknown[] | undefined) ?? [], this.#place.ttl)
  }
}
