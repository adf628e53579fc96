import { ID_WINDOW, IdWindow, shortHash, type SeenIds } from '../../connectors/ingest/id-window.ts'
import {
  identitiesOf,
  recordsOf,
  withoutRepeats,
  type RecordGroup,
} from '../../connectors/ingest/record-group.ts'
import { IngestGone, type IngestPage } from '../../ports/ingest-log.ts'
import { blobStoreError, type DiskFiles, type WritableFile } from '../disk-files.ts'
import { encodeFrame, type SegmentEntry } from './segment-format.ts'
import { SegmentFiles, type Segment } from './segment-files.ts'

/** A segment is read as a whole, and removed as a whole. */
const SEGMENT_BYTES_MAX = 8 * 1024 * 1024
/** Records handed to a reader at once, about. */
const PAGE_ENTRIES_MAX = 256

interface Pending {
  readonly group: RecordGroup
  readonly seen: SeenIds
}

/** What is written and flushed together. */
interface Flush {
  readonly pending: Pending[]
  readonly done: Promise<void>
}

interface Active {
  readonly file: WritableFile
  readonly first: number
  bytes: number
}

/**
 * The log of one ingest partition on disk. An append is durable when it resolves: those that come while one is being
 * written are flushed together. After a crash at any moment it holds all that was acknowledged, and perhaps more.
 *
 * A file is never written again after a failure or by another process: what comes then goes to a new one, which says by
 * its name what still counts of the one before.
 */
export class IngestPartition {
  readonly #files: SegmentFiles
  readonly #now: () => number
  readonly #onAppended: () => void
  readonly #window = new IdWindow(ID_WINDOW)
  /** In order; the last may be the active one. */
  readonly #segments: Segment[] = []
  #active: Active | undefined
  /** The entries of the last segment that was opened here; those before are on disk alone. */
  #tail: SegmentEntry[] = []
  #next = 1
  /** Takes what comes, until the one before it is done. */
  #gathering: Flush | undefined
  #flushing: Flush | undefined
  #loaded: { readonly first: number; readonly entries: readonly SegmentEntry[] } | undefined

  private constructor(files: SegmentFiles, now: () => number, onAppended: () => void) {
    this.#files = files
    this.#now = now
    this.#onAppended = onAppended
  }

  /** @throws UserError if what is in `directory` is damaged. */
  static async open(
    directory: string,
    files: DiskFiles,
    options: { readonly now: () => number; readonly onAppended: () => void },
  ): Promise<IngestPartition> {
    const partition = new IngestPartition(new SegmentFiles(directory, files), options.now, options.onAppended)
    await partition.#recover()
    return partition
  }

  /** Bytes on disk. */
  get bytes(): number {
    return this.#segments.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  /** Resolves when the group is durable, but for what came before within the window. */
  async append(group: RecordGroup): Promise<void> {
    const { receivedAtMs } = group
    const fresh = withoutRepeats(group, (identity) => this.#window.has(shortHash(identity), receivedAtMs))
    if (fresh === undefined) {
      // What it repeats may be on its way to the disk still.
      await Promise.all([this.#flushing?.done, this.#gathering?.done])
      return
    }
    const seen = { atMs: receivedAtMs, hashes: identitiesOf(fresh).map(shortHash) }
    this.#window.add(seen)
    const flush = (this.#gathering ??= this.#gather())
    flush.pending.push({ group: fresh, seen })
    await flush.done
  }

  async read(after: number): Promise<IngestPage> {
    const first = this.#segments[0]?.first ?? this.#next
    if (after >= this.#next) throw new IngestGone(`the log ends at position ${this.#next - 1}`)
    if (after > 0 && after + 1 < first) throw new IngestGone(`the log begins at position ${first}`)
    const from = Math.max(after + 1, first)
    if (from >= this.#next) return { batches: [], through: Math.max(after, from - 1), more: false }
    const entries = await this.#entriesFrom(from)
    const page = entries.slice(0, PAGE_ENTRIES_MAX)
    const through = page.at(-1)!.position
    return {
      batches: page.map(({ position, group }) => ({ position, records: recordsOf(group) })),
      through,
      more: through + 1 < this.#next,
    }
  }

  /** Entries below a position are not needed any more: removes what can be removed. */
  async truncate(below: number): Promise<void> {
    const knownSinceMs = this.#now() - ID_WINDOW.windowMs
    while (this.#segments.length > 1) {
      const [oldest, second] = this.#segments as [Segment, Segment]
      if (second.first > below || oldest.lastAtMs > knownSinceMs) return
      await this.#files.remove(oldest.first)
      this.#segments.shift()
    }
  }

  async close(): Promise<void> {
    await Promise.allSettled([this.#flushing?.done, this.#gathering?.done])
    await this.#active?.file.close()
    this.#active = undefined
  }

  #gather(): Flush {
    const before = this.#flushing?.done ?? Promise.resolve()
    const pending: Pending[] = []
    const done = before
      .catch(() => undefined)
      .then(() => {
        this.#flushing = flush
        this.#gathering = undefined
        return this.#flush(pending)
      })
      .finally(() => {
        if (this.#flushing === flush) this.#flushing = undefined
      })
    const flush: Flush = { pending, done }
    return flush
  }

  async #flush(pending: readonly Pending[]): Promise<void> {
    const atMs = this.#now()
    const entries = pending.map(({ group }, index) => ({ position: this.#next + index, atMs, group }))
    try {
      await this.#write(entries)
    } catch (cause) {
      for (const { seen } of pending) this.#window.remove(seen)
      await this.#abandon()
      throw blobStoreError('write', this.#files.directory, cause)
    }
    this.#next += entries.length
    this.#tail.push(...entries)
    this.#onAppended()
  }

  async #write(entries: readonly SegmentEntry[]): Promise<void> {
    const frames = entries.map(encodeFrame)
    const bytes = Buffer.concat(frames)
    if (this.#active !== undefined && this.#active.bytes + bytes.length > SEGMENT_BYTES_MAX)
      await this.#abandon()
    const active = (this.#active ??= await this.#begin())
    for (let written = 0; written < bytes.length;) written += await active.file.write(bytes.subarray(written))
    await active.file.sync()
    active.bytes += bytes.length
    const segment = { first: active.first, bytes: active.bytes, lastAtMs: entries.at(-1)!.atMs }
    // Only now is it part of the log: until its first entry is durable, the one before it has to stay.
    if (this.#segments.at(-1)?.first === segment.first) this.#segments.pop()
    else this.#tail = []
    this.#segments.push(segment)
  }

  async #begin(): Promise<Active> {
    return { file: await this.#files.create(this.#next), first: this.#next, bytes: 0 }
  }

  async #abandon(): Promise<void> {
    const active = this.#active
    this.#active = undefined
    await active?.file.close().catch(() => undefined)
  }

  async #entriesFrom(position: number): Promise<readonly SegmentEntry[]> {
    const tailAt = this.#tail[0]?.position ?? this.#next
    if (position >= tailAt) return this.#tail.slice(position - tailAt)
    const index = this.#segments.findLastIndex(({ first }) => first <= position)
    const { first } = this.#segments[index]!
    if (this.#loaded?.first !== first) {
      const { entries } = await this.#files.read(first, this.#segments[index + 1]?.first ?? this.#next)
      this.#loaded = { first, entries }
    }
    return this.#loaded.entries.slice(position - first)
  }

  async #recover(): Promise<void> {
    const firsts = await this.#files.list()
    const seen: SeenIds[] = []
    let next: number | undefined
    for (const first of firsts.toReversed()) {
      const { entries, bytes } = await this.#files.read(first, next)
      const last = entries.at(-1)
      if (last === undefined) {
        await this.#files.remove(first)
        continue
      }
      next ??= last.position + 1
      if (this.#segments.length === 0) this.#next = next
      this.#segments.unshift({ first, bytes, lastAtMs: last.atMs })
      seen.unshift(
        ...entries.map(({ group }) => ({
          atMs: group.receivedAtMs,
          hashes: identitiesOf(group).map(shortHash),
        })),
      )
      next = first
    }
    for (const one of seen) this.#window.add(one)
  }
}
