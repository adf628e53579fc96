import { assert } from '../../lib/model/faults.ts'
import type { Clock } from '../../lib/ports/clock.ts'
import type { Random } from '../../lib/ports/random.ts'
import {
  ROW_KEY_CHARS_MAX,
  type EarliestTimers,
  type IndexedTimer,
  type RowPartition,
  type RowStore,
  type RowWrite,
  type StoredRow,
} from '../../lib/ports/row-store.ts'
import { readUnitsOf, writeUnitsOf } from './call-ledger.ts'
import type { AwsUnits } from './call-ledger.ts'
import { callerOf } from './caller.ts'
import type { Caller } from './caller.ts'
import { perform } from './faults.ts'
import type { Operation } from './faults.ts'
import { byCodeUnits, SortedMap } from './sorted-map.ts'

export interface MemoryRowStoreOptions {
  readonly clock: Clock
  /** Rows of one page of a scan. Default 1000. */
  readonly pageRowsMax?: number
}

type Domain = 'event' | 'processing'

interface KeptRow {
  /** Undefined: it is gone, and remembered as such. */
  readonly payload: Uint8Array | undefined
  readonly position: number
  readonly expiresAtMs: number
  readonly timers: EarliestTimers
}

interface Kept {
  readonly partition: RowPartition
  readonly rows: SortedMap<string, KeptRow>
  readonly timers: Readonly<Record<Domain, TimerIndex>>
}

type TimerIndex = SortedMap<IndexedTimer, IndexedTimer>

/** How long a row that is gone is remembered. */
const TOMBSTONE_MS = 24 * 3_600_000
const GET_ROWS_MAX = 100
const DELETE_ITEMS_MAX = 25

/**
 * Rows in memory. A write of many is many requests at once: some may be done and others not, when the caller dies or
 * another looks. An entry of the index is written before its row, by stale writers too, and removed after the row has
 * another; one that a dead or stale writer left stays until it is forgotten.
 */
export class MemoryRowStore {
  readonly #options: MemoryRowStoreOptions
  readonly #partitions = new Map<string, Kept>()

  constructor(options: MemoryRowStoreOptions) {
    this.#options = options
  }

  /** The port, as one process sees it. */
  client(given: Partial<Caller> = {}): RowStore {
    const caller = callerOf(given)
    return {
      get: (rows) => this.#get(caller, rows),
      write: async (rows) => {
        const outcomes = await Promise.all(rows.map((row) => this.#writeOne(caller, row)))
        const written = outcomes.filter((outcome) => outcome === 'written').length
        return { written, stale: outcomes.length - written }
      },
      scan: (partition, after) =>
        request(caller, 'scan', after === undefined ? {} : { subject: after }, (operation) =>
          this.#scan(caller, operation, partition, after),
        ),
      timers: (partition, domain, upToMs, limit) =>
        request(caller, 'timers', {}, (operation) => {
          const all = this.#partitions.get(idOf(partition))?.timers[domain].after(undefined) ?? []
          const timers: IndexedTimer[] = []
          let nextMs: number | undefined
          for (const [timer] of all) {
            if (timer.timeMs <= upToMs && timers.length < limit) timers.push(timer)
            else nextMs ??= timer.timeMs
            if (nextMs !== undefined) break
          }
          const bytes = timers.reduce((sum, { rowKey }) => sum + rowKey.length + TIMER_BYTES, TIMER_BYTES)
          caller.ledger.count(operation, { readUnits: readUnitsOf(bytes) })
          return { timers, nextMs }
        }),
      forgetTimers: async (partition, domain, stale) => {
        await Promise.all(
          stale.map((timer) =>
            request(caller, 'forget-timer', { subject: timer.rowKey }, (operation) => {
              caller.ledger.count(operation, { writeUnits: 1 })
              const index = this.#partitions.get(idOf(partition))?.timers[domain]
              const there = index?.get(timer)
              // One that was written again since, with a later position, stays.
              if (there !== undefined && there.position <= timer.position) index?.delete(timer)
            }),
          ),
        )
      },
      drop: (partition) => this.#drop(caller, partition),
    }
  }

  /** Each row that has expired vanishes by chance; all of them without `random`. How many did. */
  expire(random?: Random): number {
    const nowMs = this.#options.clock.now()
    let vanished = 0
    for (const { rows } of this.#partitions.values())
      vanished += rows.removeIf(
        ({ expiresAtMs }) => expiresAtMs < nowMs && (random === undefined || random.next() < 0.5),
      )
    return vanished
  }

  /** Partitions with anything in them. */
  partitions(): RowPartition[] {
    return [...this.#partitions.values()]
      .filter(({ rows, timers }) => rows.size + timers.event.size + timers.processing.size > 0)
      .map(({ partition }) => partition)
  }

  /** All rows of a partition that are not gone, for those who check them. */
  rows(partition: RowPartition): StoredRow[] {
    const kept = this.#partitions.get(idOf(partition))?.rows.after(undefined) ?? []
    return Array.from(kept, ([rowKey, row]) => storedRow(rowKey, row)).filter((row) => row !== undefined)
  }

  /** Takes a row away, as if it had never been written: for those who damage what is there. */
  lose({ partition, rowKey }: Pick<RowWrite, 'partition' | 'rowKey'>): void {
    this.#partitions.get(idOf(partition))?.rows.delete(rowKey)
  }

  async #get(
    caller: Caller,
    rows: Parameters<RowStore['get']>[0],
  ): Promise<readonly (StoredRow | undefined)[]> {
    const chunks: (typeof rows)[] = []
    for (let at = 0; at < rows.length; at += GET_ROWS_MAX) chunks.push(rows.slice(at, at + GET_ROWS_MAX))
    const found = await Promise.all(
      chunks.map((chunk) =>
        request(caller, 'get', { entries: chunk.length }, (operation) => {
          let units: Partial<AwsUnits> = {}
          const answers = chunk.map(({ partition, rowKey }) => {
            const row = this.#partitions.get(idOf(partition))?.rows.get(rowKey)
            units = plus(units, readCost(rowKey, row))
            return row && storedRow(rowKey, row)
          })
          caller.ledger.count(operation, units)
          return answers
        }),
      ),
    )
    return found.flat()
  }

  async #writeOne(caller: Caller, row: RowWrite): Promise<'written' | 'stale'> {
    const { rowKey, position, payload } = row
    assert(rowKey.length <= ROW_KEY_CHARS_MAX, `a row key has at most 20 kB, got ${rowKey.length}`)
    const kept = this.#kept(row.partition)
    // Before the row: whoever sees the row's timers finds them in the index.
    for (const domain of DOMAINS) {
      const timeMs = timeOf(row.timers, domain)
      if (timeMs !== undefined) await indexTimer(caller, kept.timers[domain], { timeMs, rowKey, position })
    }
    const outcome = await request(caller, 'write-row', { subject: rowKey }, (operation) => {
      caller.ledger.count(operation, writeCost(rowKey, payload))
      const replaced = kept.rows.get(rowKey)
      // Keeps out a stale writer, and the repeat of this write.
      if (replaced !== undefined && replaced.position >= position) return 'stale'
      const expiresAtMs = payload === undefined ? this.#options.clock.now() + TOMBSTONE_MS : row.expiresAtMs
      kept.rows.set(rowKey, { payload: payload?.slice(), position, expiresAtMs, timers: row.timers })
      return { replaced }
    })
    if (outcome === 'stale') return 'stale'
    // After it, what the index need no longer hold; perhaps long after it, or never.
    for (const domain of DOMAINS) {
      const timeMs = outcome.replaced && timeOf(outcome.replaced.timers, domain)
      if (timeMs !== undefined && timeMs !== timeOf(row.timers, domain))
        await outdateTimer(caller, kept.timers[domain], { timeMs, rowKey, position })
    }
    return 'written'
  }

  #scan(
    { ledger }: Caller,
    operation: Operation,
    partition: RowPartition,
    after: string | undefined,
  ): Awaited<ReturnType<RowStore['scan']>> {
    const { pageRowsMax = 1000 } = this.#options
    const rows: StoredRow[] = []
    let bytes = 0
    let more = false
    for (const [rowKey, kept] of this.#partitions.get(idOf(partition))?.rows.after(after) ?? []) {
      const row = storedRow(rowKey, kept)
      if (row === undefined) continue
      more = rows.length === pageRowsMax
      if (more) break
      bytes += rowBytes(rowKey, row.payload)
      rows.push(row)
    }
    ledger.count(operation, { readUnits: readUnitsOf(bytes) })
    return { rows, more }
  }

  async #drop(caller: Caller, partition: RowPartition): Promise<void> {
    const { rows, timers } = this.#kept(partition)
    await removeAll(caller, rows)
    await removeAll(caller, timers.event)
    await removeAll(caller, timers.processing)
  }

  #kept(partition: RowPartition): Kept {
    const id = idOf(partition)
    let kept = this.#partitions.get(id)
    if (kept === undefined) {
      const index = (): TimerIndex => new SortedMap(byTime)
      kept = { partition, rows: new SortedMap(byCodeUnits), timers: { event: index(), processing: index() } }
      this.#partitions.set(id, kept)
    }
    return kept
  }
}

const DOMAINS: readonly Domain[] = ['event', 'processing']

const timeOf = ({ eventMs, processingMs }: EarliestTimers, domain: Domain): number | undefined =>
  domain === 'event' ? eventMs : processingMs

function indexTimer(caller: Caller, index: TimerIndex, timer: IndexedTimer): Promise<void> {
  return request(caller, 'write-timer', { subject: timer.rowKey }, (operation) => {
    caller.ledger.count(operation, { writeUnits: writeUnitsOf(timer.rowKey.length + TIMER_BYTES) })
    const there = index.get(timer)
    // Keeps out a zombie, after which a late reader would take a later entry for an old one.
    if (there !== undefined && there.position >= timer.position) return
    index.delete(timer)
    index.set(timer, timer)
  })
}

function outdateTimer(caller: Caller, index: TimerIndex, timer: IndexedTimer): Promise<void> {
  return request(caller, 'outdate-timer', { subject: timer.rowKey }, (operation) => {
    caller.ledger.count(operation, { writeUnits: 1 })
    const there = index.get(timer)
    // Spares the entry of a later row, which has a timer of that time again.
    if (there !== undefined && there.position < timer.position) index.delete(timer)
  })
}

function request<T>(
  caller: Caller,
  name: string,
  about: Pick<Operation, 'subject' | 'entries'>,
  apply: (operation: Operation) => T,
): Promise<T> {
  const operation: Operation = { port: 'row-store', name, ...about }
  return perform(caller.faults, operation, () => apply(operation))
}

/** As many requests as it takes: the caller may die in between. */
async function removeAll<K>(caller: Caller, map: SortedMap<K, unknown>): Promise<void> {
  while (map.size > 0) {
    const keys = Array.from(map.after(undefined), ([key]) => key).slice(0, DELETE_ITEMS_MAX)
    await request(caller, 'drop', { entries: keys.length }, (operation) => {
      caller.ledger.count(operation, { writeUnits: keys.length })
      for (const key of keys) map.delete(key)
    })
  }
}

const idOf = ({ namespace, operatorUid, keyGroup }: RowPartition): string =>
  JSON.stringify([namespace, operatorUid, keyGroup])

/** One entry for a time and row, whatever position it tells. */
const byTime = (a: IndexedTimer, b: IndexedTimer): number =>
  a.timeMs - b.timeMs || byCodeUnits(a.rowKey, b.rowKey)

const storedRow = (rowKey: string, { payload, position }: KeptRow): StoredRow | undefined =>
  payload && { rowKey, payload: payload.slice(), position }

/** What an entry of the index has besides the row's key, about. */
const TIMER_BYTES = 64
/** What an item of a row has besides key and payload, about. */
const OVERHEAD_BYTES = 64
/** Payloads above this are objects of their own. */
const INLINE_BYTES_MAX = 300_000

const rowBytes = (rowKey: string, payload: Uint8Array | undefined): number =>
  OVERHEAD_BYTES + rowKey.length + (payload?.length ?? 0)

function writeCost(rowKey: string, payload: Uint8Array | undefined): Partial<AwsUnits> {
  const large = payload !== undefined && payload.length > INLINE_BYTES_MAX
  if (large) return { writeUnits: writeUnitsOf(rowBytes(rowKey, undefined)), s3Puts: 1 }
  return { writeUnits: writeUnitsOf(rowBytes(rowKey, payload)) }
}

function readCost(rowKey: string, row: KeptRow | undefined): Partial<AwsUnits> {
  const payload = row?.payload
  const large = payload !== undefined && payload.length > INLINE_BYTES_MAX
  if (large) return { readUnits: readUnitsOf(rowBytes(rowKey, undefined)), s3Gets: 1 }
  return { readUnits: readUnitsOf(rowBytes(rowKey, payload)) }
}

const plus = (a: Partial<AwsUnits>, b: Partial<AwsUnits>): Partial<AwsUnits> => ({
  readUnits: (a.readUnits ?? 0) + (b.readUnits ?? 0),
  s3Gets: (a.s3Gets ?? 0) + (b.s3Gets ?? 0),
})
