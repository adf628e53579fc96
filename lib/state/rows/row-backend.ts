import type { Key } from '../../model/keys.ts'
import type {
  KeyedBackendOptions,
  KeyedDelta,
  KeyedStateBackend,
  RestoredSegment,
  TimerDomain,
  UnknownStatePolicy,
} from '../keyed-backend.ts'
import { createKinds } from '../kinds/create-kinds.ts'
import { TimerQueue } from '../timers/timer-queue.ts'
import { TtlSweeper } from '../ttl-sweeper.ts'
import { RowCodec, type RowContents } from './row-codec.ts'
import { RowTable } from './row-table.ts'
import { DIRTY, type Row } from './row.ts'

/** What all backends share: states, timers and TTL over a table of rows in memory. */
export abstract class RowBackend implements KeyedStateBackend {
  readonly handles: Readonly<Record<string, unknown>>
  protected readonly options: KeyedBackendOptions
  protected readonly table: RowTable
  protected readonly codec: RowCodec
  protected readonly eventTimers: TimerQueue = new TimerQueue('eventTimers')
  protected readonly processingTimers: TimerQueue = new TimerQueue('processingTimers')
  readonly #sweeper: TtlSweeper

  constructor(options: KeyedBackendOptions) {
    this.options = options
    this.table = new RowTable(Object.keys(options.spec).length)
    const declared = createKinds(options.operatorUid, options.spec, this.table)
    const kinds = declared.map((state) => state.kind)
    this.handles = Object.fromEntries(declared.map(({ kind, handle }) => [kind.description.name, handle]))
    this.codec = new RowCodec(options.operatorUid, options.maxParallelism, kinds)
    this.#sweeper = new TtlSweeper(this.table, kinds)
  }

  get currentKey(): Key {
    return this.table.row.key
  }

  setCurrentKey(key: Key): void {
    this.table.setCurrentKey(key)
  }

  setNow(nowMs: number): void {
    this.table.nowMs = nowMs
  }

  registerTimer(domain: TimerDomain, timestampMs: number): void {
    if (Number.isNaN(timestampMs))
      throw new Error('Expected the time of a timer to be epoch milliseconds, got NaN')
    const row = this.table.row
    if (this.timers(domain).register(row, timestampMs) && (row.flags & DIRTY) === 0) this.table.markDirty(row)
  }

  deleteTimer(domain: TimerDomain, timestampMs: number): void {
    const row = this.table.row
    if (this.timers(domain).delete(row, timestampMs)) this.#timerGone(row)
  }

  popDueTimer(domain: TimerDomain, upToMs: number): number | undefined {
    const due = this.timers(domain).popDue(upToMs)
    if (due === undefined) return undefined
    this.table.row = due.row
    this.#timerGone(due.row)
    return due.timeMs
  }

  nextTimer(domain: TimerDomain): number | undefined {
    return this.timers(domain).peek()?.timeMs
  }

  endBatch(): void {
    this.#sweeper.sweepSome()
    this.table.forgetEmpty()
    this.table.batch++
    this.table.created = 0
    this.table.bucketsCreated = 0
  }

  abstract snapshot(): KeyedDelta | undefined
  abstract restore(segments: readonly RestoredSegment[], onUnknownState: UnknownStatePolicy): void
  abstract markAllChanged(): void
  abstract stats(): { readonly keys: number; readonly keysInMemory: number }
  abstract close(): void

  protected timers(domain: TimerDomain): TimerQueue {
    return domain === 'event' ? this.eventTimers : this.processingTimers
  }

  protected restoreTimers(row: Row, contents: RowContents): void {
    for (const timeMs of contents.eventTimersMs) this.eventTimers.restore(row, timeMs, 0)
    for (const timeMs of contents.processingTimersMs) this.processingTimers.restore(row, timeMs, 0)
  }

  #timerGone(row: Row): void {
    if ((row.flags & DIRTY) === 0) this.table.markDirty(row)
    this.table.suspect(row)
  }
}
