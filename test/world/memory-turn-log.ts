import { assert } from '../../lib/model/faults.ts'
import type { ActorId } from '../../lib/model/ids.ts'
import type { Clock } from '../../lib/ports/clock.ts'
import type { Random } from '../../lib/ports/random.ts'
import { LOG_BODY_BYTES_MAX } from '../../lib/ports/turn-log.ts'
import type { Head, LogEntry, LogPage, TurnLog } from '../../lib/ports/turn-log.ts'
import { readUnitsOf, writeUnitsOf } from './call-ledger.ts'
import { callerOf } from './caller.ts'
import type { Caller } from './caller.ts'
import { perform } from './faults.ts'
import type { Operation } from './faults.ts'
import { byCodeUnits, SortedMap } from './sorted-map.ts'

export interface MemoryTurnLogOptions {
  readonly clock: Clock
  /** What a page holds at most, but for an entry that is larger alone. Default 1 MB, as DynamoDB has it. */
  readonly pageBytesMax?: number
  /** Default: any number. */
  readonly pageEntriesMax?: number
}

interface StoredEntry {
  readonly body: Uint8Array
  readonly expiresAtSec: number
}

interface Partition {
  readonly entries: SortedMap<string, StoredEntry>
  head: Head | undefined
  order: Head | undefined
}

/** Turn logs in memory, consistent as DynamoDB is when asked to be. */
export class MemoryTurnLog {
  readonly #options: MemoryTurnLogOptions
  readonly #partitions = new Map<ActorId, Partition>()

  constructor(options: MemoryTurnLogOptions) {
    this.#options = options
  }

  /** The port, as one process sees it. */
  client(given: Partial<Caller> = {}): TurnLog {
    const caller = callerOf(given)
    const request = <T>(operation: Operation, apply: () => T): Promise<T> =>
      perform(caller.faults, operation, apply)
    return {
      read: (actor, after) => {
        const operation: Operation = {
          port: 'turn-log',
          name: 'read',
          actor,
          ...(after && { subject: after }),
        }
        return request(operation, () => this.#read(caller, operation, actor, after))
      },
      append: (actor, entry, expiresAtSec) => {
        assert(
          entry.body.length <= LOG_BODY_BYTES_MAX,
          `an entry of ${entry.body.length} bytes belongs into a blob`,
        )
        assert(Number.isSafeInteger(expiresAtSec), `an expiry is in whole seconds, got ${expiresAtSec}`)
        const operation: Operation = { port: 'turn-log', name: 'append', actor, subject: entry.sort }
        return request(operation, () => this.#append(caller, operation, actor, entry, expiresAtSec))
      },
      head: (actor) => {
        const operation: Operation = { port: 'turn-log', name: 'head', actor }
        return request(operation, () => {
          const head = this.head(actor)
          caller.ledger.count(operation, { readUnits: readUnitsOf(head ? headBytes(actor, head) : 0) })
          return head && copyOf(head)
        })
      },
      putHead: (actor, head) => {
        const operation: Operation = { port: 'turn-log', name: 'put-head', actor, subject: head.version }
        return request(operation, () => {
          caller.ledger.count(operation, { writeUnits: writeUnitsOf(headBytes(actor, head)) })
          const partition = this.#partition(actor)
          const replaced = partition.head
          if (replaced !== undefined && head.version <= replaced.version) return { type: 'stale' }
          partition.head = copyOf(head)
          return { type: 'stored', replaced }
        })
      },
      putOrder: (actor, order) => {
        const operation: Operation = { port: 'turn-log', name: 'put-order', actor, subject: order.version }
        return request(operation, () => {
          caller.ledger.count(operation, { writeUnits: writeUnitsOf(headBytes(actor, order)) })
          const partition = this.#partition(actor)
          if (partition.order !== undefined && order.version <= partition.order.version) return 'stale'
          partition.order = copyOf(order)
          return 'stored'
        })
      },
    }
  }

  /** Each entry that has expired vanishes by chance; all of them without `random`. How many did. */
  expire(random?: Random): number {
    const nowSec = this.#options.clock.now() / 1000
    let vanished = 0
    for (const { entries } of this.#partitions.values())
      vanished += entries.removeIf(
        ({ expiresAtSec }) => expiresAtSec < nowSec && (random === undefined || random.next() < 0.5),
      )
    return vanished
  }

  /** Everyone who has had an entry or a head. */
  actors(): ActorId[] {
    return [...this.#partitions.keys()]
  }

  /** The whole of an actor's log, for those who check it. */
  entries(actor: ActorId): LogEntry[] {
    const entries = this.#partitions.get(actor)?.entries.after(undefined) ?? []
    return Array.from(entries, ([sort, { body }]) => ({ sort, body }))
  }

  head(actor: ActorId): Head | undefined {
    return this.#partitions.get(actor)?.head
  }

  #read({ ledger }: Caller, operation: Operation, actor: ActorId, after: string | undefined): LogPage {
    const { pageBytesMax = 1_000_000, pageEntriesMax = Infinity } = this.#options
    const entries: LogEntry[] = []
    let bytes = 0
    let more = false
    for (const [sort, { body }] of this.#partitions.get(actor)?.entries.after(after) ?? []) {
      const entry = { sort, body: body.slice() }
      const size = entryBytes(actor, entry)
      more = entries.length === pageEntriesMax || (entries.length > 0 && bytes + size > pageBytesMax)
      if (more) break
      bytes += size
      entries.push(entry)
    }
    const order = more ? undefined : this.#partitions.get(actor)?.order
    ledger.count(operation, { readUnits: readUnitsOf(bytes + (order ? headBytes(actor, order) : 0)) })
    return { entries, more, order: order && copyOf(order) }
  }

  #append(
    { ledger }: Caller,
    operation: Operation,
    actor: ActorId,
    entry: LogEntry,
    expiresAtSec: number,
  ): 'appended' | 'exists' {
    ledger.count(operation, { writeUnits: writeUnitsOf(entryBytes(actor, entry)) })
    const { entries } = this.#partition(actor)
    if (entries.get(entry.sort) !== undefined) return 'exists'
    // The caller may use its buffer again.
    entries.set(entry.sort, { body: entry.body.slice(), expiresAtSec })
    return 'appended'
  }

  #partition(actor: ActorId): Partition {
    let partition = this.#partitions.get(actor)
    if (partition === undefined) {
      partition = { entries: new SortedMap(byCodeUnits), head: undefined, order: undefined }
      this.#partitions.set(actor, partition)
    }
    return partition
  }
}

const copyOf = ({ version, body }: Head): Head => ({ version, body: body.slice() })

/** What names of attributes, numbers and flags come to in an item, about. */
const OVERHEAD_BYTES = 24

const entryBytes = (actor: ActorId, { sort, body }: LogEntry): number =>
  actor.length + sort.length + body.length + OVERHEAD_BYTES

const headBytes = (actor: ActorId, { version, body }: Head): number =>
  actor.length + version.length + body.length + OVERHEAD_BYTES
