import { rowIdentity } from '../../state/segment/format.ts'

/** What a row key names. */
export interface RowName {
  readonly keyText: string
  /** Undefined for the row of the whole key. */
  readonly state: string | undefined
  readonly bucket: number
}

/** The key of a row in its partition: the key's text, or that with a bucket's number and state. */
export function rowKeyOf({ keyText, state, bucket }: RowName): string {
  return rowIdentity(keyText, state, bucket)
}

/** The inverse of {@link rowKeyOf}. Key texts hold no control character. */
export function parseRowKey(rowKey: string): RowName {
  const end = rowKey.indexOf('\0')
  if (end < 0) return { keyText: rowKey, state: undefined, bucket: 0 }
  const next = rowKey.indexOf('\0', end + 1)
  return {
    keyText: rowKey.slice(0, end),
    state: rowKey.slice(next + 1),
    bucket: Number(rowKey.slice(end + 1, next)),
  }
}
