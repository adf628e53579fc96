import type { Source } from '../stream/source.ts'
import { valueDecoder, type RecordSchema } from './decode.ts'
import { lineSource, type TextFileOptions } from './text-file.ts'

export interface JsonLinesOptions<T> extends TextFileOptions {
  /** What each value must be, and what it becomes. Any Standard Schema; synchronous. Default: anything. */
  readonly schema?: RecordSchema<T>
}

/**
 * One JSON value a line, of a file or of every file in a directory. Blank lines are passed over. A line that is not
 * JSON, or that the schema refuses, goes to the dead letters with its position, `file:line`, and the reason.
 * Order, delivery and errors as for `textFile`.
 */
export function jsonLines<T = unknown>(path: string, options: JsonLinesOptions<T> = {}): Source<T> {
  const check = valueDecoder(options.schema)
  const decode = (line: string): unknown => check(JSON.parse(line))
  return lineSource('jsonLines', path, options, { decode, skipBlank: true })
}
