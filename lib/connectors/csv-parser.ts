import { messageOf, UserError } from '../model/faults.ts'
import type { SourceOutput } from '../stream/source.ts'
import { Block, overlongReason, type Place, type TextEncoding } from './block.ts'
import type { BlockParser } from './block-parser.ts'
import { CsvColumns, type CsvColumnOptions } from './csv-columns.ts'
import { CsvFieldParser, type CsvFields } from './csv-fields.ts'
import { CsvFramer, isBlank, type CsvFrame } from './csv-framer.ts'
import type { Decode } from './decode.ts'
import type { FileSplit } from './file-cursor.ts'

/** Records parsed by one call of the CSV library, whose set-up costs as much as tens of rows. */
const BATCH_RECORDS = 256

export interface CsvParserOptions extends CsvColumnOptions {
  readonly encoding: TextEncoding
  readonly delimiter: string
  readonly recordBytesMax: number
  readonly decode: Decode<unknown, unknown>
}

interface CsvRecord {
  /** Offset in the file, and lines, after it. */
  readonly after: Place
  readonly line: number
  readonly raw: Buffer
  readonly fields: CsvFields
}

/** Finds CSV records, parses them by the batch, and emits them one by one. */
export class CsvParser implements BlockParser {
  readonly block: Block
  private readonly path: string
  private readonly options: CsvParserOptions
  private readonly framer: CsvFramer
  private readonly fields: CsvFieldParser
  private columns: CsvColumns | undefined
  private records: readonly CsvRecord[] = []
  private nextRecord = 0
  private next: Place
  private line: number
  /** Lines before `block.at`. */
  private linesFramed: number

  constructor(split: FileSplit, options: CsvParserOptions) {
    const { path, offset, line, columns } = split
    this.path = path
    this.options = options
    this.block = new Block(offset, options.encoding)
    this.framer = new CsvFramer(options.delimiter, options.recordBytesMax)
    this.fields = new CsvFieldParser(options.delimiter, options.encoding)
    if (!options.header) this.columns = CsvColumns.withoutHeader(options.columns)
    else if (columns !== undefined) this.columns = CsvColumns.ofHeader(path, columns, options.columns)
    this.next = { offset, line }
    this.line = line
    this.linesFramed = line
  }

  emit(out: SourceOutput<unknown>, recordsMax: number): number {
    let count = 0
    while (count < recordsMax) {
      const record = this.records[this.nextRecord]
      if (record !== undefined) {
        this.nextRecord++
        this.next = record.after
        this.line = record.line
        this.emitRecord(out, record)
        count++
      } else if (this.block.isPassingOver) {
        const raw = this.block.passed()
        if (raw === undefined) break
        this.linesFramed++
        this.next = this.framedTo(this.block.at)
        this.line = this.linesFramed
        this.refuse(out, overlongReason(this.options.recordBytesMax), raw)
        count++
      } else if (!this.nextBatch()) break
    }
    return count
  }

  place(): Place & { readonly columns?: readonly string[] } {
    const { all } = this.columns ?? {}
    return this.options.header && all !== undefined ? { ...this.next, columns: all } : this.next
  }

  lastLine(): number {
    return this.line
  }

  private emitRecord(out: SourceOutput<unknown>, { fields, raw }: CsvRecord): void {
    const text = (): string => raw.toString(this.options.encoding).replace(/\r?\n$/, '')
    if (typeof fields === 'string') return this.refuse(out, fields, text())
    if (this.columns === undefined) {
      this.columns = CsvColumns.ofHeader(this.path, fields, this.options.columns)
      return
    }
    const defect = this.columns.defect(fields)
    if (defect !== undefined) return this.refuse(out, defect, text())
    let value: unknown
    try {
      value = this.options.decode(this.columns.row(fields))
    } catch (cause) {
      if (cause instanceof UserError) throw cause
      return this.refuse(out, messageOf(cause), text())
    }
    out.collect(value)
  }

  private refuse(out: SourceOutput<unknown>, reason: string, raw: string): void {
    if (this.columns === undefined) {
      throw new UserError(`csv: expected a header in line ${this.line} of ${this.path}, found: ${reason}`)
    }
    out.deadLetter(`${this.path}:${this.line}`, reason, raw)
  }

  private nextBatch(): boolean {
    const { block } = this
    const { bytes } = block
    const start = block.at
    const frames: CsvFrame[] = []
    const afters: Place[] = []
    let defect: CsvFrame | undefined
    while (frames.length < BATCH_RECORDS && defect === undefined) {
      const frame = this.framer.next(block, block.at)
      if (frame === undefined) break
      if (frame === 'too-long') {
        if (frames.length === 0) block.passOver(this.options.recordBytesMax)
        break
      }
      if (frame.defect !== undefined && frames.length > 0) break
      defect = frame.defect === undefined ? undefined : frame
      this.linesFramed += frame.lines
      block.at = frame.end
      if (isBlank(bytes, frame)) continue
      frames.push(frame)
      afters.push(this.framedTo(frame.end))
    }
    const raws = frames.map((frame) => bytes.subarray(frame.start, frame.end))
    const parsed =
      defect === undefined ? this.fields.parse(bytes.subarray(start, block.at), raws) : [defect.defect!]
    this.records = frames.map((frame, index) => {
      const after = afters[index]!
      return { after, line: after.line - frame.lines + 1, raw: raws[index]!, fields: parsed[index]! }
    })
    this.nextRecord = 0
    if (frames.length === 0 && !block.isPassingOver) this.next = this.framedTo(block.at)
    return frames.length > 0 || block.isPassingOver
  }

  private framedTo(index: number): Place {
    return { offset: this.block.offsetOf(index), line: this.linesFramed }
  }
}
