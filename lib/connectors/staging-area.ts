import { createHash } from 'node:crypto'
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { SinkContext } from '../stream/sink.ts'
import { fileError } from './file-errors.ts'
import { syncDirectory } from './sync-directory.ts'

/** `open`: being written. `ready`: complete, for a checkpoint to decide on. `done`: only a mark, that it was published. */
export type StagedStatus = 'open' | 'ready' | 'done'

export interface StagedEntry {
  readonly name: string
  readonly subtask: number
  readonly sequence: number
  /** The attempt that wrote it. */
  readonly writer: string
  readonly status: StagedStatus
}

const ENTRY = /^(\d+)-(\d+)~([^~]*)\.(open|ready|done)$/
const NAME_CHARS_MAX = 200
/** Published transactions remembered for each subtask, should a checkpoint ask for one again. */
const DONE_KEPT = 16

/**
 * The hidden directory in which one sink of one job keeps what is not published. Names carry the subtask and the
 * sequence number that the file will be published under, and the attempt that wrote it: a stale attempt can neither
 * write to nor rename a file of the current one.
 */
export class StagingArea {
  /** Relative to the sink's directory. */
  readonly path: string
  private readonly directory: string
  private readonly writer: string

  constructor(directory: string, { jobName, operatorUid, runId, attempt }: SinkContext) {
    this.directory = directory
    this.path = join(
      '.staging',
      fileName(`${encodeURIComponent(jobName)}@${encodeURIComponent(operatorUid)}`),
    )
    this.writer = fileName(encodeURIComponent(`${runId}-${attempt}`).replaceAll('~', '%7E'))
  }

  async create(): Promise<void> {
    try {
      await mkdir(join(this.directory, this.path), { recursive: true })
      await syncDirectory(this.directory)
      await syncDirectory(join(this.directory, '.staging'))
    } catch (cause) {
      throw fileError('fileSink', 'write to', this.directory, cause)
    }
  }

  nameOf(subtask: number, sequence: number, status: StagedStatus): string {
    const writer = status === 'done' ? '' : this.writer
    return join(this.path, `${subtask}-${padded(sequence)}~${writer}.${status}`)
  }

  async list(): Promise<StagedEntry[]> {
    const entries: StagedEntry[] = []
    for (const file of await readdir(join(this.directory, this.path))) {
      const [, subtask, sequence, writer, status] = ENTRY.exec(file) ?? []
      if (writer === undefined) continue
      const name = join(this.path, file)
      entries.push({
        name,
        subtask: Number(subtask),
        sequence: Number(sequence),
        writer,
        status: status as StagedStatus,
      })
    }
    return entries
  }

  isOwn(entry: StagedEntry): boolean {
    return entry.writer === this.writer
  }

  async remove(entries: readonly StagedEntry[]): Promise<void> {
    for (const { name } of entries) await rm(join(this.directory, name), { force: true })
  }

  sync(): Promise<void> {
    return syncDirectory(join(this.directory, this.path))
  }

  /** Remembers that a subtask's files up to `sequence`, of one transaction, were published. */
  async markDone(subtask: number, sequence: number): Promise<void> {
    await writeFile(join(this.directory, this.nameOf(subtask, sequence, 'done')), '')
    const marks = (await this.list()).filter((entry) => entry.status === 'done' && entry.subtask === subtask)
    marks.sort((a, b) => b.sequence - a.sequence)
    await this.remove(marks.slice(DONE_KEPT))
  }
}

/** Makes names sort as their numbers do. */
export function padded(sequence: number): string {
  return String(sequence).padStart(10, '0')
}

function fileName(name: string): string {
  return name.length <= NAME_CHARS_MAX ? name : createHash('sha256').update(name).digest('hex')
}
