import { UserError } from '../model/faults.ts'
import type { Source } from '../stream/source.ts'
import { columnProblems } from './csv-columns.ts'
import { CsvParser } from './csv-parser.ts'
import { valueDecoder, type RecordSchema } from './decode.ts'
import { FILE_DEFAULTS, fileSource, type FileSourceOptions } from './file-source.ts'

export interface CsvOptions extends FileSourceOptions {
  /** One ASCII character. Default: `,`. */
  readonly delimiter?: string
  /** Whether each file's first record names its columns. Default: true. */
  readonly header?: boolean
}

export interface CsvColumnsOption<Column extends string> {
  /** With a header: the columns to keep, which it must have. Without: the names of all columns, in order. */
  readonly columns?: readonly Column[]
}

export interface CsvSchemaOption<T> {
  /** Gets each row, its fields as text, and makes the record of it (`z.coerce.number()`). Synchronous. */
  readonly schema: RecordSchema<T>
}

/**
 * The rows of a CSV file (RFC 4180: `"` quotes, doubled inside; lines may break within quotes; `\n` or `\r\n`), or of
 * every file in a directory. A row is an object by column; with neither header nor columns, an array of its fields;
 * with a schema, what that makes of it. Blank lines are passed over. A row with another number of fields, with stray
 * quotes, longer than `lineBytesMax` (which is for the whole row here), or refused by the schema goes to the dead
 * letters with the position of its first line, `file:line`.
 * Order, delivery and errors as for `textFile`.
 *
 * @throws UserError also when a header lacks a column that was asked for, or names one twice.
 */
export function csv<T>(
  path: string,
  options: CsvOptions & CsvColumnsOption<string> & CsvSchemaOption<T>,
): Source<T>
export function csv(
  path: string,
  options: CsvOptions & { header: false; columns?: never },
): Source<readonly string[]>
export function csv<const Column extends string = string>(
  path: string,
  options?: CsvOptions & CsvColumnsOption<Column>,
): Source<Readonly<Record<Column, string>>>
export function csv(
  path: string,
  options: CsvOptions & CsvColumnsOption<string> & Partial<CsvSchemaOption<unknown>> = {},
): Source<unknown> {
  const { delimiter = ',', header = true, columns, encoding = 'utf8' } = options
  const problems = columns === undefined ? [] : columnProblems('the option columns', columns)
  if (!/^[^"\r\n\u0080-\uffff]$/.test(delimiter)) {
    problems.push(`csv: expected delimiter to be one ASCII character, got ${JSON.stringify(delimiter)}`)
  }
  if (problems.length > 0) throw new UserError(problems)
  const recordBytesMax = options.lineBytesMax ?? FILE_DEFAULTS.lineBytesMax
  const decode = valueDecoder(options.schema)
  const parsing = { delimiter, header, columns, encoding, recordBytesMax, decode }
  return fileSource(path, options, {
    kind: 'csv',
    chunkBytes: options.chunkBytes ?? FILE_DEFAULTS.chunkBytes,
    createParser: (split) => new CsvParser(split, parsing),
  })
}
