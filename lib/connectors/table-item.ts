import type { TableItem, TableValue } from '../ports/outside.ts'

/** What an attribute or a map or list entry costs beside its content. DynamoDB developer guide, “Item sizes and formats”. */
const ENTRY_BYTES = 1
const CONTAINER_BYTES = 3

/**
 * What a record's property becomes: undefined ones are left out, as by JSON; dates are ISO text.
 * @throws Error that names the path of what a table cannot hold.
 */
function tableValue(value: unknown, path: string): TableValue | undefined {
  switch (typeof value) {
    case 'undefined':
      return undefined
    case 'string':
    case 'boolean':
    case 'bigint':
      return value
    case 'number':
      if (Number.isFinite(value)) return value
      throw new Error(`expected ${path} to be a finite number, got ${value}`)
    case 'object':
      return value === null ? null : tableObject(value, path)
    default:
      throw new Error(`expected ${path} to be a value that a table can hold, got a ${typeof value}`)
  }
}

function tableObject(value: object, path: string): TableValue {
  if (value instanceof Uint8Array) return value
  if (value instanceof Date) return value.toISOString()
  if (Array.isArray(value))
    return value.map((one: unknown, index) => tableValue(one, `${path}[${index}]`) ?? null)
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) return tableItem(value, path)
  throw new Error(`expected ${path} to be plain data, got an instance of ${value.constructor.name}`)
}

/** The attributes that an object has. */
export function tableItem(record: object, path: string): TableItem {
  const attributes: Record<string, TableValue> = {}
  for (const [name, value] of Object.entries(record)) {
    const converted = tableValue(value, path === '' ? name : `${path}.${name}`)
    if (converted !== undefined) attributes[name] = converted
  }
  return attributes
}

/** How large the table counts it, at most. */
export function itemBytes(item: TableItem): number {
  let bytes = 0
  for (const [name, value] of Object.entries(item)) bytes += Buffer.byteLength(name) + valueBytes(value)
  return bytes
}

function valueBytes(value: TableValue): number {
  if (typeof value === 'string') return Buffer.byteLength(value)
  // Two digits a byte, and one for the sign, one for the exponent.
  if (typeof value === 'number' || typeof value === 'bigint') return Math.ceil(String(value).length / 2) + 2
  if (typeof value === 'boolean' || value === null) return 1
  if (value instanceof Uint8Array) return value.length
  if (Array.isArray(value)) {
    return (
      CONTAINER_BYTES + value.reduce((sum: number, one: TableValue) => sum + ENTRY_BYTES + valueBytes(one), 0)
    )
  }
  const entries = Object.entries(value as TableItem)
  return (
    CONTAINER_BYTES +
    entries.reduce((sum, [name, one]) => sum + ENTRY_BYTES + Buffer.byteLength(name) + valueBytes(one), 0)
  )
}
