import { assert } from '../model/faults.ts'
import type { ActorId } from '../model/ids.ts'
import { sha256 } from '../node/sha256.ts'
import type { RowPartition } from '../ports/row-store.ts'
import { AWS_LIMITS, SORT_TEXT_BYTES_MAX } from './limits.ts'

// The table of a job:
//   pk                                  sk                    what
//   L#<actor>                           !head                 the head of an actor
//   L#<actor>                           <sort>                an entry of its log
//   L#<actor>                           ~order                what the actor was last ordered
//   R#<namespace>#<uid>#<key group>     <row key>             a row
//   T#<namespace>#<uid>#<key group>     e#<time>#<row key>    a row's earliest event-time timer (p#: processing time)

/** Sorts before every log entry, so that a read of entries never meets it. */
export const HEAD_SORT = '!head'

/** Where an actor's order is: in its log's partition, after all entries, so that every read comes by. */
export const ORDER_SORT = '~order'

/** What entries of a log may be sorted by: ASCII, as DynamoDB orders it like the port does, after the head and before the order. */
const LOG_SORT = /^["-}][ -~]*$/

export function assertLogSort(sort: string): void {
  assert(
    LOG_SORT.test(sort),
    `a log entry's sort is printable ASCII between '!' and '~', got ${JSON.stringify(sort)}`,
  )
}

export const logPartition = (actor: ActorId): string => partitionKey('L', actor)
export const rowPartition = (partition: RowPartition): string => partitionKey('R', partitionText(partition))
export const timerPartition = (partition: RowPartition): string => partitionKey('T', partitionText(partition))

/** Distinct for distinct partitions, whatever is in the names. */
function partitionText({ namespace, operatorUid, keyGroup }: RowPartition): string {
  assert(namespace !== '', 'a namespace has a name')
  return `${escapeMark(namespace)}#${escapeMark(operatorUid)}#${keyGroup}`
}

const escapeMark = (text: string): string => text.replaceAll(/[%#]/g, encodeURIComponent)

/** What follows the letter never begins with `#`, so a digest cannot be mistaken for a name. */
function partitionKey(letter: string, text: string): string {
  const whole = `${letter}#${text}`
  return Buffer.byteLength(whole) <= AWS_LIMITS.dynamoPartitionKeyBytes ? whole : `${letter}##${sha256(text)}`
}

/** Ends the part of a row key that fits, where it does not fit as a whole; sorts after whatever else is in a sort key. */
const SHORTENED = '\uf8ff'

/** Begins an escaped code unit. */
const ESCAPE = '\ue000'

/**
 * A row key as a sort key. DynamoDB orders text by its bytes in UTF-8, the port by code units, and text may hold halves of
 * surrogate pairs, which have no UTF-8 at all: so code units from there on are written as two lesser ones. A key that is
 * too long keeps as much as fits, and a digest: only keys that share all of that are not in order.
 */
export function rowSort(rowKey: string): string {
  assert(rowKey !== '', 'a row key is not empty')
  const sort = escapeHighUnits(rowKey)
  return Buffer.byteLength(sort) <= SORT_TEXT_BYTES_MAX
    ? sort
    : `${beginningOf(sort)}${SHORTENED}${sha256(sort)}`
}

/** Rows that sort after `rowKey` come after this, and perhaps, where it is shortened, some that do not. */
export function scanStart(rowKey: string): string {
  const sort = rowSort(rowKey)
  return isShortened(sort) ? sort.slice(0, sort.indexOf(SHORTENED) + 1) : sort
}

export const isShortened = (sort: string): boolean => sort.includes(SHORTENED)

/** The row key of a sort key that is not shortened. */
export function rowKeyOf(sort: string): string {
  assert(!isShortened(sort), 'a shortened sort key does not tell the row key')
  return sort.replaceAll(ESCAPED_UNIT, (pair) =>
    String.fromCharCode(pair.charCodeAt(1) - ESCAPED_BASE + FIRST_HIGH_UNIT),
  )
}

const FIRST_HIGH_UNIT = 0xd800
const ESCAPED_BASE = 0x20
const HIGH_UNIT = /[\ud800-\uffff]/g
const ESCAPED_UNIT = /\ue000[^]/g

function escapeHighUnits(text: string): string {
  return text.replaceAll(
    HIGH_UNIT,
    (unit) => ESCAPE + String.fromCharCode(unit.charCodeAt(0) - FIRST_HIGH_UNIT + ESCAPED_BASE),
  )
}

/** As many characters as {@link SORT_TEXT_BYTES_MAX} takes. */
function beginningOf(sort: string): string {
  let bytes = 0
  for (let at = 0; at < sort.length; at++) {
    bytes += Buffer.byteLength(sort[at]!)
    if (bytes > SORT_TEXT_BYTES_MAX) return sort.slice(0, at)
  }
  return sort
}

/** `e#` or `p#`: begins the sort keys of timers of one domain. */
export const timerDomain = (domain: 'event' | 'processing'): string => (domain === 'event' ? 'e#' : 'p#')

export function timerSort(domain: 'event' | 'processing', time: string, rowKey: string): string {
  return `${timerDomain(domain)}${time}#${rowSort(rowKey)}`
}

const TIME_CHARS = 16

/** The time and the row's part of a timer's sort key. */
export function splitTimerSort(sort: string): { readonly time: string; readonly rowSort: string } {
  return { time: sort.slice(2, 2 + TIME_CHARS), rowSort: sort.slice(2 + TIME_CHARS + 1) }
}

const numberBits = new DataView(new ArrayBuffer(8))
const SIGN = 1n << 63n
const ALL = (1n << 64n) - 1n

/** Any time, also Infinity, as text that sorts as times do: the bits of the number, of negative ones inverted. */
export function encodeTime(timeMs: number): string {
  assert(!Number.isNaN(timeMs), 'a time is a number')
  // -0 is the same time as 0.
  numberBits.setFloat64(0, timeMs + 0)
  const bits = numberBits.getBigUint64(0)
  const sortable = (bits & SIGN) === 0n ? bits | SIGN : ~bits & ALL
  return sortable.toString(16).padStart(TIME_CHARS, '0')
}

export function decodeTime(time: string): number {
  const sortable = BigInt(`0x${time}`)
  numberBits.setBigUint64(0, (sortable & SIGN) === 0n ? ~sortable & ALL : sortable & ~SIGN)
  return numberBits.getFloat64(0)
}
