import { isUtf8 } from 'node:buffer'
import { scanJson, skipSpace, unexpected, type Span } from './scan-json.ts'

/** How a request says its records are written. `any`: by their shape. */
export type RecordFormat = 'json' | 'json-lines' | 'any'

/** Where in a request something is, for who sent it. Lines and columns count from 1, records from 0. */
export interface RequestPlace {
  readonly record: number
  readonly line: number
  readonly column: number
}

/** A record as it was written. */
export interface RawRecord {
  readonly text: string
  readonly place: RequestPlace
}

export type ParsedRecords =
  | { readonly type: 'records'; readonly records: readonly RawRecord[] }
  | { readonly type: 'malformed'; readonly reason: string; readonly place: MalformedPlace }

/** Without the record where nobody can know it. */
type MalformedPlace = Omit<RequestPlace, 'record'> & Partial<RequestPlace>

const BYTE_ORDER_MARK = '\uFEFF'
/** What bytes that are no UTF-8 are decoded as. Its own are these: */
const REPLACEMENT = '\uFFFD'
const REPLACEMENT_BYTES = Buffer.from(REPLACEMENT)

/**
 * The records of a body: the elements of one JSON array, one JSON value, or a JSON value a line (blank lines are passed
 * over). UTF-8; a byte order mark at the beginning is passed over.
 */
export function parseRecords(body: Uint8Array, format: RecordFormat): ParsedRecords {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  const decoded = bytes.toString('utf8')
  if (!isUtf8(body)) {
    const place = placeAfter(withoutMark(wellEncoded(bytes, decoded)), format)
    return { type: 'malformed', reason: 'expected UTF-8, got bytes that are none', place }
  }
  const text = withoutMark(decoded)
  if (skipSpace(text, 0) === text.length) {
    return malformed(text, 0, 0, 'expected a record, got an empty body')
  }
  return format === 'json-lines' ? parseLines(text) : parseWhole(text, format)
}

/** One value, or what its elements are; several values, where the shape may decide, each on a line of its own. */
function parseWhole(text: string, format: 'json' | 'any'): ParsedRecords {
  const scan = scanJson(text, 0)
  if (scan.type === 'defect') {
    // The first line may be whole: then it is a later one that is not.
    const lines = format === 'any' && isWholeLine(text) ? parseLines(text) : undefined
    return lines ?? malformed(text, scan.element, scan.offset, scan.reason)
  }
  const next = skipSpace(text, scan.span.end)
  if (next < text.length) {
    if (format === 'any' && text.slice(scan.span.end, next).includes('\n')) return parseLines(text)
    const defect = unexpected(text, next, 'nothing after the JSON value')
    return malformed(text, 0, defect.offset, defect.reason)
  }
  const lines = new LineCounter(text)
  const spans = scan.elements ?? [scan.span]
  return { type: 'records', records: spans.map((span, record) => rawRecord(text, span, record, lines)) }
}

/** Whether the first line that is not blank is a JSON value, and not the last. */
function isWholeLine(text: string): boolean {
  const start = skipSpace(text, 0)
  const end = text.indexOf('\n', start)
  if (end === -1) return false
  const line = text.slice(start, end)
  const scan = scanJson(line, 0)
  return scan.type === 'value' && skipSpace(line, scan.span.end) === line.length
}

function parseLines(text: string): ParsedRecords {
  const records: RawRecord[] = []
  let line = 0
  for (let start = 0; start <= text.length;) {
    line++
    const newline = text.indexOf('\n', start)
    const end = newline === -1 ? text.length : newline
    const content = text.slice(start, end)
    start = end + 1
    if (skipSpace(content, 0) === content.length) continue
    const scan = scanJson(content, 0)
    const record = records.length
    const defect = scan.type === 'defect' ? scan : trailing(content, scan.span)
    if (defect !== undefined) {
      const place = { record, line, column: defect.offset + 1 }
      return { type: 'malformed', reason: defect.reason, place }
    }
    const span = (scan as Extract<typeof scan, { type: 'value' }>).span
    const place = { record, line, column: span.start + 1 }
    records.push({ text: content.slice(span.start, span.end), place })
  }
  return { type: 'records', records }
}

function trailing(text: string, { end }: Span): ReturnType<typeof unexpected> | undefined {
  const next = skipSpace(text, end)
  return next === text.length ? undefined : unexpected(text, next, 'the end of the line after the JSON value')
}

function rawRecord(text: string, { start, end }: Span, record: number, lines: LineCounter): RawRecord {
  return { text: text.slice(start, end), place: { record, ...lines.placeOf(start) } }
}

function malformed(text: string, record: number, offset: number, reason: string): ParsedRecords {
  return { type: 'malformed', reason, place: { record, ...new LineCounter(text).placeOf(offset) } }
}

/** Lines and columns of a text, asked for at rising offsets. */
class LineCounter {
  readonly #text: string
  #line = 1
  #lineAt = 0
  #newlineAt: number

  constructor(text: string) {
    this.#text = text
    this.#newlineAt = this.#next(0)
  }

  placeOf(offset: number): { readonly line: number; readonly column: number } {
    while (this.#newlineAt < offset) {
      this.#line++
      this.#lineAt = this.#newlineAt + 1
      this.#newlineAt = this.#next(this.#lineAt)
    }
    return { line: this.#line, column: offset - this.#lineAt + 1 }
  }

  #next(from: number): number {
    const newline = this.#text.indexOf('\n', from)
    return newline === -1 ? Number.POSITIVE_INFINITY : newline
  }
}

function withoutMark(text: string): string {
  return text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text
}

/** The text before the first bytes that are no UTF-8, of which there are some. */
function wellEncoded(bytes: Buffer, decoded: string): string {
  let end = 0
  let byte = 0
  for (;;) {
    const next = decoded.indexOf(REPLACEMENT, end)
    byte += Buffer.byteLength(decoded.slice(end, next))
    const after = byte + REPLACEMENT_BYTES.length
    if (!bytes.subarray(byte, after).equals(REPLACEMENT_BYTES)) return decoded.slice(0, next)
    end = next + 1
    byte = after
  }
}

/** Only where each line is a record can those before be counted, whatever comes after. */
function placeAfter(text: string, format: RecordFormat): MalformedPlace {
  const place = new LineCounter(text).placeOf(text.length)
  if (format !== 'json-lines') return place
  const before = text.split('\n').slice(0, -1)
  return { record: before.filter((line) => skipSpace(line, 0) < line.length).length, ...place }
}
