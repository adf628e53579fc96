import { formatValue } from './print.ts'

/** How a record becomes a line. `text`: as `print` shows it. `json`: as JSON. */
export type LineFormat<T> = 'text' | 'json' | ((value: T) => string)

/** What makes lines, without their `\n`. */
export function lineFormatter<T>(format: LineFormat<T>): (value: T) => string {
  if (format === 'text') return formatValue
  return format === 'json' ? jsonText : format
}

/** @throws Error if JSON has no text for the value. */
export function jsonText(value: unknown): string {
  const text = JSON.stringify(value) as string | undefined
  if (text === undefined) throw new Error(`Expected a value that JSON can hold, got ${typeof value}`)
  return text
}
