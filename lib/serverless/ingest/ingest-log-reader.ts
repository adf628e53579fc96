import { recordsOf } from '../../connectors/ingest/record-group.ts'
import { ingestActor } from '../../model/actors.ts'
import type { ActorId } from '../../model/ids.ts'
import { IngestGone, type IngestBatch, type IngestLog, type IngestPage } from '../../ports/ingest-log.ts'
import type { LogEntry, LogPage } from '../../ports/turn-log.ts'
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
    if (after > 0) return this.#pageOf(actor, after, await this.#entriesAfter(actor, after))
    let through = await this.#floor(actor)
    for (;;) {
      const { entries, more } = await this.#entriesAfter(actor, through)
      const kept = entries.slice(await this.#endedIn(entries))
      const [first] = kept
      const last = entries.at(-1)
      if (first !== undefined) through = placeOf(first.sort).position - 1
      else if (last !== undefined) through = placeOf(last.sort).position
      if (first !== undefined || last === undefined || !more)
        return this.#pageOf(actor, through, { entries: kept, more })
    }
  }

  #entriesAfter(actor: ActorId, position: number): Promise<LogPage> {
    const from = position === 0 ? undefined : sortOf({ attempt: ATTEMPT, position })
    return this.#runtime.log.read(actor, from)
  }

  /**
   * How many entries, from the first, are past their time. For who begins these are not there, whether or not the table has
   * removed them, which it does in no order; the ingest partition has warned of that for weeks. Times of a log never go back.
   */
  async #endedIn(entries: readonly LogEntry[]): Promise<number> {
    const endedAtMs = this.#runtime.now() - LOG_LIMITS.retentionMs
    const isEnded = async (index: number): Promise<boolean> => {
      const item = await this.#decode(entries[index]!)
      return item.type === 'turn' && item.nowMs <= endedAtMs
    }
    if (entries.length === 0 || !(await isEnded(0))) return 0
    let ended = 0
    let kept = entries.length
    while (kept - ended > 1) {
      const middle = Math.floor((ended + kept) / 2)
      if (await isEnded(middle)) ended = middle
      else kept = middle
    }
    return kept
  }

  /** Whoever goes on must not miss any. */
  async #pageOf(
    actor: ActorId,
    after: number,
    { entries, more }: Pick<LogPage, 'entries' | 'more'>,
  ): Promise<IngestPage> {
    const batches: IngestBatch[] = []
    let through = after
    let bytes = 0
    for (const entry of entries) {
      // An entry may stand for an object of megabytes: a page of them does not fit into a function.
      if (bytes >= READ_BYTES) return { batches, through, more: true }
      const { position } = placeOf(entry.sort)
      if (position !== through + 1 && !(await this.#heldNothing(actor, through, position))) {
        throw new IngestGone(`the log goes on at position ${position}, where ${through + 1} was expected`)
      }
      const item = await this.#decode(entry)
      const records = item.type === 'turn' ? groupsOf(item.delta).flatMap(recordsOf) : []
      if (records.length > 0) batches.push({ position, records })
      bytes += records.reduce((sum, { body }) => sum + body.length, 0)
      through = position
    }
    return { batches, through, more }
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

  async #decode(entry: LogEntry): Promise<LogItem> {
    try {
      return await decodeEntry(entry, this.#runtime.blobs)
    } catch (cause) {
      if (!(cause instanceof StaleView)) throw cause
      throw new IngestGone(`the content of position ${placeOf(entry.sort).position} was removed`, { cause })
    }
  }
}

function groupsOf(delta: unknown): IngestDelta['groups'] {
  return (delta as IngestDelta | undefined)?.groups ?? []
}
