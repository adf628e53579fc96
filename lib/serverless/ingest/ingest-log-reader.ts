import { recordsOf } from '../../connectors/ingest/record-group.ts'
import { ingestActor } from '../../model/actors.ts'
import type { ActorId } from '../../model/ids.ts'
import { IngestGone, type IngestBatch, type IngestLog, type IngestPage } from '../../ports/ingest-log.ts'
import { StaleView } from '../actor/behaviour.ts'
import { HeadStore } from '../actor/head-store.ts'
import { decodeEntry, placeOf, sortOf, type LogItem } from '../actor/log-entry.ts'
import { LOG_LIMITS } from '../actor/limits.ts'
import type { JobRuntime } from '../runtime.ts'
import { ingestBehaviour } from './ingest-behaviour.ts'
import type { IngestDelta } from './ingest-state.ts'

/** Ingest actors have one attempt for ever. */
const ATTEMPT = 0
/** What one read gives, about: some turns' worth of records. */
const READ_BYTES = 2 * 1024 * 1024

/** Reads ingest partitions for the tasks of their sources: what an ingest actor's turns accepted, straight from its log. */
export class IngestLogReader implements IngestLog {
  readonly #runtime: JobRuntime

  constructor(runtime: JobRuntime) {
    this.#runtime = runtime
  }

  async read(sourceUid: string, partition: number, after: number): Promise<IngestPage> {
    const actor = ingestActor(sourceUid, partition)
    if (after > 0) return this.#readOn(actor, after)
    for (let start = await this.#floor(actor); ;) {
      const page = await this.#readOn(actor, start, true)
      if (page.batches.length > 0 || !page.more) return page
      start = page.through
    }
  }

  /**
   * Whoever goes on must not miss any. For who begins (`isNew`), what is past its time is not there, whether or not the table has
   * removed it, which it does in no order; the ingest partition has warned of that for weeks.
   */
  async #readOn(actor: ActorId, start: number, isNew = false): Promise<IngestPage> {
    const from = start === 0 ? undefined : sortOf({ attempt: ATTEMPT, position: start })
    const page = await this.#runtime.log.read(actor, from)
    const endedAtMs = this.#runtime.now() - LOG_LIMITS.retentionMs
    const batches: IngestBatch[] = []
    let through = start
    let bytes = 0
    for (const entry of page.entries) {
      // An entry may stand for an object of megabytes: a page of them does not fit into a function.
      if (bytes >= READ_BYTES) return { batches, through, more: true }
      const { position } = placeOf(entry.sort)
      const begins = isNew && batches.length === 0
      if (position !== through + 1 && !begins && !(await this.#heldNothing(actor, through, position))) {
        throw new IngestGone(`the log goes on at position ${position}, where ${through + 1} was expected`)
      }
      const item = await this.#decode(entry, position)
      if (begins && item.type === 'turn' && item.nowMs <= endedAtMs) {
        through = position
        continue
      }
      const records = item.type === 'turn' ? groupsOf(item.delta).flatMap(recordsOf) : []
      if (records.length > 0) batches.push({ position, records })
      bytes += records.reduce((sum, { body }) => sum + body.length, 0)
      through = position
    }
    return { batches, through, more: page.more }
  }

  /** Whether entries that ended between two positions were turns without records, such as truncations. */
  async #heldNothing(actor: ActorId, through: number, position: number): Promise<boolean> {
    const head = await new HeadStore(actor, ingestBehaviour(this.#runtime, actor), this.#runtime).read()
    return head !== undefined && head.state.lastPosition <= through && position <= head.place.position + 1
  }

  /** What is below is not needed by any retained checkpoint, and may be gone in part: whoever begins begins after it. */
  async #floor(actor: ActorId): Promise<number> {
    const head = await new HeadStore(actor, ingestBehaviour(this.#runtime, actor), this.#runtime).read()
    return Math.max(0, (head?.state.truncatedBelow ?? 0) - 1)
  }

  async #decode(entry: Parameters<typeof decodeEntry>[0], position: number): Promise<LogItem> {
    try {
      return await decodeEntry(entry, this.#runtime.blobs)
    } catch (cause) {
      if (!(cause instanceof StaleView)) throw cause
      throw new IngestGone(`the content of position ${position} was removed`, { cause })
    }
  }
}

function groupsOf(delta: unknown): IngestDelta['groups'] {
  return (delta as IngestDelta | undefined)?.groups ?? []
}
