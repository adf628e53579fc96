import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { UserError } from '../../model/faults.ts'
import { decodeValue, encodeValue } from '../../state/codec.ts'

const PLAIN = 0
const DEFLATED = 1

/** Less than this is not worth the time. */
const COMPRESSED_FROM_BYTES = 512
/** Compression has to save this part, or the reader is spared the work. */
const SAVED_MIN = 0.1
/** No more is unpacked: a damaged or hostile body must not fill the memory of a function. */
const UNPACKED_BYTES_MAX = 256 * 1024 * 1024

const SITE = { operatorUid: 'a message or log entry', state: 'its content' }

/**
 * Plain data as bytes: MessagePack (the state codec), deflated where that pays; the first byte tells which. The same data
 * gives the same bytes.
 * @throws UserError if `value` is not plain data, or so much that nobody would unpack it.
 */
export function pack(value: unknown): Uint8Array {
  const body = encodeValue(value, SITE)
  if (body.length > UNPACKED_BYTES_MAX) {
    throw new UserError(
      `${SITE.operatorUid}: expected at most ${UNPACKED_BYTES_MAX} bytes, got ${body.length}: too much is under way at once`,
    )
  }
  return compress(body)
}

/** @throws Error if `bytes` are not what {@link pack} made. */
export function unpack(bytes: Uint8Array): unknown {
  const format = bytes[0]
  const body = bytes.subarray(1)
  switch (format) {
    case PLAIN:
      return decodeValue(body)
    case DEFLATED:
      return decodeValue(inflateRawSync(body, { maxOutputLength: UNPACKED_BYTES_MAX }))
    default:
      throw new Error(`Expected packed data, got ${format === undefined ? 'nothing' : `format ${format}`}`)
  }
}

function compress(body: Uint8Array): Uint8Array {
  if (body.length >= COMPRESSED_FROM_BYTES) {
    const deflated = deflateRawSync(body, { level: 1 })
    if (deflated.length <= body.length * (1 - SAVED_MIN)) return marked(DEFLATED, deflated)
  }
  return marked(PLAIN, body)
}

function marked(format: number, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(body.length + 1)
  bytes[0] = format
  bytes.set(body, 1)
  return bytes
}
