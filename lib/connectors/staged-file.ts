import { open, type FileHandle } from 'node:fs/promises'
import { fileError } from './file-errors.ts'

/** Text held back until it is worth a write. UTF-16 units. */
const BUFFER_CHARS = 262_144

/** A file being written, one write behind its writer. */
export class StagedFile {
  readonly path: string
  private readonly file: FileHandle
  private text = ''
  private writtenBytes = 0
  private writing: Promise<void> = Promise.resolve()
  private failure: unknown

  private constructor(path: string, file: FileHandle) {
    this.path = path
    this.file = file
  }

  /** `path` must be new. */
  static async create(path: string): Promise<StagedFile> {
    try {
      return new StagedFile(path, await open(path, 'wx'))
    } catch (cause) {
      throw fileError('fileSink', 'create', path, cause)
    }
  }

  /** About how large it is: text not yet encoded counts one byte a character. */
  get sizeBytes(): number {
    return this.writtenBytes + this.text.length
  }

  append(text: string): void | Promise<void> {
    this.text += text
    if (this.text.length >= BUFFER_CHARS) return this.flush()
  }

  /** Everything appended is on the disk. */
  async finish(): Promise<void> {
    await this.flush()
    await this.settle()
    try {
      await this.file.sync()
      await this.file.close()
    } catch (cause) {
      throw fileError('fileSink', 'write', this.path, cause)
    }
  }

  /** Lets go of the file, whatever became of it. */
  async release(): Promise<void> {
    await this.writing
    await this.file.close().catch(() => undefined)
  }

  /** Starts writing what is held back, once the write before is done: at most two buffers are in memory. */
  private async flush(): Promise<void> {
    const bytes = Buffer.from(this.text)
    this.text = ''
    await this.settle()
    this.writtenBytes += bytes.length
    this.writing = this.file.appendFile(bytes).catch((cause: unknown) => {
      this.failure = cause
    })
  }

  private async settle(): Promise<void> {
    await this.writing
    if (this.failure !== undefined) throw fileError('fileSink', 'write', this.path, this.failure)
  }
}
