import { hashOfKey } from '../../model/key-hash.ts'
import type { Key } from '../../model/keys.ts'
import type { BucketLedger, Spread } from '../rows/bucket-ledger.ts'
import type { RowTable } from '../rows/row-table.ts'
import type { Row } from '../rows/row.ts'
import { NEVER_MS } from '../segment/format.ts'
import { isExpired, type TtlEntry } from '../ttl.ts'
import { flattenEntries, latestExpiryMs, unflattenEntries, type EntryMap } from './entry-map.ts'

/** Entries a bucket holds on average when the map grows; a shrinking one merges buckets at a quarter of it. */
const BUCKET_TARGET = 64
const BUCKETS_MIN = 2
const BUCKETS_SWEPT_PER_SPLIT = 2

export interface SpreadMapMeta {
  readonly buckets: number
  readonly size: number
  readonly expiresAtMs: number
}

/** Where in which row a spread value lives. */
export interface SpreadPlace {
  readonly table: RowTable
  readonly row: Row
  readonly slot: number
  readonly ttl: boolean
}

/**
 * A large map, spread over bucket rows by linear hashing: a put splits at most one bucket and a removal merges at
 * most one, so that a change of one entry rewrites one bucket. Buckets load when they are needed.
 *
 * While it is being iterated no entry changes its bucket, so entries may be put and removed meanwhile.
 */
export class SpreadMap implements EntryMap, Spread {
  readonly first = 0
  size = 0
  /** No entry expires later. */
  expiresAtMs: number = Number.NEGATIVE_INFINITY
  readonly #place: SpreadPlace
  readonly #ledger: BucketLedger
  readonly #buckets: (Map<unknown, unknown> | undefined)[]
  #sweepAt = 0
  #iterators = 0
  #iteratedInBatch = -1
  /** NaN, which is no key and equals nothing: none yet. */
  #hashedKey: unknown = Number.NaN
  #hash = 0

  constructor(place: SpreadPlace, meta?: SpreadMapMeta) {
    this.#place = place
    this.#ledger = place.row.ledger(place.slot)
    this.#buckets = Array.from({ length: meta?.buckets ?? BUCKETS_MIN })
    if (meta === undefined) {
      this.#ledger.dirty.clear()
      for (let i = 0; i < BUCKETS_MIN; i++) this.#create(i)
    } else {
      this.size = meta.size
      this.expiresAtMs = meta.expiresAtMs
    }
  }

  get end(): number {
    return this.#buckets.length
  }

  get meta(): SpreadMapMeta {
    return { buckets: this.#buckets.length, size: this.size, expiresAtMs: this.expiresAtMs }
  }

  get(key: unknown): unknown {
    return this.#bucket(this.#indexOf(key)).get(key)
  }

  has(key: unknown): boolean {
    return this.#bucket(this.#indexOf(key)).has(key)
  }

  set(key: unknown, value: unknown): this {
    const index = this.#indexOf(key)
    const bucket = this.#bucket(index)
    const sizeBefore = bucket.size
    bucket.set(key, value)
    this.#ledger.dirty.add(index)
    if (this.#place.ttl) this.expiresAtMs = Math.max(this.expiresAtMs, (value as TtlEntry).expiresAtMs)
    if (bucket.size === sizeBefore) return this
    this.size++
    if (this.size > this.#buckets.length * BUCKET_TARGET && !this.isIterated) this.#grow()
    return this
  }

  delete(key: unknown): boolean {
    const index = this.#indexOf(key)
    if (!this.#bucket(index).delete(key)) return false
    this.#ledger.dirty.add(index)
    this.size--
    if (this.#buckets.length > BUCKETS_MIN && this.size * 4 < this.#buckets.length * BUCKET_TARGET) {
      if (!this.isIterated) this.#mergeLast()
    }
    return true
  }

  *[Symbol.iterator](): Generator<[unknown, unknown]> {
    this.#iterators = this.isIterated ? this.#iterators + 1 : 1
    this.#iteratedInBatch = this.#place.table.batch
    try {
      for (let index = 0; index < this.#buckets.length; index++) {
        const wasLoaded = this.#buckets[index] !== undefined
        yield* this.#bucket(index)
        // So that a map larger than memory can be walked through.
        if (!wasLoaded && !this.#ledger.dirty.has(index)) this.#buckets[index] = undefined
      }
    } finally {
      this.#iterators--
    }
  }

  /** Removes what has expired from the next bucket in turn. */
  sweep(nowMs: number): void {
    this.#sweepAt = this.#sweepAt < this.#buckets.length ? this.#sweepAt : 0
    const index = this.#sweepAt++
    const bucket = this.#bucket(index)
    const sizeBefore = bucket.size
    for (const [key, entry] of bucket) if (isExpired(entry as TtlEntry, nowMs)) bucket.delete(key)
    if (bucket.size === sizeBefore) return
    this.size -= sizeBefore - bucket.size
    this.#ledger.dirty.add(index)
  }

  encodeBucket(bucket: number): unknown {
    return flattenEntries(this.#bucket(bucket), this.#place.ttl)
  }

  bucketExpiresAtMs(bucket: number): number {
    return this.#place.ttl ? latestExpiryMs(this.#bucket(bucket).values()) : NEVER_MS
  }

  restoreBuckets(load: (bucket: number) => unknown): void {
    this.size = 0
    for (let index = 0; index < this.#buckets.length; index++) {
      const bucket = this.#decode(load(index))
      this.#buckets[index] = bucket
      this.size += bucket.size
    }
  }

  unload(): void {
    this.#buckets.fill(undefined)
  }

  /** No entry may change its bucket now. An iterator that was given up never ends; it counts only in its batch. */
  get isIterated(): boolean {
    return this.#iterators > 0 && this.#iteratedInBatch === this.#place.table.batch
  }

  /** Bucket of `key`: its hash modulo the next power of two, or, where that bucket is not split off yet, the last. */
  #indexOf(key: unknown): number {
    const count = this.#buckets.length
    const level = powerOfTwoBelow(count)
    const index = this.#hashOf(key) % (level * 2)
    return index < count ? index : index - level
  }

  /** An entry is mostly read and written one right after the other. */
  #hashOf(key: unknown): number {
    if (key === this.#hashedKey) return this.#hash
    this.#hash = hashOfKey(key as Key)
    this.#hashedKey = key
    return this.#hash
  }

  #bucket(index: number): Map<unknown, unknown> {
    return this.#buckets[index] ?? this.#load(index)
  }

  #load(index: number): Map<unknown, unknown> {
    const { table, row, slot } = this.#place
    return (this.#buckets[index] = this.#decode(table.cold?.loadBucket(row, slot, index)))
  }

  /** A bucket is absent if everything in it had expired when segments were merged. */
  #decode(encoded: unknown): Map<unknown, unknown> {
    return unflattenEntries((encoded as unknown[] | undefined) ?? [], this.#place.ttl)
  }

  #create(index: number): Map<unknown, unknown> {
    this.#ledger.dirty.add(index)
    this.#place.table.bucketsCreated++
    return (this.#buckets[index] = new Map())
  }

  #grow(): void {
    if (this.#place.ttl) {
      for (let i = 0; i < BUCKETS_SWEPT_PER_SPLIT; i++) this.sweep(this.#place.table.nowMs)
      if (this.size <= this.#buckets.length * BUCKET_TARGET) return
    }
    const added = this.#buckets.length
    const source = added - powerOfTwoBelow(added)
    const from = this.#bucket(source)
    const to = this.#create(added)
    this.#ledger.dirty.add(source)
    for (const [key, value] of from) {
      if (this.#indexOf(key) === source) continue
      to.set(key, value)
      from.delete(key)
    }
  }

  #mergeLast(): void {
    const last = this.#buckets.length - 1
    const target = last - powerOfTwoBelow(last)
    const into = this.#bucket(target)
    for (const [key, value] of this.#bucket(last)) into.set(key, value)
    this.#buckets.pop()
    this.#ledger.dirty.delete(last)
    this.#ledger.dirty.add(target)
  }
}

function powerOfTwoBelow(count: number): number {
  return 2 ** (31 - Math.clz32(count))
}
