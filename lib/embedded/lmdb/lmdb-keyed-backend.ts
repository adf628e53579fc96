import { decodeKeyText, mapKey } from '../../model/key-codec.ts'
import type { Key } from '../../model/keys.ts'
import { decodeValue } from '../../state/codec.ts'
import type {
  KeyedBackendOptions,
  KeyedDelta,
  RestoredSegment,
  TimerDomain,
  UnknownStatePolicy,
} from '../../state/keyed-backend.ts'
import { MAIN } from '../../state/rows/row-codec.ts'
import { RowBackend } from '../../state/rows/row-backend.ts'
import type { ColdRows } from '../../state/rows/row-table.ts'
import { STORED, USED, type Row } from '../../state/rows/row.ts'
import { SegmentWriter } from '../../state/segment/encode-segment.ts'
import { RowCache } from './row-cache.ts'
import { noteOf } from './row-note.ts'
import { RowStore } from './row-store.ts'
import { restoreRows } from './restore-rows.ts'
import { ColdTimers } from './cold-timers.ts'
import type { WorkingFiles } from './working-files.ts'

/** Rows on disk looked at after every batch for what has expired; and for each row that the batch created. */
const SWEPT_MIN = 8
const SWEPT_PER_CREATED = 2

/**
 * Keyed state larger than memory: rows live in LMDB, those in use in memory as in the heap backend. The timers of a
 * row are in memory exactly while the row is.
 *
 * A value that is changed without an `update` may be lost when its row leaves memory.
 */
export class LmdbBackend extends RowBackend implements ColdRows {
  readonly #files: WorkingFiles
  readonly #store: RowStore
  readonly #cache: RowCache
  readonly #coldTimers: ColdTimers
  readonly #hasTtl: boolean
  #full = true

  constructor(options: KeyedBackendOptions, files: WorkingFiles, cacheBytes: number) {
    super(options)
    this.#files = files
    this.#store = new RowStore(files, this.codec)
    this.#coldTimers = new ColdTimers(files, this.eventTimers, this.processingTimers)
    this.#cache = new RowCache(cacheBytes, this.table, this.codec, this.#store, this.#coldTimers, files)
    this.#hasTtl = this.codec.kinds.some((kind) => kind.description.ttl)
    this.table.cold = this
  }

  override setCurrentKey(key: Key): void {
    this.table.setCurrentKey(key)
    this.table.row.flags |= USED
    this.#cache.uses++
  }

  override popDueTimer(domain: TimerDomain, upToMs: number): number | undefined {
    for (;;) {
      const cold = this.#earliestCold(domain)
      if (cold === undefined || cold.timeMs > upToMs || !this.#coldTimers.isBefore(cold, domain)) break
      // Its timers come with it.
      this.setCurrentKey(cold.key)
    }
    return super.popDueTimer(domain, upToMs)
  }

  override nextTimer(domain: TimerDomain): number | undefined {
    const cold = this.#earliestCold(domain)?.timeMs
    const warm = super.nextTimer(domain)
    return cold === undefined || (warm !== undefined && warm < cold) ? warm : cold
  }

  override endBatch(): void {
    const { created, bucketsCreated } = this.table
    super.endBatch()
    if (this.#hasTtl) {
      const limit = SWEPT_MIN + created * SWEPT_PER_CREATED
      this.#store.sweepExpired(limit, this.table.nowMs, (text) =>
        this.table.rows.has(mapKey(decodeKeyText(text))),
      )
    }
    this.#cache.endBatch(bucketsCreated)
  }

  snapshot(): KeyedDelta | undefined {
    this.#cache.flush()
    const { operatorUid, maxParallelism } = this.options
    const states = this.codec.kinds.map((kind) => kind.description)
    const writer = new SegmentWriter({ operatorUid, maxParallelism, states })
    if (this.#full) for (const [keyGroup, row] of this.#store.allRows()) writer.addRow(keyGroup, row)
    const full = writer.rows > 0
    // Where nothing is left, earlier segments stay, and have to be told of what was removed.
    if (!full) for (const [keyGroup, row] of this.#store.changedRows()) writer.addRow(keyGroup, row)
    this.#store.beginEpoch()
    if (writer.rows === 0) return undefined
    if (full) this.#full = false
    return { segment: writer.finish(), rows: writer.rows, full, keyGroups: writer.keyGroups }
  }

  restore(segments: readonly RestoredSegment[], onUnknownState: UnknownStatePolicy): void {
    const { codec, options } = this
    const destination = { codec, options, store: this.#store, timers: this.#coldTimers, files: this.#files }
    const { dropsState } = restoreRows(segments, onUnknownState, destination)
    this.#store.beginEpoch()
    this.#full = dropsState || segments.length === 0
  }

  markAllChanged(): void {
    this.#full = true
  }

  stats(): { readonly keys: number; readonly keysInMemory: number } {
    let { keys } = this.#store
    for (const row of this.table.rows.values()) {
      const isStored = (row.flags & STORED) !== 0
      if (row.isEmpty === isStored) keys += isStored ? -1 : 1
    }
    return { keys, keysInMemory: this.table.rows.size }
  }

  close(): void {
    this.table.rows.clear()
    this.#files.remove()
  }

  load(row: Row): void {
    this.#cache.makeRoom(row)
    const record = this.#store.read(row)
    if (record !== undefined) {
      const contents = this.codec.read(row, record.payload)
      this.#coldTimers.warm(row, contents, record.timerSequences)
      noteOf(row).wrote(MAIN, 0, record.payload.length)
    }
    this.#cache.bytes += noteOf(row).bytes
  }

  loadBucket(row: Row, slot: number, bucket: number): unknown {
    const payload = this.#store.readBucket(row, slot, bucket)
    if (payload === undefined) return undefined
    this.#cache.measure(row, () => noteOf(row).wrote(slot, bucket, payload.length))
    return decodeValue(payload)
  }

  forgotten(row: Row): void {
    if (this.#coldTimers.hasTracesOf(row)) this.#files.transaction(() => this.#coldTimers.cool(row))
    this.#cache.bytes -= noteOf(row).bytes
  }

  /** The earliest timer of a row that is not in memory. */
  #earliestCold(
    domain: TimerDomain,
  ): { readonly key: Key; readonly timeMs: number; readonly sequence: number } | undefined {
    for (;;) {
      const timer = this.#coldTimers.peek(domain)
      if (timer === undefined) return undefined
      const key = decodeKeyText(timer.keyText)
      const row = this.table.rows.get(mapKey(key))
      if (row === undefined) return { key, timeMs: timer.timeMs, sequence: timer.sequence }
      this.#coldTimers.shift(domain, row)
    }
  }
}
