import { decodeKeyText } from '../../../../lib/model/key-codec.ts'
import { inRange } from '../../../../lib/model/key-groups.ts'
import type { Key } from '../../../../lib/model/keys.ts'
import { applyKeyed, emptyKeyedImage, type KeyedImage } from '../../../../lib/serverless/state/keyed-image.ts'
import { OverlayBackend } from '../../../../lib/serverless/state/overlay-backend.ts'
import { rowChange, type RowChange } from '../../../../lib/serverless/state/row-change.ts'
import { parseRowKey, rowKeyOf } from '../../../../lib/serverless/state/row-key.ts'
import type { TimerBound } from '../../../../lib/serverless/state/timer-bounds.ts'
import { describeStates } from '../../../../lib/state/describe-states.ts'
import type {
  KeyedBackendOptions,
  KeyedDelta,
  KeyedStateBackend,
  KeyedStateBackendFactory,
  RestoredSegment,
  TimerDomain,
  UnknownStatePolicy,
} from '../../../../lib/state/keyed-backend.ts'
import { openRestorable } from '../../../../lib/state/restorable.ts'
import { declaredPart } from '../../../../lib/state/rows/declared-part.ts'
import { decodeRow } from '../../../../lib/state/rows/row-codec.ts'
import { SegmentWriter } from '../../../../lib/state/segment/encode-segment.ts'
import { keyGroupsOfAll, latestRows } from '../../../../lib/state/segment/latest-rows.ts'

export interface OverlayContractOptions {
  /** Rows leave the overlay for the store at the end of every batch. */
  readonly materializes: boolean
}

/**
 * Overlay backends behind the contract of those that take snapshots: a snapshot is the rows of a turn as a segment, a
 * restore puts rows into an image. All rows that were materialized are in memory, so nothing is ever missing.
 */
export function overlayContractBackends(options: OverlayContractOptions): KeyedStateBackendFactory {
  // One clock, which never goes back: rows that have expired by it count as gone, as nothing else sweeps them.
  const clock = { nowMs: 0 }
  return { create: (backendOptions) => new ContractBackend(backendOptions, options, clock) }
}

class ContractBackend implements KeyedStateBackend {
  readonly #options: KeyedBackendOptions
  readonly #contract: OverlayContractOptions
  readonly #clock: { nowMs: number }
  readonly #stored = new Map<
    string,
    { readonly payload: Uint8Array | undefined; readonly change: RowChange }
  >()
  #image: KeyedImage = emptyKeyedImage
  #backend: OverlayBackend
  #position = 0
  /** Since the last snapshot. */
  #changes: RowChange[] = []
  #full = true

  constructor(options: KeyedBackendOptions, contract: OverlayContractOptions, clock: { nowMs: number }) {
    this.#options = options
    this.#contract = contract
    this.#clock = clock
    this.#backend = new OverlayBackend(options, this.#view)
  }

  get handles(): Readonly<Record<string, unknown>> {
    return this.#backend.handles
  }
  get currentKey(): Key {
    return this.#backend.currentKey
  }
  setCurrentKey(key: Key): void {
    this.#backend.setCurrentKey(key)
  }
  setNow(nowMs: number): void {
    this.#clock.nowMs = Math.max(this.#clock.nowMs, nowMs)
    this.#backend.setNow(nowMs)
  }
  registerTimer(domain: TimerDomain, timestampMs: number): void {
    this.#backend.registerTimer(domain, timestampMs)
  }
  deleteTimer(domain: TimerDomain, timestampMs: number): void {
    this.#backend.deleteTimer(domain, timestampMs)
  }
  popDueTimer(domain: TimerDomain, upToMs: number): number | undefined {
    this.#warmAll(domain)
    return this.#backend.popDueTimer(domain, upToMs)
  }
  nextTimer(domain: TimerDomain): number | undefined {
    this.#warmAll(domain)
    return this.#backend.nextTimer(domain)
  }

  endBatch(): void {
    this.#backend.endBatch()
    if (!this.#contract.materializes) return
    this.#turn()
    const lowered: TimerBound[] = []
    for (const [uid, { keyGroup, timers }] of this.#image.overlay.entries()) {
      if (timers.eventMs !== undefined) lowered.push([uid, 'event', keyGroup, timers.eventMs])
      if (timers.processingMs !== undefined) lowered.push([uid, 'processing', keyGroup, timers.processingMs])
    }
    for (const [uid, row] of this.#image.overlay.entries())
      this.#stored.set(row.rowKey, {
        payload: row.payload,
        change: rowChange(uid, row.keyGroup, row.rowKey, row.payload, row.expiresAtMs, row.timers),
      })
    this.#apply({ rows: [], materialized: { through: this.#position, lowered } })
  }

  snapshot(): KeyedDelta | undefined {
    this.#turn()
    const all = this.#full ? this.#allRows().filter(([, , , payload]) => payload !== null) : []
    // Where nothing is left, earlier segments have to be told of what was removed.
    const full = all.length > 0
    const changes = full ? all : latest(this.#changes)
    const { operatorUid, maxParallelism, spec } = this.#options
    const writer = new SegmentWriter({ operatorUid, maxParallelism, states: describeStates(spec) })
    for (const [, keyGroup, rowKey, payload, expiresAtMs = Infinity] of changes.toSorted(
      (a, b) => a[1] - b[1],
    )) {
      writer.addRow(keyGroup, { ...parseRowKey(rowKey), payload: payload ?? undefined, expiresAtMs })
    }
    this.#changes = []
    if (writer.rows === 0) return undefined
    if (full) this.#full = false
    return { segment: writer.finish(), rows: writer.rows, full, keyGroups: writer.keyGroups }
  }

  restore(segments: readonly RestoredSegment[], onUnknownState: UnknownStatePolicy): void {
    const declared = describeStates(this.#options.spec)
    const { readers, dropsState } = openRestorable(segments, this.#options, declared, onUnknownState)
    const names = new Set(declared.map(({ name }) => name))
    const rows: RowChange[] = []
    for (const keyGroup of keyGroupsOfAll(readers)) {
      if (!inRange(this.#options.keyGroups, keyGroup)) continue
      for (const row of latestRows(readers, keyGroup).values()) {
        const kept = dropsState ? declaredPart(row, names, this.#options.operatorUid) : row
        if (kept?.payload === undefined) continue
        const contents = kept.state === undefined ? decodeRow(kept.payload) : undefined
        const timers = { eventMs: contents?.eventTimersMs[0], processingMs: contents?.processingTimersMs[0] }
        const payload = new Uint8Array(kept.payload)
        rows.push(
          rowChange(this.#options.operatorUid, keyGroup, rowKeyOf(kept), payload, kept.expiresAtMs, timers),
        )
      }
    }
    this.#position++
    this.#image = applyKeyed(emptyKeyedImage, { rows }, this.#position)
    // Handles are bound to the backend: so it goes on, as after a turn that changed everything.
    this.#backend.committed(this.#view)
    this.#full = dropsState || readers.length === 0
  }

  markAllChanged(): void {
    this.#full = true
  }

  /** Keys with anything that the store would still have. */
  stats(): { readonly keys: number; readonly keysInMemory: number } {
    this.#turn()
    const keys = this.#allRows().filter(
      ([, , rowKey, payload, expiresAtMs = Infinity]) =>
        payload !== null && expiresAtMs > this.#clock.nowMs && parseRowKey(rowKey).state === undefined,
    )
    return { keys: keys.length, keysInMemory: this.#backend.stats().keysInMemory }
  }

  close(): void {
    this.#backend.close()
  }

  get #view(): ConstructorParameters<typeof OverlayBackend>[1] {
    return {
      image: this.#image,
      rows: { get: (_uid, rowKey) => this.#stored.get(rowKey) ?? { payload: undefined } },
    }
  }

  #warmAll(domain: TimerDomain): void {
    if (!this.#backend.hasColdTimers(domain, Infinity)) return
    const keys = [...this.#stored].flatMap(([rowKey, { change }]) =>
      typeof change[domain === 'event' ? 5 : 6] !== 'number' ? [] : [decodeKeyText(rowKey)],
    )
    this.#backend.warm(domain, keys, undefined)
  }

  #turn(): void {
    const rows = this.#backend.takeChanges()
    this.#changes.push(...rows)
    this.#apply({ rows })
  }

  #apply(delta: Parameters<typeof applyKeyed>[1]): void {
    this.#position++
    this.#image = applyKeyed(this.#image, delta, this.#position)
    this.#backend.committed(this.#view)
  }

  #allRows(): RowChange[] {
    const all = [...this.#stored.values()].map(({ change }) => change)
    for (const [uid, row] of this.#image.overlay.entries())
      all.push(rowChange(uid, row.keyGroup, row.rowKey, row.payload, row.expiresAtMs, row.timers))
    return latest(all).filter(([, , , payload]) => payload !== null)
  }
}

function latest(changes: readonly RowChange[]): RowChange[] {
  return [...new Map(changes.map((change) => [change[2], change])).values()]
}
