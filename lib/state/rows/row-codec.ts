import { keyGroupOf } from '../../model/key-hash.ts'
import { checkPlain, decodeValue, packChecked, type CodecSite } from '../codec.ts'
import type { StateKindCode } from '../kinds/state-kind.ts'
import { NEVER_MS } from '../segment/format.ts'
import type { BucketLedger, Spread } from './bucket-ledger.ts'
import { STORED, type Row } from './row.ts'

const MSGPACK_ARRAY_OF_ONE = 0x91

/** The slot of a main row, in calls that name a row by slot and bucket. */
export const MAIN = -1

/** Takes rows that are written out. `payload` is undefined for a row that is gone. */
export interface RowSink {
  put(row: Row, slot: number, bucket: number, payload: Uint8Array | undefined, expiresAtMs: number): void
}

/** The payload of a main row, decoded. */
export interface RowContents {
  readonly states: Readonly<Record<string, unknown>>
  readonly eventTimersMs: readonly number[]
  readonly processingTimersMs: readonly number[]
}

/**
 * Rows of one operator to bytes and back. Payloads are MessagePack (with the extensions of codec.ts):
 *
 * - main row: `[states]` or `[states, event timers, processing timers]`, where states is a map by name of those that
 *   are set, and timers are arrays of epoch milliseconds, ascending.
 *   - value, reducing, aggregating: the value or accumulator; under TTL `[value, expiry]`.
 *   - list: array of its items; under TTL `[item, expiry, item, expiry, …]`.
 *   - map: `[key, value, key, value, …]`; under TTL `[key, value, expiry, …]`.
 *   - a long list: the map `{first, end, expiresAtMs}`; bucket rows first … end - 1 hold its items in order.
 *   - a large map: the map `{buckets, size, expiresAtMs}`; bucket rows 0 … buckets - 1 hold its entries. The bucket
 *     of an entry is murmur3_x86_32 of its key's canonical text by linear hashing (see SpreadMap).
 * - bucket row: an array like that of a small list or map. A bucket that is missing is empty.
 */
export class RowCodec {
  readonly kinds: readonly StateKindCode[]
  readonly #sites: readonly CodecSite[]
  readonly #maxParallelism: number

  constructor(operatorUid: string, maxParallelism: number, kinds: readonly StateKindCode[]) {
    this.kinds = kinds
    this.#maxParallelism = maxParallelism
    this.#sites = kinds.map((kind) => ({ operatorUid, state: kind.description.name }))
  }

  keyGroup(row: Row): number {
    if (row.keyGroup < 0) row.keyGroup = keyGroupOf(row.key, this.#maxParallelism)
    return row.keyGroup
  }

  /** Writes out a row and what changed of its buckets; all of its buckets if `full`. */
  write(row: Row, sink: RowSink, full: boolean): void {
    const empty = row.isEmpty
    if (!empty) {
      const { payload, expiresAtMs } = this.encodeMain(row)
      sink.put(row, MAIN, 0, payload, expiresAtMs)
    } else if ((row.flags & STORED) !== 0) sink.put(row, MAIN, 0, undefined, NEVER_MS)
    row.ledgers?.forEach((ledger, slot) => {
      if (ledger !== undefined) this.#writeBuckets(row, slot, ledger, sink, full)
    })
    if (empty) row.flags &= ~STORED
    else row.flags |= STORED
  }

  /** Fills an empty row from the payload of its main row, except for its timers. States unknown here are left out. */
  read(row: Row, payload: Uint8Array): RowContents {
    const contents = decodeRow(payload)
    this.kinds.forEach((kind, slot) => {
      const { name } = kind.description
      if (Object.hasOwn(contents.states, name)) row.slots[slot] = kind.decode(contents.states[name], row)
    })
    row.flags |= STORED
    return contents
  }

  /** The main row of a row that is not empty. */
  encodeMain(row: Row): { readonly payload: Uint8Array; readonly expiresAtMs: number } {
    const states: Record<string, unknown> = {}
    let expiresAtMs = Number.NEGATIVE_INFINITY
    for (let slot = 0; slot < this.kinds.length; slot++) {
      const value = row.slots[slot]
      if (value === undefined) continue
      const kind = this.kinds[slot]!
      states[kind.description.name] = checkPlain(kind.encode(value), this.#sites[slot]!)
      expiresAtMs = Math.max(expiresAtMs, kind.expiresAtMs(value))
    }
    const { eventTimers, processingTimers } = row
    if (eventTimers === undefined && processingTimers === undefined) {
      return { payload: packChecked([states]), expiresAtMs }
    }
    const times = [eventTimers, processingTimers].map(
      (timers) => timers?.entries().map((entry) => entry.timeMs) ?? [],
    )
    return { payload: packChecked([states, ...times]), expiresAtMs: NEVER_MS }
  }

  #writeBuckets(row: Row, slot: number, ledger: BucketLedger, sink: RowSink, full: boolean): void {
    const spread = asSpread(row.slots[slot])
    const first = spread?.first ?? 0
    const end = spread?.end ?? 0
    if (spread !== undefined) {
      for (const bucket of full ? numbers(first, end) : ledger.dirty) {
        const payload = packChecked(checkPlain(spread.encodeBucket(bucket), this.#sites[slot]!))
        sink.put(row, slot, bucket, payload, spread.bucketExpiresAtMs(bucket))
      }
    }
    for (const bucket of numbers(ledger.storedFirst, ledger.storedEnd)) {
      if (bucket < first || bucket >= end) sink.put(row, slot, bucket, undefined, NEVER_MS)
    }
    ledger.dirty.clear()
    ledger.storedFirst = first
    ledger.storedEnd = end
  }
}

export function decodeRow(payload: Uint8Array): RowContents {
  const [states, eventTimersMs = [], processingTimersMs = []] = decodeValue(payload) as [
    Record<string, unknown>,
    number[]?,
    number[]?,
  ]
  return { states, eventTimersMs, processingTimersMs }
}

/** Whether the payload of a main row holds timers: it is an array of more than the states. */
export function hasTimers(payload: Uint8Array): boolean {
  return payload[0] !== MSGPACK_ARRAY_OF_ONE
}

/** The value of a map or list slot, if it is spread over buckets. */
export function asSpread(slot: unknown): Spread | undefined {
  return typeof slot === 'object' && slot !== null && 'encodeBucket' in slot ? (slot as Spread) : undefined
}

function* numbers(first: number, end: number): Generator<number> {
  for (let i = first; i < end; i++) yield i
}
