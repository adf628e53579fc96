import type { Block } from './block.ts'

const NEWLINE = 10
const CARRIAGE_RETURN = 13
const QUOTE = 34

export const TEXT_AFTER_QUOTE: string = 'text after the closing quote of a field'
const NOT_CLOSED = 'a quoted field that is not closed, or a record that is too long'

/** A record in the bytes at hand: `[start, end)`, its newline included. */
export interface CsvFrame {
  readonly start: number
  readonly end: number
  readonly lines: number
  /** Why it cannot be one; then it is the first line of what was found. */
  readonly defect?: string
}

/**
 * Finds where CSV records end without parsing them: at the first newline outside quotes. A quote opens a field only
 * at its beginning and is doubled inside, as in RFC 4180. Where that does not work out within `recordBytesMax` and
 * the end of the file, the first line alone is refused, and reading goes on with the next: one stray quote does not
 * swallow the file.
 */
export class CsvFramer {
  private readonly delimiter: number
  private readonly recordBytesMax: number

  constructor(delimiter: string, recordBytesMax: number) {
    this.delimiter = delimiter.charCodeAt(0)
    this.recordBytesMax = recordBytesMax
  }

  /** The record at `start`; undefined if its end is not at hand; `too-long` if its first line is not to be held. */
  next({ bytes, final }: Block, start: number): CsvFrame | 'too-long' | undefined {
    if (start >= bytes.length) return undefined
    const newline = bytes.indexOf(NEWLINE, start)
    const lineEnd = newline === -1 ? (final ? bytes.length : undefined) : newline + 1
    const heldMax = start + this.recordBytesMax
    if ((lineEnd ?? bytes.length) > heldMax) return 'too-long'
    if (lineEnd === undefined) return undefined
    if (!includesQuote(bytes, start, lineEnd)) return { start, end: lineEnd, lines: 1 }
    const isLast = final && bytes.length <= heldMax
    const end = this.endOfQuoted(bytes.subarray(0, heldMax + 1), start, isLast)
    if (typeof end === 'number' && end <= heldMax) return { start, end, lines: countLines(bytes, start, end) }
    if (end === 'open' && !final && bytes.length <= heldMax) return undefined
    return { start, end: lineEnd, lines: 1, defect: end === 'stray' ? TEXT_AFTER_QUOTE : NOT_CLOSED }
  }

  /** `open`: these bytes do not tell. `stray`: something follows a closing quote. */
  private endOfQuoted(bytes: Buffer, start: number, isLast: boolean): number | 'open' | 'stray' {
    let at = start
    for (;;) {
      if (bytes[at] === QUOTE) {
        const close = closingQuote(bytes, at + 1, isLast)
        if (close === undefined) return 'open'
        at = close + 1
        const next = bytes[at] ?? NEWLINE
        if (next !== this.delimiter && next !== NEWLINE && next !== CARRIAGE_RETURN) return 'stray'
      }
      while (at < bytes.length && bytes[at] !== this.delimiter && bytes[at] !== NEWLINE) at++
      if (at === bytes.length) return isLast ? at : 'open'
      at++
      if (bytes[at - 1] === NEWLINE) return at
    }
  }
}

function closingQuote(bytes: Buffer, start: number, isLast: boolean): number | undefined {
  let at = start
  for (;;) {
    const quote = bytes.indexOf(QUOTE, at)
    if (quote === -1) return undefined
    if (quote + 1 === bytes.length) return isLast ? quote : undefined
    if (bytes[quote + 1] !== QUOTE) return quote
    at = quote + 2
  }
}

function includesQuote(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at] === QUOTE) return true
  return false
}

function countLines(bytes: Buffer, start: number, end: number): number {
  let lines = 0
  for (let at = bytes.indexOf(NEWLINE, start); at !== -1 && at < end; at = bytes.indexOf(NEWLINE, at + 1))
    lines++
  return Math.max(lines, 1)
}

/** Nothing but a line ending: no record. */
export function isBlank(bytes: Buffer, { start, end }: CsvFrame): boolean {
  for (let at = start; at < end; at++) {
    if (bytes[at] !== NEWLINE && bytes[at] !== CARRIAGE_RETURN) return false
  }
  return true
}
