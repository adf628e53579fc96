import { sha256 } from '../../node/sha256.ts'

/**
 * Keys of the working files. LMDB allows 1,978 bytes: a longer key text gives way to its beginning and its SHA-256.
 *
 * Row:   key group (2 bytes, big-endian), key, then nothing for the main row, or
 *        slot + 1 (2 bytes) and bucket (4 bytes) for a bucket. The key ends with a zero byte, which JSON has none of.
 * Timer: time (8 bytes, in order), sequence (8 bytes, in order), key.
 */
const KEY_BYTES_MAX = 1_500
const HASHED_PREFIX_BYTES = 1_000
const GROUP_BYTES = 2
const BUCKET_BYTES = 6
const TIMER_BYTES = 16

export interface RowAddress {
  readonly keyGroup: number
  /** Undefined if the key was too long: then the record has it. */
  readonly keyText: string | undefined
  /** MAIN or the index of a state. */
  readonly slot: number
  readonly bucket: number
}

/** The part of a store key that stands for the user's key. */
export function keyBytes(keyText: string): Buffer {
  const utf8 = Buffer.from(`${keyText}\0`)
  if (utf8.length <= KEY_BYTES_MAX) return utf8
  return Buffer.concat([utf8.subarray(0, HASHED_PREFIX_BYTES), Buffer.from(`\x01${sha256(utf8)}\0`)])
}

export function rowKey(keyGroup: number, key: Buffer, slot: number, bucket: number): Buffer {
  const isMain = slot < 0
  const out = Buffer.allocUnsafe(GROUP_BYTES + key.length + (isMain ? 0 : BUCKET_BYTES))
  out.writeUInt16BE(keyGroup, 0)
  key.copy(out, GROUP_BYTES)
  if (isMain) return out
  out.writeUInt16BE(slot + 1, GROUP_BYTES + key.length)
  out.writeUInt32BE(bucket, GROUP_BYTES + key.length + 2)
  return out
}

export function readRowKey(rowKeyBytes: Buffer): RowAddress {
  const end = rowKeyBytes.indexOf(0, GROUP_BYTES)
  const isMain = rowKeyBytes.length === end + 1
  return {
    keyGroup: rowKeyBytes.readUInt16BE(0),
    keyText: isHashedKey(rowKeyBytes) ? undefined : rowKeyBytes.toString('utf8', GROUP_BYTES, end),
    slot: isMain ? -1 : rowKeyBytes.readUInt16BE(end + 1) - 1,
    bucket: isMain ? 0 : rowKeyBytes.readUInt32BE(end + 3),
  }
}

/** Whether the key text was too long to be part of the row key. */
export function isHashedKey(rowKeyBytes: Buffer): boolean {
  if (rowKeyBytes.length < HASHED_PREFIX_BYTES) return false
  const mark = rowKeyBytes.indexOf(1, GROUP_BYTES)
  return mark >= 0 && mark < rowKeyBytes.indexOf(0, GROUP_BYTES)
}

export function timerKey(timeMs: number, sequence: number, key: Buffer): Buffer {
  const out = Buffer.allocUnsafe(TIMER_BYTES + key.length)
  out.writeDoubleBE(timeMs, 0)
  // The bits of a double sort like the number once the sign bit is flipped, or, below zero, all of them.
  const negative = out[0]! >= 0x80
  for (let i = 0; i < 8; i++) out[i] = negative ? ~out[i]! : i === 0 ? out[i]! | 0x80 : out[i]!
  out.writeBigUInt64BE(BigInt(sequence), 8)
  key.copy(out, TIMER_BYTES)
  return out
}
