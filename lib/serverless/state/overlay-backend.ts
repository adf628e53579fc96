import { assert, UserError } from '../../model/faults.ts'
import { keyText, mapKey } from '../../model/key-codec.ts'
import { inRange } from '../../model/key-groups.ts'
import type { Key } from '../../model/keys.ts'
import { KEY_TEXT_CHARS_MAX } from '../../ports/row-store.ts'
import { decodeValue } from '../../state/codec.ts'
import type {
  KeyedBackendOptions,
  KeyedDelta,
  RestoredSegment,
  TimerDomain,
} from '../../state/keyed-backend.ts'
import { asSpread, MAIN, type RowSink } from '../../state/rows/row-codec.ts'
import { RowBackend } from '../../state/rows/row-backend.ts'
import type { ColdRows } from '../../state/rows/row-table.ts'
import { DIRTY, type Row } from '../../state/rows/row.ts'
import { keyTooLong } from './key-too-long.ts'
import type { KeyedImage } from './keyed-image.ts'
import { STATE_LIMITS } from './limits.ts'
import { OverlayTimers } from './overlay-timers.ts'
import { NO_TIMERS, rowChange, type RowChange } from './row-change.ts'
import { rowKeyOf } from './row-key.ts'
import { RowMissing, type MissingRow } from './row-missing.ts'
import { earlier } from './timer-bounds.ts'

/** Rows as the store has them, kept in memory. */
export interface CleanRows {
  /** Undefined: not in memory. A row with no payload is known not to be stored. */
  get(uid: string, rowKey: string): { readonly payload: Uint8Array | undefined } | undefined
}

/** What a backend reads from. */
export interface KeyedView {
  readonly image: KeyedImage
  readonly rows: CleanRows
}

/** What a row costs in memory beyond its contents, and what a byte of payload costs as objects. Rough. */
const ROW_BYTES = 500
const BYTES_PER_PAYLOAD_BYTE = 4

/** What is noted of a row in memory. */
class RowNote {
  /** Its address, so that it is not made again. */
  readonly keyText: string
  /** Size of its payload when it was read or written last, without buckets. */
  payloadBytes = 0

  constructor(text: string) {
    this.keyText = text
  }
}

const noteOf = (row: Row): RowNote => row.note as RowNote
const textOf = (row: Row): string => noteOf(row).keyText

/**
 * Keyed state on top of an image of it: rows become objects when their key first becomes current, from the overlay, or else
 * from rows of the store that were fetched before; where they are in neither, {@link RowMissing} is thrown. What changed is
 * taken after each turn ({@link takeChanges}), and once the turn is committed the backend goes on from the image that came
 * of it ({@link committed}). It holds only while nobody else has a turn; then it is made anew.
 *
 * A checkpoint is a position of the log: there are no snapshots. Nothing is swept: the store removes for nothing what has
 * expired, where a write would cost.
 */
export class OverlayBackend extends RowBackend implements ColdRows, RowSink {
  /** What was missing, whatever became of the exception: the state cannot be used then. */
  missing: MissingRow | undefined
  #view: KeyedView
  #overlayTimers: Partial<Record<TimerDomain, OverlayTimers>> = {}
  /** By domain: no timer of the store that is not in memory is due before; undefined: there is none. */
  #coldFromMs: Record<TimerDomain, number | undefined>
  /** Stopped before event-time timers that have to be fetched, and nobody has looked yet whether more are due. */
  #isPaused = false
  /** What rows take as objects, about: at most too much, where buckets are written again. */
  #bytes = 0
  #changes: RowChange[] = []
  /** Written since the last commit, and empty. */
  #emptied: Row[] = []
  #awaitsCommit = false

  constructor(options: KeyedBackendOptions, view: KeyedView) {
    super(options)
    this.#view = view
    this.#coldFromMs = this.#boundsOf(view)
    this.table.cold = this
  }

  /**
   * As the contract says, as far as timers are in memory: where one that is not might come first, it stops there, and
   * `nextTimer` tells of it.
   */
  override popDueTimer(domain: TimerDomain, upToMs: number): number | undefined {
    const coldFromMs = this.#coldFromMs[domain]
    for (;;) {
      const warmMs = this.timers(domain).peek()?.timeMs
      const waiting = this.#waiting(domain)
      const nextMs = earlier(warmMs, waiting?.timeMs)
      if (coldFromMs !== undefined && coldFromMs <= upToMs && (nextMs === undefined || nextMs > coldFromMs)) {
        // The rest of the processing-time timers has its turn anyway; a watermark must not pass on before its timers.
        if (domain === 'event') this.#isPaused = true
        return undefined
      }
      if (nextMs === undefined || nextMs > upToMs) return undefined
      if (waiting?.timeMs !== nextMs) return super.popDueTimer(domain, upToMs)
      // Its timers come with it.
      this.#admit(waiting.key)
    }
  }

  /** Also tells of timers that have to be fetched: at their time, or before it. */
  override nextTimer(domain: TimerDomain): number | undefined {
    if (domain === 'event') this.#isPaused = false
    const knownMs = earlier(super.nextTimer(domain), this.#waiting(domain)?.timeMs)
    return earlier(knownMs, this.#coldFromMs[domain])
  }

  /** Whether timers of the store may be due by then that are not in memory. */
  hasColdTimers(domain: TimerDomain, upToMs: number): boolean {
    const coldFromMs = this.#coldFromMs[domain]
    return coldFromMs !== undefined && coldFromMs <= upToMs
  }

  /**
   * Takes in keys whose rows were fetched because of their timers. All timers of the store that are not in memory after
   * that are due at `coldFromMs` or later; undefined: there are none.
   */
  warm(domain: TimerDomain, keys: readonly Key[], coldFromMs: number | undefined): void {
    for (const key of keys) this.#admit(key)
    this.#coldFromMs[domain] = coldFromMs
  }

  /** Whether the row of `key` is in memory as objects. */
  has(key: Key): boolean {
    return this.table.rows.has(mapKey(key))
  }

  override endBatch(): void {
    this.table.forgetEmpty()
    this.table.batch++
    this.table.created = 0
    this.table.bucketsCreated = 0
  }

  /**
   * The rows that changed since the last call, encoded. Whatever comes of them, {@link committed} is called before the next
   * change, or the backend is dropped.
   */
  takeChanges(): readonly RowChange[] {
    if (this.missing !== undefined) throw new RowMissing(this.missing)
    assert(!this.#awaitsCommit, `changes of ${this.options.operatorUid} were taken, and not committed`)
    assert(!this.#isPaused, `${this.options.operatorUid} stopped before cold timers, and nobody saw it`)
    const rows = this.table.changed.take()
    for (const row of rows) {
      this.codec.write(row, this, false)
      if (row.isEmpty) this.#emptied.push(row)
    }
    const changes = this.#changes
    this.#changes = []
    this.#awaitsCommit = changes.length > 0
    if (!this.#awaitsCommit) this.#keepBound()
    return changes
  }

  /** The changes that were taken last are in `view`, and no other change is that was not. */
  committed(view: KeyedView): void {
    if (view.image.materializedThrough > this.#view.image.materializedThrough) this.#lowerBounds(view)
    this.#view = view
    this.#awaitsCommit = false
    for (const row of this.#emptied) this.table.suspect(row)
    this.#emptied = []
    this.table.forgetEmpty()
    this.#keepBound()
  }

  put(row: Row, slot: number, bucket: number, payload: Uint8Array | undefined, expiresAtMs: number): void {
    const { operatorUid, keyGroups } = this.options
    const keyGroup = this.codec.keyGroup(row)
    assert(inRange(keyGroups, keyGroup), `key group ${keyGroup} is not of this task: its keys went astray`)
    // An encoded value may be a view of a larger buffer, which it would keep.
    const bytes = payload === undefined ? undefined : new Uint8Array(payload)
    if (slot !== MAIN) {
      this.#bytes += (bytes?.length ?? 0) * BYTES_PER_PAYLOAD_BYTE
      const rowKey = rowKeyOf({ keyText: textOf(row), state: this.#stateOf(slot), bucket })
      this.#changes.push(rowChange(operatorUid, keyGroup, rowKey, bytes, expiresAtMs))
      return
    }
    this.#measure(row, bytes?.length ?? 0)
    const { eventTimers, processingTimers } = row
    const timers =
      eventTimers === undefined && processingTimers === undefined
        ? NO_TIMERS
        : { eventMs: eventTimers?.earliestMs, processingMs: processingTimers?.earliestMs }
    this.#changes.push(rowChange(operatorUid, keyGroup, textOf(row), bytes, expiresAtMs, timers))
  }

  load(row: Row): void {
    const text = keyText(row.key)
    if (text.length > KEY_TEXT_CHARS_MAX) {
      this.table.rows.delete(row.id)
      throw new UserError(keyTooLong(this.options.operatorUid, text))
    }
    const found = this.#find(text)
    if (found === undefined) {
      this.table.rows.delete(row.id)
      throw this.#miss({ type: 'row', ...this.#addressOf(row, text) })
    }
    row.note = new RowNote(text)
    this.#bytes += ROW_BYTES
    const { payload } = found
    if (payload === undefined) return
    this.#measure(row, payload.length)
    this.restoreTimers(row, this.codec.read(row, payload))
  }

  loadBucket(row: Row, slot: number, bucket: number): unknown {
    const state = this.#stateOf(slot)
    const found = this.#find(rowKeyOf({ keyText: textOf(row), state, bucket }))
    if (found === undefined) {
      const { storedFirst: first, storedEnd: end } = row.ledger(slot)
      throw this.#miss({ type: 'bucket', ...this.#addressOf(row, textOf(row)), state, bucket, first, end })
    }
    const { payload } = found
    if (payload === undefined) return undefined
    this.#bytes += payload.length * BYTES_PER_PAYLOAD_BYTE
    return decodeValue(payload)
  }

  forgotten(_row: Row): void {}

  snapshot(): KeyedDelta | undefined {
    return undefined
  }

  restore(segments: readonly RestoredSegment[]): void {
    assert(segments.length === 0, 'rows are imported into the store, not restored into a backend')
  }

  markAllChanged(): void {}

  /** Of the keys in memory: how many there are in all, nobody counts. */
  stats(): { readonly keys: number; readonly keysInMemory: number } {
    const keys = this.table.rows.size
    return { keys, keysInMemory: keys }
  }

  close(): void {
    this.table.rows.clear()
  }

  #measure(row: Row, payloadBytes: number): void {
    const note = noteOf(row)
    this.#bytes += (payloadBytes - note.payloadBytes) * BYTES_PER_PAYLOAD_BYTE
    note.payloadBytes = payloadBytes
  }

  #find(rowKey: string): { readonly payload: Uint8Array | undefined } | undefined {
    const { image, rows } = this.#view
    const uid = this.options.operatorUid
    return image.overlay.get(uid, rowKey) ?? rows.get(uid, rowKey)
  }

  /** The key that has the earliest timer among those in the overlay that are not in memory. */
  #waiting(domain: TimerDomain): { readonly timeMs: number; readonly key: Key } | undefined {
    const timers = (this.#overlayTimers[domain] ??= new OverlayTimers(
      this.#view.image.overlay,
      this.options.operatorUid,
      domain,
      (id) => this.table.rows.has(id),
    ))
    return timers.peek()
  }

  /** Brings a row into memory, without making its key current. */
  #admit(key: Key): void {
    const { row } = this.table
    try {
      this.table.setCurrentKey(key)
    } finally {
      this.table.row = row
    }
  }

  /**
   * When all changes are committed: drops all rows but the current one if they take too much. They come back from their
   * bytes.
   */
  #keepBound(): void {
    if (this.#bytes <= STATE_LIMITS.liveBytesMax) return
    assert(this.table.changed.length === 0, 'rows are committed before they leave memory')
    const { current } = this.table
    for (const row of this.table.rows.values()) {
      if (row === current) continue
      this.eventTimers.detach(row)
      this.processingTimers.detach(row)
      this.table.forget(row)
    }
    if (current !== undefined) {
      assert((current.flags & DIRTY) === 0, 'the current row is committed')
      current.ledgers?.forEach((_ledger, slot) => asSpread(current.slots[slot])?.unload())
    }
    this.#bytes = 0
    this.#overlayTimers = {}
    this.#coldFromMs = this.#boundsOf(this.#view)
  }

  /** Rows left the overlay: those whose timers nobody has looked at yet are rows of the store like any other from now on. */
  #lowerBounds(view: KeyedView): void {
    const bounds = this.#boundsOf(view)
    for (const domain of ['event', 'processing'] as const) {
      if (this.#overlayTimers[domain] !== undefined) continue
      this.#coldFromMs[domain] = earlier(this.#coldFromMs[domain], bounds[domain])
    }
  }

  #boundsOf({ image }: KeyedView): Record<TimerDomain, number | undefined> {
    const { operatorUid, keyGroups } = this.options
    return {
      event: image.bounds.earliest(operatorUid, 'event', keyGroups),
      processing: image.bounds.earliest(operatorUid, 'processing', keyGroups),
    }
  }

  #miss(missing: MissingRow): RowMissing {
    this.missing ??= missing
    return new RowMissing(missing)
  }

  #addressOf(row: Row, text: string): { uid: string; keyGroup: number; keyText: string } {
    return { uid: this.options.operatorUid, keyGroup: this.codec.keyGroup(row), keyText: text }
  }

  #stateOf(slot: number): string {
    return this.codec.kinds[slot]!.description.name
  }
}
