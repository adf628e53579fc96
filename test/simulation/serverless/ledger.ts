import type { ActorId } from '../../../lib/model/ids.ts'
import type { PackedPayload } from '../../../lib/serverless/actor/envelope.ts'
import { decodeEntry, type LogItem, type TurnItem } from '../../../lib/serverless/actor/log-entry.ts'
import { unpack } from '../../../lib/serverless/actor/packing.ts'
import type { BlobStore } from '../../../lib/ports/blob-store.ts'
import { MemoryBlobStore } from '../../../lib/embedded/memory-blob-store.ts'
import type { Operation } from '../../world/faults.ts'
import type { MemoryWorld } from '../../world/memory-world.ts'
import type { SimulatedProcess } from './process.ts'

/** An entry of a log, and how it came to be there. */
export interface Logged {
  readonly item: LogItem
  /** The how-manieth effect on the world it was. */
  readonly order: number
  readonly by: string
}

/** A turn, and how it came to be there. */
export interface LoggedTurn extends Logged {
  readonly item: TurnItem
}

/** A blob, as it was put first. */
export interface PutBlob {
  readonly name: string
  readonly bytes: Uint8Array
  readonly order: number
}

interface Appended {
  readonly body: Uint8Array
  readonly atMs: number
  readonly order: number
  readonly by: string
}

/** Writes down all that happens to the world, by looking at it after each effect: what its tables forget is in here. */
export class Ledger {
  readonly violations: string[] = []
  readonly #appended = new Map<ActorId, Map<string, Appended>>()
  readonly #blobs = new Map<string, PutBlob>()
  readonly #now: () => number
  #order = 0

  constructor(now: () => number) {
    this.#now = now
  }

  onEffect(world: MemoryWorld, { port, name, actor, subject }: Operation, process: SimulatedProcess): void {
    const order = ++this.#order
    if (port === 'turn-log' && name === 'append') this.#onAppend(world, actor!, subject!, order, process.name)
    if (port === 'blobs' && name === 'put') this.#onPut(world, subject!, order)
  }

  /** The sort keys of an actor's entries that are as old. */
  appendedBefore(actor: ActorId, timeMs: number): string[] {
    const entries = this.#appended.get(actor) ?? []
    return [...entries].flatMap(([sort, { atMs }]) => (atMs < timeMs ? [sort] : []))
  }

  /** Every blob that was ever there, in the order of their first putting. */
  get blobs(): readonly PutBlob[] {
    return [...this.#blobs.values()]
  }

  /** All logs, each in its order. */
  async logs(): Promise<ReadonlyMap<ActorId, readonly Logged[]>> {
    const store = await this.#store()
    const logs = new Map<ActorId, Logged[]>()
    for (const [actor, entries] of this.#appended) {
      const log: Logged[] = []
      for (const [sort, { body, order, by }] of [...entries].toSorted(([a], [b]) => (a < b ? -1 : 1)))
        log.push({ item: await decodeEntry({ sort, body }, store), order, by })
      logs.set(actor, log)
    }
    return logs
  }

  payload(packed: PackedPayload): unknown {
    return unpack('blob' in packed ? this.#blobs.get(packed.blob)!.bytes : packed.bytes)
  }

  #onAppend(world: MemoryWorld, actor: ActorId, sort: string, order: number, by: string): void {
    const body = world.log.entries(actor).find((entry) => entry.sort === sort)?.body
    if (body === undefined) return
    const entries = this.#appended.get(actor) ?? new Map<string, Appended>()
    this.#appended.set(actor, entries)
    const before = entries.get(sort)
    if (before === undefined) entries.set(sort, { body, order, by, atMs: this.#now() })
    else if (Buffer.compare(before.body, body) !== 0)
      this.violations.push(`commit: entry ${sort} of ${actor} was changed by ${by}`)
  }

  #onPut(world: MemoryWorld, name: string, order: number): void {
    // Nothing comes in between: a store in memory has its answer ready.
    void this.#keep(world, name, order)
  }

  async #keep(world: MemoryWorld, name: string, order: number): Promise<void> {
    const bytes = await world.blobs.store.get(name)
    if (bytes === undefined) return
    const before = this.#blobs.get(name)
    if (before === undefined) this.#blobs.set(name, { name, bytes, order })
    else if (Buffer.compare(before.bytes, bytes) !== 0)
      this.violations.push(`completion: blob ${name} has another content than before`)
  }

  async #store(): Promise<BlobStore> {
    const store = new MemoryBlobStore()
    for (const { name, bytes } of this.#blobs.values()) await store.putIfAbsent(name, bytes)
    return store
  }
}
