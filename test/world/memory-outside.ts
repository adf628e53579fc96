import { MemoryBlobStore } from '../../lib/embedded/memory-blob-store.ts'
import type { BlobStore } from '../../lib/ports/blob-store.ts'
import {
  QUEUE_BYTES_MAX,
  QUEUE_ENTRIES_MAX,
  type Answer,
  type HttpAnswer,
  type HttpPost,
  type ItemStamp,
  type Outside,
  type QueueEntry,
  type TableItem,
} from '../../lib/ports/outside.ts'

/** What the process that makes a call dies of. */
export class Crash extends Error {
  override readonly name: string = 'Crash'
}

export interface StoredItem {
  readonly item: TableItem
  readonly stamp: ItemStamp
}

/**
 * The world beyond a job, in memory: it outlives the processes that use it, counts their calls, and fails as told. A
 * call's name is what it does and to what: `put s3 key`.
 */
export class MemoryOutside implements Outside {
  readonly calls: string[] = []
  readonly pausesMs: number[] = []
  readonly buckets = new Map<string, MemoryBlobStore>()
  /** By queue, in the order of their arrival. */
  readonly sent = new Map<string, QueueEntry[]>()
  readonly items = new Map<string, StoredItem>()
  readonly posts: HttpPost[] = []
  readonly random = { next: () => (this.#chance = (this.#chance * 16_807) % 2_147_483_647) / 2_147_483_647 }
  readonly http = { post: (request: HttpPost) => this.#post(request) }
  /** Before a call has any effect; what it throws the caller sees. */
  before: (call: string) => void | Promise<void> = () => {}
  /** After its effect. */
  after: (call: string) => void = () => {}
  /** What queues answer for an entry, what tables and servers answer; undefined: as it goes. */
  entryAnswer: (entry: QueueEntry) => Answer | undefined = () => undefined
  putAnswer: (item: TableItem) => Answer | undefined = () => undefined
  httpAnswer: (request: HttpPost) => HttpAnswer | undefined = () => undefined
  remainingMs = (): number => Number.POSITIVE_INFINITY
  /** After a pause, which takes no time. */
  paused: (ms: number) => void = () => {}
  #chance = 7
  readonly #deduplicated = new Set<string>()

  objects(bucket: string): BlobStore {
    const store = this.bucket(bucket)
    return {
      location: `s3://${bucket}`,
      putIfAbsent: (name, bytes) => this.#call(`put ${name}`, () => store.putIfAbsent(name, bytes)),
      get: (name) => this.#call(`get ${name}`, () => store.get(name)),
      delete: (name) => this.#call(`delete ${name}`, () => store.delete(name)),
      list: (prefix) => this.#call(`list ${prefix}`, () => store.list(prefix)),
    }
  }

  bucket(name: string): MemoryBlobStore {
    let store = this.buckets.get(name)
    if (store === undefined) this.buckets.set(name, (store = new MemoryBlobStore()))
    return store
  }

  queue(queue: string) {
    return {
      send: (entries: readonly QueueEntry[]) =>
        this.#call(`send ${queue} ${entries.length}`, () => this.#send(queue, entries)),
    }
  }

  table(table: string) {
    return {
      put: (item: TableItem, stamp: ItemStamp) =>
        this.#call(`write ${table}`, () => this.#put(table, item, stamp)),
    }
  }

  pause(ms: number): Promise<void> {
    this.pausesMs.push(ms)
    this.paused(ms)
    return Promise.resolve()
  }

  bodies(queue: string): string[] {
    return (this.sent.get(queue) ?? []).map(({ body }) => body)
  }

  #send(queue: string, entries: readonly QueueEntry[]): Answer[] {
    const bytes = entries.reduce((sum, { body }) => sum + Buffer.byteLength(body), 0)
    if (entries.length > QUEUE_ENTRIES_MAX || bytes > QUEUE_BYTES_MAX)
      throw new Error('the call is too large')
    const arrived = this.sent.get(queue) ?? []
    this.sent.set(queue, arrived)
    return entries.map((entry) => {
      const answer = this.entryAnswer(entry)
      if (answer !== undefined) return answer
      const id = `${queue} ${entry.deduplicationId}`
      if (entry.deduplicationId === undefined || !this.#deduplicated.has(id)) arrived.push(entry)
      this.#deduplicated.add(id)
      return { type: 'done' }
    })
  }

  #put(table: string, item: TableItem, stamp: ItemStamp): Answer | { type: 'stale' } {
    const answer = this.putAnswer(item)
    if (answer !== undefined) return answer
    const key = `${table} ${JSON.stringify(item.id)}`
    const there = this.items.get(key)?.stamp
    if (there !== undefined && there.sink === stamp.sink && there.version >= stamp.version) {
      const isPeers =
        stamp.overPeersOf !== undefined &&
        there.subtask !== stamp.subtask &&
        there.version.startsWith(stamp.overPeersOf)
      if (!isPeers) return { type: 'stale' }
    }
    this.items.set(key, { item, stamp })
    return { type: 'done' }
  }

  #post(request: HttpPost): Promise<HttpAnswer> {
    return this.#call(`post ${request.url}`, () => {
      this.posts.push(request)
      return (
        this.httpAnswer(request) ?? { type: 'answer', status: 200, retryAfterMs: undefined, bodyStart: '' }
      )
    })
  }

  async #call<R>(call: string, effect: () => R | Promise<R>): Promise<R> {
    // As a call over the network: never done at once.
    await Promise.resolve()
    this.calls.push(call)
    await this.before(call)
    const result = await effect()
    this.after(call)
    return result
  }
}
