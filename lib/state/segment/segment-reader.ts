import crc32 from 'crc-32'
import { UserError } from '../../model/faults.ts'
import { inRange, type KeyGroupRange } from '../../model/key-groups.ts'
import { decodeValue } from '../codec.ts'
import type { RestoredSegment } from '../keyed-backend.ts'
import { ByteReader } from './byte-reader.ts'
import {
  FLAG_BUCKET,
  FLAG_EXPIRES,
  FLAG_TOMBSTONE,
  NEVER_MS,
  PREAMBLE_BYTES,
  SEGMENT_FORMAT_VERSION,
  SEGMENT_MAGIC,
  type BlockEntry,
  type SegmentHeader,
  type SegmentRow,
} from './format.ts'

/**
 * Reads a segment. Its header is checked at once, each block when it is read.
 * @throws UserError naming the segment where it is truncated, damaged or no segment.
 */
export class SegmentReader {
  readonly name: string
  readonly header: SegmentHeader
  readonly #bytes: Uint8Array
  readonly #blocks = new Map<number, { readonly entry: BlockEntry; readonly offset: number }>()

  constructor(segment: RestoredSegment) {
    this.name = segment.name
    this.#bytes = new Uint8Array(segment.bytes.buffer, segment.bytes.byteOffset, segment.bytes.byteLength)
    const headerBytes = this.#readPreamble()
    this.header = decodeValue(headerBytes) as SegmentHeader
    let offset = PREAMBLE_BYTES + headerBytes.length
    for (const entry of this.header.blocks) {
      if (segment.keyGroups === undefined || inRange(segment.keyGroups, entry[0])) {
        this.#blocks.set(entry[0], { entry, offset })
      }
      offset += entry[1]
    }
    if (offset !== this.#bytes.length) {
      throw this.#damaged(`truncated or overlong: expected ${offset} bytes, got ${this.#bytes.length}`)
    }
  }

  /** The key groups that have rows, ascending. */
  keyGroups(): number[] {
    return [...this.#blocks.keys()]
  }

  /** The rows of the key groups in `range`, by key group; payloads are views of the segment. */
  *rows(range: KeyGroupRange): Generator<readonly [keyGroup: number, row: SegmentRow]> {
    for (const keyGroup of this.keyGroups()) {
      if (!inRange(range, keyGroup)) continue
      for (const row of this.rowsOf(keyGroup)) yield [keyGroup, row]
    }
  }

  /** The rows of one key group. */
  *rowsOf(keyGroup: number): Generator<SegmentRow> {
    const block = this.block(keyGroup)
    if (block === undefined) return
    const reader = new ByteReader(block.bytes)
    while (!reader.atEnd) yield this.#readRow(reader)
  }

  /** The block of a key group, checked; undefined if it has no rows. */
  block(keyGroup: number): { readonly entry: BlockEntry; readonly bytes: Uint8Array } | undefined {
    const found = this.#blocks.get(keyGroup)
    if (found === undefined) return undefined
    const bytes = this.#bytes.subarray(found.offset, found.offset + found.entry[1])
    if (crc32.buf(bytes) >>> 0 !== found.entry[3]) {
      throw this.#damaged(`checksum of key group ${keyGroup} does not match`)
    }
    return { entry: found.entry, bytes }
  }

  #readPreamble(): Uint8Array {
    if (this.#bytes.length < PREAMBLE_BYTES) {
      throw this.#damaged(`truncated: expected at least ${PREAMBLE_BYTES} bytes, got ${this.#bytes.length}`)
    }
    const reader = new ByteReader(this.#bytes)
    const magic = reader.bytes(SEGMENT_MAGIC.length)
    if (magic.some((byte, i) => byte !== SEGMENT_MAGIC[i])) throw this.#damaged('not a segment')
    const version = reader.u16()
    if (version !== SEGMENT_FORMAT_VERSION) {
      throw this.#damaged(`expected format version ${SEGMENT_FORMAT_VERSION}, got ${version}`)
    }
    reader.u16()
    const length = reader.u32()
    const checksum = reader.u32()
    if (PREAMBLE_BYTES + length > this.#bytes.length) throw this.#damaged('truncated within its header')
    const header = reader.bytes(length)
    if (crc32.buf(header) >>> 0 !== checksum) throw this.#damaged('checksum of its header does not match')
    return header
  }

  #readRow(reader: ByteReader): SegmentRow {
    const flags = reader.u8()
    const keyText = reader.text()
    let state: string | undefined
    let bucket = 0
    if ((flags & FLAG_BUCKET) !== 0) {
      state = this.header.states[reader.varint()]!.name
      bucket = reader.varint()
    }
    const expiresAtMs = (flags & FLAG_EXPIRES) === 0 ? NEVER_MS : reader.f64()
    const payload = (flags & FLAG_TOMBSTONE) === 0 ? reader.bytes(reader.varint()) : undefined
    return { keyText, state, bucket, payload, expiresAtMs }
  }

  #damaged(what: string): UserError {
    return new UserError(`State segment ${this.name}: ${what}`)
  }
}
