import crc32 from 'crc-32'
import type { RecordGroup } from '../../connectors/ingest/record-group.ts'
import { decodeValue, encodeValue } from '../../state/codec.ts'

/** What was accepted at once, in a partition's log. */
export interface SegmentEntry {
  readonly position: number
  readonly atMs: number
  readonly group: RecordGroup
}

/** Length and checksum of what follows, unsigned 32 bits each, little-endian. */
const HEADER_BYTES = 8
const SITE = { operatorUid: 'ingest', state: 'its log' }

/** The bytes of an entry: they tell whether they are all there. */
export function encodeFrame({ position, atMs, group }: SegmentEntry): Uint8Array {
  const { receivedAtMs, ids, bodies, refusals } = group
  const content = encodeValue([position, atMs, receivedAtMs, ids, bodies, refusals], SITE)
  const frame = new Uint8Array(HEADER_BYTES + content.length)
  const header = new DataView(frame.buffer)
  header.setUint32(0, content.length, true)
  header.setUint32(4, crc32.buf(content) >>> 0, true)
  frame.set(content, HEADER_BYTES)
  return frame
}

/** The entries of a segment, up to the first that is not whole: writing it was cut short, and nobody was told it is there. */
export function decodeFrames(bytes: Uint8Array): SegmentEntry[] {
  const entries: SegmentEntry[] = []
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = 0; at + HEADER_BYTES <= bytes.length;) {
    const length = view.getUint32(at, true)
    const content = bytes.subarray(at + HEADER_BYTES, at + HEADER_BYTES + length)
    // A file that grew before it was written is full of zeros, whose checksum is zero.
    if (length === 0 || content.length < length || crc32.buf(content) >>> 0 !== view.getUint32(at + 4, true))
      break
    entries.push(entryOf(content))
    at += HEADER_BYTES + length
  }
  return entries
}

function entryOf(content: Uint8Array): SegmentEntry {
  const [position, atMs, receivedAtMs, ids, bodies, refusals] = decodeValue(content) as [
    number,
    number,
    number,
    RecordGroup['ids'],
    RecordGroup['bodies'],
    RecordGroup['refusals'],
  ]
  return { position, atMs, group: { receivedAtMs, ids, bodies, refusals } }
}
