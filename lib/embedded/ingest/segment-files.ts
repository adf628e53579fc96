import { join } from 'node:path'
import { UserError } from '../../model/faults.ts'
import { hasCode, type DiskFiles, type WritableFile } from '../disk-files.ts'
import { DurableDirectories } from '../durable-directories.ts'
import { decodeFrames, type SegmentEntry } from './segment-format.ts'

/** A file of a partition's log; the next segment tells where it ends. */
export interface Segment {
  /** Position of its first entry, which names the file. */
  readonly first: number
  readonly bytes: number
  readonly lastAtMs: number
}

const NAME = /^(\d{12})\.log$/

/** The files of one partition's log: `<position of the first entry>.log`, only ever written at the end. */
export class SegmentFiles {
  readonly directory: string
  readonly #files: DiskFiles
  readonly #directories: DurableDirectories

  constructor(directory: string, files: DiskFiles) {
    this.directory = directory
    this.#files = files
    this.#directories = new DurableDirectories(directory, files)
  }

  /** In order. */
  async list(): Promise<number[]> {
    const entries = await this.#files.entries(this.directory).catch((cause: unknown) => {
      if (hasCode(cause, 'ENOENT')) return []
      throw cause
    })
    return entries
      .flatMap(({ name }) => NAME.exec(name)?.[1] ?? [])
      .map(Number)
      .toSorted((a, b) => a - b)
  }

  /**
   * The entries of a segment, which the segment that begins at `next` follows.
   * @throws UserError if some are missing or damaged.
   */
  async read(first: number, next: number | undefined): Promise<{ entries: SegmentEntry[]; bytes: number }> {
    const bytes = await this.#files.read(this.#path(first))
    // What a failed write left behind was written again in the next segment.
    const entries = decodeFrames(bytes).filter(({ position }) => next === undefined || position < next)
    const isWhole = entries.every(({ position }, index) => position === first + index)
    if (!isWhole || (next !== undefined && entries.length !== next - first)) {
      throw new UserError(
        `${this.#path(first)}: expected the entries from position ${first}${next === undefined ? '' : ` to ${next - 1}`}, got ` +
          `${entries.length} that are sound: the file is damaged`,
      )
    }
    return { entries, bytes: bytes.length }
  }

  /** A new file; one of its name, which nothing counts in, is replaced. */
  async create(first: number): Promise<WritableFile> {
    await this.#directories.make(this.directory)
    await this.remove(first)
    const file = await this.#files.create(this.#path(first))
    await this.#files.syncDirectory(this.directory)
    return file
  }

  async remove(first: number): Promise<void> {
    await this.#files.unlink(this.#path(first)).catch((cause: unknown) => {
      if (!hasCode(cause, 'ENOENT')) throw cause
    })
  }

  #path(first: number): string {
    return join(this.directory, `${String(first).padStart(12, '0')}.log`)
  }
}
