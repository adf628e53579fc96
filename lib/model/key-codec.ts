import type { Key } from './keys.ts'

/** A key as JavaScript's Map compares it: by contents. */
export type MapKeyOf = string | number | boolean | bigint

/** Opens the map key of a composite; text that begins with it is escaped, so neither can pass for the other. */
const MARK = '\0'

/**
 * `key` for use in a Map: primitives as they are, composites as canonical text. Allocates nothing for primitives.
 * @throws Error if `key` is not a key.
 */
export function mapKey(key: Key): MapKeyOf {
  switch (typeof key) {
    case 'string':
      return key.charCodeAt(0) === 0 ? MARK + JSON.stringify(key) : key
    case 'number':
      if (!Number.isNaN(key)) return key
      break
    case 'boolean':
    case 'bigint':
      return key
    case 'object':
      return MARK + keyText(key)
    default:
  }
  throw invalidKey(key)
}

/**
 * The canonical text of `key`: JSON with the fields of objects sorted by name. What JSON lacks is an array that
 * begins with null, which no key does: `[null,"12"]` is the bigint 12, `[null,"Infinity"]` the number.
 * @throws Error if `key` is not a key.
 */
export function keyText(key: Key): string {
  switch (typeof key) {
    case 'string':
      return JSON.stringify(key)
    case 'number':
      if (Number.isNaN(key)) break
      return Number.isFinite(key) ? JSON.stringify(key) : `[null,"${key}"]`
    case 'boolean':
      return key ? 'true' : 'false'
    case 'bigint':
      return `[null,"${key}"]`
    case 'object':
      if (Array.isArray(key)) return `[${Array.from(key, (item: Key) => keyText(item)).join(',')}]`
      if (!isPlainObject(key)) break
      return `{${fieldTexts(key as Readonly<Record<string, Key>>).join(',')}}`
    default:
  }
  throw invalidKey(key)
}

/** The key that {@link keyText} wrote. */
export function decodeKeyText(text: string): Key {
  const isComposite = text.startsWith('[') || text.startsWith('{')
  return (isComposite ? JSON.parse(text, revive) : JSON.parse(text)) as Key
}

function fieldTexts(key: Readonly<Record<string, Key>>): string[] {
  return Object.keys(key)
    .toSorted()
    .map((field) => `${JSON.stringify(field)}:${keyText(key[field]!)}`)
}

function revive(_field: string, value: unknown): unknown {
  if (!Array.isArray(value) || value[0] !== null) return value
  const text = String(value[1])
  return text.endsWith('Infinity') ? Number(text) : BigInt(text)
}

function isPlainObject(value: object | null): boolean {
  if (value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

function invalidKey(value: unknown): Error {
  return new Error(
    `Expected key to be text, a number, a boolean, a bigint, or an array or plain object of them, got ${nameOf(value)}`,
  )
}

function nameOf(value: unknown): string {
  if (typeof value === 'function') return 'a function'
  if (typeof value === 'symbol') return 'a symbol'
  if (typeof value !== 'object' || value === null) return String(value)
  return `an instance of ${(value.constructor as { name?: string } | undefined)?.name ?? 'an unknown class'}`
}
