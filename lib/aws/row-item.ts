import type { RowWrite } from '../ports/row-store.ts'
import { encodeTime, isShortened, rowKeyOf, rowPartition, rowSort } from './dynamo-keys.ts'
import { numberOf, textOf, type Item } from './dynamo-table.ts'
import type { TimerDomain } from './timer-index.ts'

/** How long a row that is gone is remembered: longer than any writer that does not know of it lives. */
const TOMBSTONE_SEC = 24 * 3_600

/** A row as its item has it. */
export interface RowItem {
  readonly rowKey: string
  readonly position: number
  /** Undefined, with no `blob`: the row is gone. */
  readonly payload: Uint8Array | undefined
  /** Of the object that holds the payload. */
  readonly blob: string | undefined
  /** Epoch seconds; undefined: never. It may be there for days after that. */
  readonly expiresAtSec: number | undefined
  /** Encoded times of the earliest timers. */
  readonly timers: Readonly<Record<TimerDomain, string | undefined>>
}

/**
 * Attributes: `n` the position; `b` the payload, or `r` the name of the object that holds it, or neither in a tombstone; `e`
 * and `p` the earliest timers; `k` the row key, where the sort key does not tell it; `ttl` in epoch seconds.
 */
export function encodeRow(row: RowWrite, blob: string | undefined, nowMs: number): Item {
  const { payload, position, timers, expiresAtMs } = row
  const sk = rowSort(row.rowKey)
  const expiresAtSec = payload === undefined ? nowMs / 1000 + TOMBSTONE_SEC : expiresAtMs / 1000
  return {
    pk: { S: rowPartition(row.partition) },
    sk: { S: sk },
    n: { N: String(position) },
    ...(blob !== undefined ? { r: { S: blob } } : payload !== undefined && { b: { B: payload } }),
    ...(timers.eventMs !== undefined && { e: { S: encodeTime(timers.eventMs) } }),
    ...(timers.processingMs !== undefined && { p: { S: encodeTime(timers.processingMs) } }),
    ...(isShortened(sk) && { k: { S: row.rowKey } }),
    ...(expiresAtSec < Infinity && { ttl: { N: String(Math.ceil(expiresAtSec)) } }),
  }
}

/** @throws Error if it is no row. */
export function decodeRow(item: Item): RowItem {
  const sk = textOf(item, 'sk')
  return {
    rowKey: isShortened(sk) ? textOf(item, 'k') : rowKeyOf(sk),
    position: numberOf(item, 'n'),
    payload: item.b?.B,
    blob: item.r?.S,
    expiresAtSec: item.ttl === undefined ? undefined : numberOf(item, 'ttl'),
    timers: { event: item.e?.S, processing: item.p?.S },
  }
}
