import { open, type FileHandle } from 'node:fs/promises'
import { UserError } from '../model/faults.ts'
import type { ReadStatus, SourceOutput } from '../stream/source.ts'
import type { Place } from './block.ts'
import type { BlockParser } from './block-parser.ts'
import { ChunkReader } from './chunk-reader.ts'
import { fileError } from './file-errors.ts'

/** A file and where in it to go on reading. */
export interface FileSplit extends Place {
  readonly path: string
  /** CSV: what the header of the file says, once it has been read. */
  readonly columns?: readonly string[]
}

/** What kind of file is read, and how. */
export interface FileFormat {
  /** A word for messages: `textFile`. */
  readonly kind: string
  readonly chunkBytes: number
  createParser(split: FileSplit): BlockParser
}

const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf])
const NEWLINE = 10

/** One open file: its bytes on their way into records. */
export class FileCursor {
  readonly path: string
  readonly file: FileHandle
  private readonly parser: BlockParser
  private readonly chunks: ChunkReader
  private atEnd = false

  private constructor(path: string, file: FileHandle, parser: BlockParser, chunks: ChunkReader) {
    this.path = path
    this.file = file
    this.parser = parser
    this.chunks = chunks
  }

  static async open(format: FileFormat, split: FileSplit): Promise<FileCursor> {
    const { kind } = format
    const { path } = split
    try {
      const file = await open(path)
      try {
        const start = { ...split, offset: await startOffset(kind, file, split) }
        const chunks = new ChunkReader(kind, path, file, start.offset, format.chunkBytes)
        return new FileCursor(path, file, format.createParser(start), chunks)
      } catch (cause) {
        await file.close()
        throw cause
      }
    } catch (cause) {
      throw fileError(kind, 'read', path, cause)
    }
  }

  /** `wait`: nothing more in the file now. With `growing`, a last line is a line only once it has its newline. */
  read(
    out: SourceOutput<unknown>,
    recordsMax: number,
    growing: boolean,
  ): 'more' | 'end' | 'wait' | Promise<ReadStatus> {
    const { block } = this.parser
    if (this.atEnd && growing) {
      this.atEnd = false
      this.chunks.again()
    }
    let room = recordsMax
    for (;;) {
      room -= this.parser.emit(out, room)
      if (room === 0) return 'more'
      if (block.final) return 'end'
      const next = this.chunks.take(block.rest())
      if (next === undefined) return this.chunks.arrived().then(() => 'more' as const)
      this.atEnd = next.atEnd
      block.load(next.bytes, next.atEnd && !growing)
      if (next.atEnd && growing) return 'wait'
    }
  }

  split(): FileSplit {
    return { path: this.path, ...this.parser.place() }
  }

  lastLine(): number {
    return this.parser.lastLine()
  }

  position(): string {
    return `${this.path}:${this.lastLine()}`
  }

  close(): Promise<void> {
    return this.chunks.close()
  }
}

/** Past a byte-order mark; and where a checkpoint says, provided that a line still begins there. */
async function startOffset(kind: string, file: FileHandle, { path, offset }: FileSplit): Promise<number> {
  const { size } = await file.stat()
  if (size < offset) throw changed(kind, path, offset, `the file has only ${size} bytes`)
  const { length } = BYTE_ORDER_MARK
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, Math.max(0, offset - length))
  const before = buffer.subarray(0, bytesRead)
  if (offset === 0) return before.equals(BYTE_ORDER_MARK) ? length : 0
  const atLine = before[Math.min(offset, length) - 1] === NEWLINE || before.equals(BYTE_ORDER_MARK)
  if (!atLine && offset < size) throw changed(kind, path, offset, 'no line begins there')
  return offset
}

function changed(kind: string, path: string, offset: number, found: string): UserError {
  return new UserError(
    `${kind}: ${path} was read up to byte ${offset}, but ${found}: it was truncated or replaced since. ` +
      'Put the file back, or start without the checkpoint',
  )
}
