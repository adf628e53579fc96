import type { BlobStore } from '../ports/blob-store.ts'
import type { SinkContext } from '../stream/sink.ts'
import { digest } from './digest.ts'

/** Where in its task's history something was written: names made of it sort by it. */
export interface WrittenAt {
  readonly subtask: number
  readonly attempt: string
  readonly position: string
}

const NAME = /^(part|done)-(\d+)-(\d+)-(\d+)-/
/** Marks of published transactions that are kept for each subtask, should a checkpoint ask for one again. */
const MARKS_KEPT = 16

/** Where the batch at hand is. */
export function placeOf(ctx: SinkContext): WrittenAt {
  const [attempt, position, part] = ctx.version().split('#') as [string, string, string]
  return { subtask: ctx.subtaskIndex, attempt, position: position + part }
}

/**
 * The part of the bucket in which one sink of one run keeps what is not published: parts of objects, and marks of
 * transactions that were. Names are relative to it.
 */
export class ObjectStaging {
  /** What its keys begin with. */
  readonly path: string
  private readonly store: BlobStore

  constructor(store: BlobStore, path: string) {
    this.store = store
    this.path = path
  }

  /** Of the sink that `ctx` is the context of. */
  static pathOf(stagingPrefix: string, { jobName, operatorUid, lineage }: SinkContext): string {
    const sink = `${encodeURIComponent(jobName)}@${encodeURIComponent(operatorUid)}`
    return `${stagingPrefix}${sink.length <= 300 ? sink : digest(sink)}/${digest(lineage)}/`
  }

  /**
   * Stores a part. Its name holds its content's digest, so no stale writer can put another one in its place, and
   * `writer`, a word of the instance's own: what a stale writer removes was never referred to.
   */
  async add({ subtask, attempt, position }: WrittenAt, writer: string, bytes: Uint8Array): Promise<string> {
    const name = `part-${subtask}-${attempt}-${position}-${digest(bytes)}-${writer}`
    await this.store.putIfAbsent(this.path + name, bytes)
    return name
  }

  get(name: string): Promise<Uint8Array | undefined> {
    return this.store.get(this.path + name)
  }

  async remove(names: readonly string[]): Promise<void> {
    await Promise.all([...new Set(names)].map((name) => this.store.delete(this.path + name)))
  }

  async isMarked(at: WrittenAt): Promise<boolean> {
    return (await this.store.get(this.path + markOf(at))) !== undefined
  }

  /** Remembers that the transaction was published: it stays so, even if somebody takes the objects away. */
  async mark(at: WrittenAt): Promise<void> {
    await this.store.putIfAbsent(this.path + markOf(at), new Uint8Array())
  }

  /**
   * Removes what nothing can refer to any more, once a transaction of the current attempt is published: all that earlier
   * attempts staged (its checkpoint has every subtask, so each has published what it was restored with), and what the
   * subtask itself staged up to that transaction. And all marks but the latest.
   */
  async sweep(published: WrittenAt, parallelism: number): Promise<void> {
    const { subtask, attempt, position } = published
    const stale: string[] = []
    const marks: { readonly name: string; readonly at: string }[] = []
    for (const key of await this.store.list(this.path)) {
      const name = key.slice(this.path.length)
      const [, kind, ofSubtask, ofAttempt, ofPosition] = NAME.exec(name) ?? []
      const isOwn = Number(ofSubtask) === subtask
      if (kind === undefined || (!isOwn && Number(ofSubtask) % parallelism !== subtask)) continue
      if (kind === 'done') {
        if (isOwn) marks.push({ name, at: `${ofAttempt}-${ofPosition}` })
      } else if (ofAttempt! < attempt || (isOwn && ofAttempt === attempt && ofPosition! <= position)) {
        stale.push(name)
      }
    }
    marks.sort((a, b) => (a.at < b.at ? 1 : -1))
    await this.remove([...stale, ...marks.slice(MARKS_KEPT).map(({ name }) => name)])
  }
}

function markOf({ subtask, attempt, position }: WrittenAt): string {
  return `done-${subtask}-${attempt}-${position}-`
}
