import { Packr } from 'msgpackr'
import { messageOf, UserError } from '../model/faults.ts'
import { Extended, registerExtensions } from './codec-extensions.ts'

/**
 * Values of state as MessagePack. Plain data round-trips exactly: undefined, null, booleans, numbers (NaN, -0 and
 * the infinities too), bigint, text, Date, Map, Set, Uint8Array, arrays and plain objects, nested at will. The same
 * value gives the same bytes. What MessagePack lacks is in codec-extensions.ts.
 */
const packr = new Packr({
  useRecords: false,
  mapsAsObjects: true,
  int64AsType: 'bigint',
  useBigIntExtension: true,
  copyBuffers: true,
})
registerExtensions(pack, unpack)

/** Where a value belongs, for messages. */
export interface CodecSite {
  readonly operatorUid: string
  readonly state: string
}

/**
 * The bytes of `value`: valid until forever, but possibly a view of a larger buffer.
 * @throws UserError naming the operator and the state, if `value` is not plain data.
 */
export function encodeValue(value: unknown, site: CodecSite): Uint8Array {
  return pack(checkPlain(value, site))
}

export function decodeValue(bytes: Uint8Array): unknown {
  return unpack(bytes)
}

/** `value` in a form that {@link packChecked} takes: the same object, unless it holds what needs an extension. */
export function checkPlain(value: unknown, site: CodecSite): unknown {
  try {
    return toPackable(value)
  } catch (cause) {
    throw new UserError(
      `Operator '${site.operatorUid}', state '${site.state}': expected plain data (text, numbers, booleans, bigint, ` +
        `null, undefined, Date, Map, Set, Uint8Array, arrays and plain objects of them), ${messageOf(cause)}`,
      { cause },
    )
  }
}

/** Encodes what {@link checkPlain} returned, or arrays and objects built of such. */
export function packChecked(checked: unknown): Uint8Array {
  return pack(checked)
}

function pack(value: unknown): Uint8Array {
  return packr.pack(value)
}

function unpack(bytes: Uint8Array): unknown {
  // Byte arrays come out as the class of their source: never as Node's Buffer.
  return packr.unpack(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength))
}

function toPackable(value: unknown): unknown {
  switch (typeof value) {
    case 'number':
      return value === 0 && Object.is(value, -0) ? Extended.negativeZero() : value
    case 'string':
      return isWellFormed(value) ? value : Extended.utf16(value)
    case 'undefined':
    case 'boolean':
    case 'bigint':
      return value
    case 'object':
      return value === null ? null : objectToPackable(value)
    case 'function':
    case 'symbol':
  }
  throw new Error(`got a ${typeof value}`)
}

function objectToPackable(value: object): unknown {
  if (Array.isArray(value)) return arrayToPackable(value)
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === null || prototype === Object.prototype)
    return recordToPackable(value as Record<string, unknown>)
  // oxlint-disable-next-line no-restricted-globals -- the type of a value, not the clock
  if (value instanceof Uint8Array || value instanceof Date) return value
  if (value instanceof Map) return Extended.map(arrayToPackable([...value].flat(1)))
  if (value instanceof Set) return Extended.set(arrayToPackable([...value]))
  if (Object.getPrototypeOf(prototype) === null) return recordToPackable(value as Record<string, unknown>)
  throw new Error(
    `got an instance of ${(value.constructor as { name?: string } | undefined)?.name ?? 'a class'}`,
  )
}

/** Copies only from the first item on that needs an extension. */
function arrayToPackable(items: readonly unknown[]): readonly unknown[] {
  let copy: unknown[] | undefined
  for (let i = 0; i < items.length; i++) {
    const packable = toPackable(items[i])
    if (copy === undefined && !Object.is(packable, items[i])) copy = items.slice(0, i)
    copy?.push(packable)
  }
  return copy ?? items
}

function recordToPackable(record: Readonly<Record<string, unknown>>): unknown {
  const fields = Object.keys(record)
  if (fields.some((field) => field === '__proto__' || !isWellFormed(field))) {
    return Extended.record(fields.flatMap((field) => [toPackable(field), toPackable(record[field])]))
  }
  let copy: Record<string, unknown> | undefined
  for (const field of fields) {
    const packable = toPackable(record[field])
    if (Object.is(packable, record[field])) continue
    copy ??= { ...record }
    copy[field] = packable
  }
  return copy ?? record
}

function isWellFormed(text: string): boolean {
  return (text as string & { isWellFormed(): boolean }).isWellFormed()
}
