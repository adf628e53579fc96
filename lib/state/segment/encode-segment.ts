import crc32 from 'crc-32'
import { assert } from '../../model/faults.ts'
import type { KeyGroupRange } from '../../model/key-groups.ts'
import { packChecked } from '../codec.ts'
import { ByteWriter } from './byte-writer.ts'
import {
  FLAG_BUCKET,
  FLAG_EXPIRES,
  FLAG_TOMBSTONE,
  NEVER_MS,
  PREAMBLE_BYTES,
  SEGMENT_FORMAT_VERSION,
  SEGMENT_MAGIC,
  keyGroupsOf,
  type BlockEntry,
  type SegmentHeader,
  type SegmentRow,
  type SegmentSubject,
} from './format.ts'

/** Builds a segment row by row; the rows come in ascending order of key group. */
export class SegmentWriter {
  readonly #subject: SegmentSubject
  readonly #stateIndex: ReadonlyMap<string, number>
  readonly #blocks: BlockEntry[] = []
  readonly #body = new ByteWriter(16 * 1024)
  #group = -1
  #groupStart = 0
  #groupRows = 0
  rows = 0

  constructor(subject: SegmentSubject) {
    this.#subject = subject
    this.#stateIndex = new Map(subject.states.map((state, index) => [state.name, index]))
  }

  /** Adds a row, or a tombstone where `payload` is undefined. `state` is undefined for the main row of a key. */
  add(
    keyGroup: number,
    keyText: string,
    state: string | undefined,
    bucket: number,
    payload: Uint8Array | undefined,
    expiresAtMs: number,
  ): void {
    if (keyGroup !== this.#group) this.#beginGroup(keyGroup)
    const expires = payload !== undefined && expiresAtMs !== NEVER_MS
    const body = this.#body
    body.u8(
      (payload === undefined ? FLAG_TOMBSTONE : 0) |
        (expires ? FLAG_EXPIRES : 0) |
        (state === undefined ? 0 : FLAG_BUCKET),
    )
    body.text(keyText)
    if (state !== undefined) {
      const index = this.#stateIndex.get(state)
      assert(index !== undefined, `the segment of ${this.#subject.operatorUid} declares no state '${state}'`)
      body.varint(index)
      body.varint(bucket)
    }
    if (expires) body.f64(expiresAtMs)
    if (payload !== undefined) {
      body.varint(payload.length)
      body.bytes(payload)
    }
    this.#groupRows++
    this.rows++
  }

  addRow(keyGroup: number, row: SegmentRow): void {
    this.add(keyGroup, row.keyText, row.state, row.bucket, row.payload, row.expiresAtMs)
  }

  /** The key groups of a finished segment that has rows. */
  get keyGroups(): KeyGroupRange {
    return keyGroupsOf(this.#blocks)
  }

  finish(): Uint8Array {
    this.#endGroup()
    const header: SegmentHeader = { ...this.#subject, blocks: this.#blocks }
    const headerBytes = packChecked(header)
    const out = new ByteWriter(PREAMBLE_BYTES + headerBytes.length + this.#body.length)
    out.bytes(SEGMENT_MAGIC)
    out.u16(SEGMENT_FORMAT_VERSION)
    out.u16(0)
    out.u32(headerBytes.length)
    out.u32(crc32.buf(headerBytes) >>> 0)
    out.bytes(headerBytes)
    out.bytes(this.#body.view())
    return out.view()
  }

  #beginGroup(keyGroup: number): void {
    this.#endGroup()
    assert(keyGroup > this.#group, `rows of a segment come by key group: ${keyGroup} after ${this.#group}`)
    this.#group = keyGroup
    this.#groupStart = this.#body.length
    this.#groupRows = 0
  }

  #endGroup(): void {
    if (this.#groupRows === 0) return
    const block = this.#body.view().subarray(this.#groupStart)
    this.#blocks.push([this.#group, block.length, this.#groupRows, crc32.buf(block) >>> 0])
    this.#groupRows = 0
  }
}

/** The segment of `rows`, which come in ascending order of key group. */
export function encodeSegment(
  subject: SegmentSubject,
  rows: Iterable<readonly [keyGroup: number, row: SegmentRow]>,
): Uint8Array {
  const writer = new SegmentWriter(subject)
  for (const [keyGroup, row] of rows) writer.addRow(keyGroup, row)
  return writer.finish()
}
