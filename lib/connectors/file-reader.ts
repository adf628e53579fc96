import type { ReadStatus, SourceOutput, SourceReader } from '../stream/source.ts'
import { FileCursor, type FileFormat, type FileSplit } from './file-cursor.ts'

/** Reads files one after the other, each to its end. */
export class FileReader implements SourceReader<unknown, FileSplit> {
  private readonly format: FileFormat
  private waiting: FileSplit[] = []
  private current: FileCursor | undefined
  private lastPosition: string | undefined

  constructor(format: FileFormat) {
    this.format = format
  }

  open(splits: readonly FileSplit[]): void {
    this.waiting = [...splits]
  }

  read(out: SourceOutput<unknown>, recordsMax: number): ReadStatus | Promise<ReadStatus> {
    if (this.current === undefined) return this.waiting.length === 0 ? 'end' : this.openNext()
    const status = this.current.read(out, recordsMax, false)
    return status === 'end' ? this.closeCurrent() : status
  }

  snapshot(): readonly FileSplit[] {
    return this.current === undefined ? this.waiting : [this.current.split(), ...this.waiting]
  }

  position(): string | undefined {
    return this.current?.position() ?? this.lastPosition
  }

  async close(): Promise<void> {
    await this.current?.close()
  }

  private async openNext(): Promise<ReadStatus> {
    this.current = await FileCursor.open(this.format, this.waiting[0]!)
    this.waiting = this.waiting.slice(1)
    return 'more'
  }

  private async closeCurrent(): Promise<ReadStatus> {
    const finished = this.current
    this.lastPosition = finished?.position()
    this.current = undefined
    await finished?.close()
    return this.waiting.length === 0 ? 'end' : 'more'
  }
}
