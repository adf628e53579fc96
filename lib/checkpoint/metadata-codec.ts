import { assert, messageOf, UserError } from '../model/faults.ts'
import { decodeValue, encodeValue } from '../state/codec.ts'
import { CHECKPOINT_FORMAT_VERSION, type CheckpointRecord } from './checkpoint-record.ts'
import { recordProblems } from './record-shape.ts'

/** SHA-256 of `bytes`, as 64 hexadecimal digits. */
export type Sha256 = (bytes: Uint8Array) => string

const MAGIC = new TextEncoder().encode('MRCP')
const VERSION_OFFSET = 4
const RESERVED_OFFSET = 6
const LENGTH_OFFSET = 8
const DIGEST_OFFSET = 12
const DIGEST_BYTES = 32
const HEADER_BYTES: number = DIGEST_OFFSET + DIGEST_BYTES

const REMEDY = 'Restore from another checkpoint or savepoint.'

/**
 * The bytes of `_metadata`: `MRCP`, format version (u16), 2 bytes 0, length of the body (u32), SHA-256 of the body
 * (32 bytes), the body (MessagePack). Numbers are little-endian.
 */
export function encodeMetadata(record: CheckpointRecord, sha256: Sha256): Uint8Array {
  const problems = recordProblems(record)
  assert(problems.length === 0, `checkpoint ${record.checkpointId} is well-formed: ${problems.join('; ')}`)
  const body = encodeValue(record, { operatorUid: 'checkpoint', state: '_metadata' })
  const bytes = new Uint8Array(HEADER_BYTES + body.length)
  const view = new DataView(bytes.buffer)
  bytes.set(MAGIC)
  view.setUint16(VERSION_OFFSET, record.formatVersion, true)
  view.setUint32(LENGTH_OFFSET, body.length, true)
  bytes.set(hexToBytes(sha256(body)), DIGEST_OFFSET)
  bytes.set(body, HEADER_BYTES)
  return bytes
}

/**
 * @param path - where the bytes are from, for messages.
 * @throws UserError saying what was found, what was expected and what to do, unless all of it is as it was written.
 */
export function decodeMetadata(bytes: Uint8Array, path: string, sha256: Sha256): CheckpointRecord {
  const refuse = (found: string): UserError => new UserError(`${path}: ${found}. ${REMEDY}`)
  if (MAGIC.some((byte, index) => bytes[index] !== byte)) {
    throw refuse('not a Millrace checkpoint: it does not begin as one')
  }
  if (bytes.length < HEADER_BYTES) {
    throw refuse(`truncated: expected at least ${HEADER_BYTES} bytes, got ${bytes.length}`)
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const version = view.getUint16(VERSION_OFFSET, true)
  if (version !== CHECKPOINT_FORMAT_VERSION) {
    const newer = version > CHECKPOINT_FORMAT_VERSION ? ', or use the newer Millrace that wrote it' : ''
    throw new UserError(
      `${path}: expected format version ${CHECKPOINT_FORMAT_VERSION}, got ${version}. ` +
        `Restore from another checkpoint or savepoint${newer}.`,
    )
  }
  const reserved = view.getUint16(RESERVED_OFFSET, true)
  if (reserved !== 0) throw refuse(`damaged: expected 0 at byte ${RESERVED_OFFSET}, got ${reserved}`)
  const expectedBytes = HEADER_BYTES + view.getUint32(LENGTH_OFFSET, true)
  if (bytes.length !== expectedBytes) {
    const found = bytes.length < expectedBytes ? 'truncated' : 'overlong'
    throw refuse(`${found}: expected ${expectedBytes} bytes, got ${bytes.length}`)
  }
  const body = bytes.subarray(HEADER_BYTES)
  const expected = bytesToHex(bytes.subarray(DIGEST_OFFSET, HEADER_BYTES))
  const found = sha256(body)
  if (found !== expected) throw refuse(`damaged: expected SHA-256 ${expected}, got ${found}`)
  return checked(body, refuse)
}

function checked(body: Uint8Array, refuse: (found: string) => UserError): CheckpointRecord {
  let record: unknown
  try {
    record = decodeValue(body)
  } catch (cause) {
    throw refuse(`cannot be decoded: ${messageOf(cause)}`)
  }
  const problems = recordProblems(record)
  if (problems.length > 0) throw refuse(`not a well-formed record: ${problems.join('; ')}`)
  return record as CheckpointRecord
}

function hexToBytes(hex: string): Uint8Array {
  assert(hex.length === 2 * DIGEST_BYTES, `a SHA-256 has ${2 * DIGEST_BYTES} digits, got ${hex}`)
  return Uint8Array.from({ length: DIGEST_BYTES }, (_, index) =>
    Number.parseInt(hex.slice(2 * index, 2 * index + 2), 16),
  )
}

function bytesToHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
