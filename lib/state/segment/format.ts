import type { KeyGroupRange } from '../../model/key-groups.ts'
import type { StateDescription } from '../keyed-backend.ts'

/**
 * A segment: rows of one operator's keyed state, in blocks by key group, in one self-describing file. Checkpoints
 * and savepoints are made of segments. All integers are little-endian.
 *
 * ```
 * offset  bytes
 * 0       4       "MRSG"
 * 4       2       format version: 1
 * 6       2       zero
 * 8       4       length of the header
 * 12      4       CRC-32 of the header
 * 16      …       header: a MessagePack map, see SegmentHeader
 * …       …       blocks, in ascending order of key group, with nothing between them or after the last
 * ```
 *
 * A block holds the rows of one key group, one after the other, in no particular order, at most one for a
 * combination of key, state and bucket:
 *
 * ```
 * 1 byte    flags: 1 = tombstone, 2 = expires, 4 = bucket
 * varint    length of the key; the key: UTF-8 of its canonical text (see key-codec.ts)
 * varint    if bucket: index of the state in the header's `states`
 * varint    if bucket: number of the bucket
 * float64   if expires: when the last of what the row holds expires, in epoch milliseconds
 * varint    unless tombstone: length of the payload; the payload: MessagePack (see row-codec.ts)
 * ```
 *
 * A varint is an unsigned LEB128. A row without the bucket flag is the main row of its key. A tombstone says that an
 * earlier segment's row of the same key, state and bucket is gone.
 */
export const SEGMENT_MAGIC: Uint8Array = new TextEncoder().encode('MRSG')
export const SEGMENT_FORMAT_VERSION = 1
export const PREAMBLE_BYTES = 16

export const FLAG_TOMBSTONE = 1
export const FLAG_EXPIRES = 2
export const FLAG_BUCKET = 4

/** The row never expires. */
export const NEVER_MS: number = Number.POSITIVE_INFINITY

export interface SegmentHeader {
  readonly operatorUid: string
  readonly maxParallelism: number
  readonly states: readonly StateDescription[]
  /** One for each block, in order. */
  readonly blocks: readonly BlockEntry[]
}

/** `[key group, length in bytes, number of rows, CRC-32 as an unsigned integer]` */
export type BlockEntry = readonly [keyGroup: number, lengthBytes: number, rows: number, crc32: number]

export interface SegmentRow {
  readonly keyText: string
  /** Name of the state whose bucket this is; undefined for the main row of the key. */
  readonly state: string | undefined
  readonly bucket: number
  /** Undefined for a tombstone. */
  readonly payload: Uint8Array | undefined
  /** When the last of what the row holds expires; NEVER_MS if something in it does not. */
  readonly expiresAtMs: number
}

/** What a segment is of, without its blocks. */
export type SegmentSubject = Omit<SegmentHeader, 'blocks'>

/** The key groups of `blocks`, which are in order and not empty. */
export function keyGroupsOf(blocks: readonly BlockEntry[]): KeyGroupRange {
  return { first: blocks[0]![0], last: blocks.at(-1)![0] } as KeyGroupRange
}

/** Tells the rows of one key group apart: equal for an earlier and a later version of the same row. */
export function rowIdentity(keyText: string, state: string | undefined, bucket: number): string {
  // Key texts are JSON and hold no control character.
  return state === undefined ? keyText : `${keyText}\0${bucket}\0${state}`
}
