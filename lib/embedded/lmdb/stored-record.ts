import { ByteReader } from '../../state/segment/byte-reader.ts'
import { ByteWriter } from '../../state/segment/byte-writer.ts'

/** A row in the working files: the payload that a segment would hold, and what only this process needs. */
export interface StoredRecord {
  /** Number of snapshots taken before the row appeared: in none of them is it mentioned. */
  readonly createdEpoch: number
  readonly expiresAtMs: number
  /** Set only where the store's key does not tell. */
  readonly keyText: string | undefined
  /** Order of registration of the row's event timers, then of its processing timers, as in the payload. */
  readonly timerSequences: readonly number[]
  readonly payload: Uint8Array
}

const CREATED_EPOCH_BYTES = 4

/** Records are written one at a time: a buffer for each would cost more than the writing. */
const out = new ByteWriter(64 * 1024)

/** The bytes are valid until the next call. */
export function encodeRecord(record: StoredRecord): Buffer {
  out.clear()
  out.u32(record.createdEpoch)
  out.f64(record.expiresAtMs)
  out.text(record.keyText ?? '')
  out.varint(record.timerSequences.length)
  for (const sequence of record.timerSequences) out.varint(sequence)
  out.bytes(record.payload)
  const { buffer, byteOffset, byteLength } = out.view()
  return Buffer.from(buffer, byteOffset, byteLength)
}

/** The payload is a view of `bytes`. */
export function decodeRecord(bytes: Uint8Array): StoredRecord {
  const reader = new ByteReader(bytes)
  const createdEpoch = reader.u32()
  const expiresAtMs = reader.f64()
  const keyText = reader.text()
  const timerSequences = Array.from({ length: reader.varint() }, () => reader.varint())
  return {
    createdEpoch,
    expiresAtMs,
    keyText: keyText === '' ? undefined : keyText,
    timerSequences,
    payload: reader.bytes(bytes.length - reader.offset),
  }
}

export function createdEpochOf(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true)
}

export function expiryOf(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getFloat64(CREATED_EPOCH_BYTES, true)
}
