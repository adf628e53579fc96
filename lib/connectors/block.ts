const NEWLINE = 10
/** Bytes of an overlong line that its dead letter shows. */
const OVERLONG_RAW_BYTES = 65_536

export interface Place {
  /** Bytes of the file before the next record. */
  readonly offset: number
  /** Lines of the file before it. */
  readonly line: number
}

export type TextEncoding = 'utf8' | 'latin1'

/**
 * The bytes of a file at hand, and where in the file they are. A line too long to hold is passed over: from
 * `passOver` to its end nothing of it is kept but its beginning.
 */
export class Block {
  bytes: Buffer = Buffer.alloc(0)
  /** Nothing follows these bytes. */
  final = false
  /** Index in `bytes` of the first that has not become a record, or been passed over. */
  at = 0
  readonly encoding: TextEncoding
  private startOffset: number
  private passing: string | undefined

  constructor(offset: number, encoding: TextEncoding) {
    this.startOffset = offset
    this.encoding = encoding
  }

  /** `bytes` begins with `rest()`. */
  load(bytes: Buffer, final: boolean): void {
    this.startOffset += this.at
    this.bytes = bytes
    this.final = final
    this.at = 0
  }

  rest(): Buffer {
    return this.bytes.subarray(this.at)
  }

  /** Offset in the file of the byte at `index`. */
  offsetOf(index: number): number {
    return this.startOffset + index
  }

  indexOf(offset: number): number {
    return offset - this.startOffset
  }

  passOver(lineBytesMax: number): void {
    this.passing = this.beginning(this.at, lineBytesMax)
  }

  /** What a dead letter shows of a line longer than `lineBytesMax`: the same however the file is cut into chunks. */
  beginning(index: number, lineBytesMax: number): string {
    return this.bytes.toString(this.encoding, index, index + Math.min(lineBytesMax, OVERLONG_RAW_BYTES))
  }

  get isPassingOver(): boolean {
    return this.passing !== undefined
  }

  /** The beginning of the line passed over once its end is found. */
  passed(): string | undefined {
    const newline = this.bytes.indexOf(NEWLINE, this.at)
    this.at = newline === -1 ? this.bytes.length : newline + 1
    if (newline === -1 && !this.final) return undefined
    const raw = this.passing
    this.passing = undefined
    return raw
  }
}

export function overlongReason(bytesMax: number): string {
  return `longer than ${bytesMax} bytes`
}

export const NOT_UTF8: string = 'not valid UTF-8'
