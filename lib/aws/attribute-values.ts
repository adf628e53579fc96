import type { AttributeValue } from '@aws-sdk/client-dynamodb'
import type { TableItem, TableValue } from '../ports/outside.ts'

/** A value as DynamoDB is given it. */
function attributeValue(value: TableValue): AttributeValue {
  if (value === null) return { NULL: true }
  if (typeof value === 'string') return { S: value }
  if (typeof value === 'boolean') return { BOOL: value }
  if (typeof value === 'number' || typeof value === 'bigint') return { N: String(value) }
  if (value instanceof Uint8Array) return { B: value }
  return Array.isArray(value) ? { L: value.map(attributeValue) } : { M: attributeValues(value as TableItem) }
}

export function attributeValues(item: TableItem): Record<string, AttributeValue> {
  return Object.fromEntries(Object.entries(item).map(([name, value]) => [name, attributeValue(value)]))
}
