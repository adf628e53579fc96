import { stat } from 'node:fs/promises'
import { UserError } from '../model/faults.ts'
import type { ReadStatus, SourceOutput, SourceReader, SourceReaderContext } from '../stream/source.ts'
import { FileCursor, type FileFormat, type FileSplit } from './file-cursor.ts'
import { errorCode } from './file-errors.ts'

/** Reads files that grow, in turns, and looks for more at intervals. A file may only be appended to. */
export class TailingReader implements SourceReader<unknown, FileSplit> {
  private readonly format: FileFormat
  private readonly pollMs: number
  private readonly context: Pick<SourceReaderContext, 'now'>
  private cursors: readonly FileCursor[] = []
  private turn = 0
  /** Files in a row that had nothing new. */
  private idle = 0

  constructor(format: FileFormat, pollMs: number, context: Pick<SourceReaderContext, 'now'>) {
    this.format = format
    this.pollMs = pollMs
    this.context = context
  }

  async open(splits: readonly FileSplit[]): Promise<void> {
    const opened: FileCursor[] = []
    this.cursors = opened
    for (const split of splits) opened.push(await FileCursor.open(this.format, split))
  }

  read(out: SourceOutput<unknown>, recordsMax: number): ReadStatus | Promise<ReadStatus> {
    const cursor = this.cursors[this.turn]
    if (cursor === undefined) return 'end'
    const line = cursor.lastLine()
    const status = cursor.read(out, recordsMax, true)
    if (cursor.lastLine() > line) this.idle = 0
    return status === 'wait' ? this.endTurn(cursor) : status
  }

  snapshot(): readonly FileSplit[] {
    return this.cursors.map((cursor) => cursor.split())
  }

  position(): string | undefined {
    return this.cursors[this.turn]?.position()
  }

  async close(): Promise<void> {
    for (const cursor of this.cursors) await cursor.close()
  }

  private async endTurn(cursor: FileCursor): Promise<ReadStatus> {
    await this.expectOnlyAppended(cursor)
    this.turn = (this.turn + 1) % this.cursors.length
    this.idle++
    if (this.idle < this.cursors.length) return 'more'
    this.idle = 0
    return { waitUntilMs: this.context.now() + this.pollMs }
  }

  private async expectOnlyAppended(cursor: FileCursor): Promise<void> {
    const { path } = cursor
    const { offset } = cursor.split()
    const open = await cursor.file.stat()
    if (open.size < offset)
      throw this.broken(path, `it was truncated to ${open.size} bytes, below byte ${offset}`)
    try {
      const named = await stat(path)
      if (named.ino !== open.ino || named.dev !== open.dev)
        throw this.broken(path, 'another file took its name')
    } catch (cause) {
      throw errorCode(cause) === 'ENOENT' ? this.broken(path, 'it was removed or renamed') : cause
    }
  }

  private broken(path: string, what: string): UserError {
    return new UserError(
      `${this.format.kind}: cannot follow ${path}: ${what}. Expected a file that is only appended to; ` +
        'rotate into new names and read the directory without `follow`',
    )
  }
}
