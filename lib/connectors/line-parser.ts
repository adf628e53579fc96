import { isAscii, isUtf8 } from 'node:buffer'
import { messageOf, UserError } from '../model/faults.ts'
import type { SourceOutput } from '../stream/source.ts'
import { Block, NOT_UTF8, overlongReason, type Place, type TextEncoding } from './block.ts'
import type { BlockParser } from './block-parser.ts'
import type { Decode } from './decode.ts'

const NEWLINE = 10
const CARRIAGE_RETURN = 13
/**
 * Bytes made into one string at a time. Lines are slices of it: below V8's limit for ordinary objects it dies young,
 * above it every piece costs several times as much (measured).
 */
const PIECE_BYTES = 65_536

export interface LineParserOptions {
  readonly encoding: TextEncoding
  readonly lineBytesMax: number
  readonly skipBlank: boolean
  readonly decode: Decode<string, unknown>
}

/**
 * Splits bytes at `\n` or `\r\n`. Text is decoded a piece at a time, which is what makes it fast; the exact byte
 * offset of a line is found only when it is asked for, by counting newlines in the piece.
 */
export class LineParser implements BlockParser {
  readonly block: Block
  private readonly path: string
  private readonly options: LineParserOptions
  /** Lines before the piece. */
  private linesBefore: number
  private linesEmitted = 0
  private text = ''
  private textAt = 0
  /** Some of the piece is not UTF-8. */
  private hasInvalid = false
  /** Line `knownLine` of the piece begins at this offset of the file. */
  private knownOffset: number
  private knownLine = 0

  constructor(path: string, place: Place, options: LineParserOptions) {
    this.path = path
    this.options = options
    this.block = new Block(place.offset, options.encoding)
    this.linesBefore = place.line
    this.knownOffset = place.offset
  }

  emit(out: SourceOutput<unknown>, recordsMax: number): number {
    let count = 0
    while (count < recordsMax) {
      if (this.textAt < this.text.length) count += this.emitPiece(out, recordsMax - count)
      else if (this.block.isPassingOver) {
        const raw = this.block.passed()
        if (raw === undefined) break
        this.startPiece()
        this.linesEmitted++
        this.refuse(out, overlongReason(this.options.lineBytesMax), raw)
        this.knownLine = 1
        count++
      } else if (!this.nextPiece()) break
    }
    return count
  }

  place(): Place {
    return { offset: this.offsetOfLine(this.linesEmitted), line: this.lastLine() }
  }

  lastLine(): number {
    return this.linesBefore + this.linesEmitted
  }

  private emitPiece(out: SourceOutput<unknown>, recordsMax: number): number {
    const { text } = this
    const { decode, lineBytesMax, skipBlank } = this.options
    let count = 0
    while (count < recordsMax && this.textAt < text.length) {
      const start = this.textAt
      const newline = text.indexOf('\n', start)
      const next = newline === -1 ? text.length : newline
      this.textAt = next + 1
      this.linesEmitted++
      count++
      const end = next > start && text.charCodeAt(next - 1) === CARRIAGE_RETURN ? next - 1 : next
      const line = text.slice(start, end)
      // A character is at most three bytes a UTF-16 unit: shorter lines need no count.
      if (this.hasInvalid || (next - start) * 3 > lineBytesMax) {
        const defect = this.defectOfLastLine()
        if (defect !== undefined) {
          this.refuse(out, defect.reason, defect.raw ?? line)
          continue
        }
      }
      if (skipBlank && line.trim() === '') continue
      let value: unknown
      try {
        value = decode(line)
      } catch (cause) {
        if (cause instanceof UserError) throw cause
        this.refuse(out, messageOf(cause), line)
        continue
      }
      out.collect(value)
    }
    return count
  }

  private refuse(out: SourceOutput<unknown>, reason: string, raw: string): void {
    out.deadLetter(`${this.path}:${this.lastLine()}`, reason, raw)
  }

  private nextPiece(): boolean {
    const { block } = this
    const { bytes } = block
    const limit = Math.min(block.at + PIECE_BYTES, bytes.length)
    let end = limit > block.at ? bytes.lastIndexOf(NEWLINE, limit - 1) + 1 : 0
    if (end <= block.at) end = bytes.indexOf(NEWLINE, limit) + 1
    if (end <= block.at && block.final) end = bytes.length
    if (end <= block.at) {
      this.startPiece()
      if (bytes.length - block.at <= this.options.lineBytesMax) return false
      block.passOver(this.options.lineBytesMax)
      return true
    }
    this.startPiece()
    const piece = bytes.subarray(block.at, end)
    block.at = end
    const ascii = block.encoding === 'latin1' || isAscii(piece)
    this.hasInvalid = !ascii && !isUtf8(piece)
    this.text = piece.toString(ascii ? 'latin1' : 'utf8')
    return true
  }

  /** What comes now begins at `block.at`. */
  private startPiece(): void {
    this.linesBefore += this.linesEmitted
    this.linesEmitted = 0
    this.knownLine = 0
    this.knownOffset = this.block.offsetOf(this.block.at)
    this.text = ''
    this.textAt = 0
  }

  private defectOfLastLine(): { readonly reason: string; readonly raw?: string } | undefined {
    const { bytes, encoding } = this.block
    const { lineBytesMax } = this.options
    const start = this.block.indexOf(this.offsetOfLine(this.linesEmitted - 1))
    const next = this.block.indexOf(this.offsetOfLine(this.linesEmitted))
    const end = bytes[next - 1] === NEWLINE ? next - 1 : next
    if (end - start > lineBytesMax) {
      return { reason: overlongReason(lineBytesMax), raw: this.block.beginning(start, lineBytesMax) }
    }
    return encoding === 'utf8' && !isUtf8(bytes.subarray(start, end)) ? { reason: NOT_UTF8 } : undefined
  }

  /** Where line `line` of the piece begins. Asked for in rising order. */
  private offsetOfLine(line: number): number {
    const { block } = this
    for (; this.knownLine < line; this.knownLine++) {
      const newline = block.bytes.indexOf(NEWLINE, block.indexOf(this.knownOffset))
      this.knownOffset = block.offsetOf(newline === -1 ? block.bytes.length : newline + 1)
    }
    return this.knownOffset
  }
}
