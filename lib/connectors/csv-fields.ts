import { isUtf8 } from 'node:buffer'
import { parse } from 'csv-parse/sync'
import { messageOf } from '../model/faults.ts'
import { NOT_UTF8, type TextEncoding } from './block.ts'
import { TEXT_AFTER_QUOTE } from './csv-framer.ts'
import { errorCode } from './file-errors.ts'

const REASONS: Readonly<Record<string, string>> = {
  CSV_INVALID_CLOSING_QUOTE: TEXT_AFTER_QUOTE,
  INVALID_OPENING_QUOTE: 'a quote inside an unquoted field',
}

/** The fields of one record, or why it has none. */
export type CsvFields = readonly string[] | string

/** Parses records whose ends are known: many at once, and one by one where that fails. */
export class CsvFieldParser {
  private readonly delimiter: string
  private readonly encoding: TextEncoding

  constructor(delimiter: string, encoding: TextEncoding) {
    this.delimiter = delimiter
    this.encoding = encoding
  }

  /** `records` are parts of `all`, which holds nothing else but blank lines. */
  parse(all: Buffer, records: readonly Buffer[]): readonly CsvFields[] {
    if (this.encoding === 'latin1' || isUtf8(all)) {
      try {
        const rows = this.rows(all)
        if (rows.length === records.length) return rows
      } catch {
        // One of them is malformed: which one is found below.
      }
    }
    return records.map((record) => this.parseOne(record))
  }

  private parseOne(record: Buffer): CsvFields {
    if (this.encoding === 'utf8' && !isUtf8(record)) return NOT_UTF8
    try {
      const [row, ...more] = this.rows(record)
      return row === undefined || more.length > 0 ? 'not one CSV record' : row
    } catch (cause) {
      return REASONS[errorCode(cause) ?? ''] ?? messageOf(cause)
    }
  }

  private rows(bytes: Buffer): string[][] {
    return parse(bytes, {
      delimiter: this.delimiter,
      encoding: this.encoding,
      record_delimiter: ['\n', '\r\n'],
      relax_column_count: true,
      skip_empty_lines: true,
    })
  }
}
