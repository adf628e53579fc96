import { isUtf8 } from 'node:buffer'
import { NOT_UTF8, overlongReason, type TextEncoding } from './block.ts'

const RAW_BYTES_MAX = 65_536

export interface ReceivedLine {
  readonly text: string
  /** Why it is no line to pass on. */
  readonly defect?: string
}

export interface DelimitedLinesOptions {
  readonly delimiter: string
  readonly encoding: TextEncoding
  readonly lineBytesMax: number
}

/** Lines out of bytes as they arrive, queued until they are taken. */
export class DelimitedLines {
  private readonly options: DelimitedLinesOptions
  private readonly delimiter: Buffer
  private rest: Buffer = Buffer.alloc(0)
  /** The beginning of a line that has become too long to keep. */
  private overlong: Buffer | undefined
  private queue: { readonly line: ReceivedLine; readonly bytes: number }[] = []
  private taken = 0
  private queuedBytes = 0

  constructor(options: DelimitedLinesOptions) {
    this.options = options
    this.delimiter = Buffer.from(options.delimiter, options.encoding)
  }

  get bufferedBytes(): number {
    return this.queuedBytes + this.rest.length
  }

  push(chunk: Buffer): void {
    const bytes = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk])
    let at = 0
    for (;;) {
      const end = bytes.indexOf(this.delimiter, at)
      if (end === -1) break
      this.complete(bytes.subarray(at, end))
      at = end + this.delimiter.length
    }
    this.rest = bytes.subarray(at)
    if (this.rest.length <= this.options.lineBytesMax) return
    this.overlong ??= Buffer.from(this.beginning(this.rest))
    this.rest = this.rest.subarray(this.rest.length - this.delimiter.length + 1)
  }

  /** The connection is over: what came last is a line if it ended well. */
  end(broken: boolean): void {
    const { rest } = this
    this.rest = Buffer.alloc(0)
    if (rest.length === 0 && this.overlong === undefined) return
    if (broken && this.overlong === undefined) {
      this.add(rest, { text: this.decode(rest), defect: 'the connection broke within this line' })
    } else this.complete(rest)
  }

  take(): ReceivedLine | undefined {
    const next = this.queue[this.taken]
    if (next === undefined) return undefined
    this.taken++
    this.queuedBytes -= next.bytes
    if (this.taken === this.queue.length) {
      this.queue = []
      this.taken = 0
    }
    return next.line
  }

  private complete(bytes: Buffer): void {
    const { lineBytesMax, delimiter, encoding } = this.options
    const { overlong } = this
    this.overlong = undefined
    if (overlong !== undefined || bytes.length > lineBytesMax) {
      const text = this.decode(overlong ?? this.beginning(bytes))
      this.add(bytes, { text, defect: overlongReason(lineBytesMax) })
      return
    }
    const decoded = this.decode(bytes)
    const text = delimiter === '\n' && decoded.endsWith('\r') ? decoded.slice(0, -1) : decoded
    const invalid = encoding === 'utf8' && !isUtf8(bytes)
    this.add(bytes, invalid ? { text, defect: NOT_UTF8 } : { text })
  }

  private add(bytes: Buffer, line: ReceivedLine): void {
    this.queue.push({ line, bytes: bytes.length })
    this.queuedBytes += bytes.length
  }

  private beginning(bytes: Buffer): Buffer {
    return bytes.subarray(0, Math.min(this.options.lineBytesMax, RAW_BYTES_MAX))
  }

  private decode(bytes: Buffer): string {
    return bytes.toString(this.options.encoding)
  }
}
