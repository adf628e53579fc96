import { assert } from '../../model/faults.ts'
import { intersection, type KeyGroupRange } from '../../model/key-groups.ts'
import type { RowStore } from '../../ports/row-store.ts'
import type { StateDescription } from '../../state/keyed-backend.ts'
import { SegmentWriter } from '../../state/segment/encode-segment.ts'
import type { KeyedImage } from './keyed-image.ts'
import { STATE_LIMITS } from './limits.ts'
import { payloadExpiresAtMs } from './payload-expiry.ts'
import type { OverlayRow } from './row-change.ts'
import { parseRowKey } from './row-key.ts'

/** Whose rows are copied. */
export interface CopySubject {
  readonly namespace: string
  readonly operatorUid: string
  readonly maxParallelism: number
  readonly states: readonly StateDescription[]
  readonly keyGroups: KeyGroupRange
}

/** Where a copy goes on. Plain data. */
export interface CopyCursor {
  readonly keyGroup: number
  /** Rows of the store come first, then those of the overlay, each by row key. */
  readonly part: 'stored' | 'overlay'
  readonly after: string | null
}

export interface CopiedRows {
  /** Undefined: there were no rows. */
  readonly segment:
    | { readonly bytes: Uint8Array; readonly rows: number; readonly keyGroups: KeyGroupRange }
    | undefined
  /** Undefined: everything is copied. */
  readonly cursor: CopyCursor | undefined
}

/**
 * Copies rows as of `image` into a segment of about `bytesMax`, from `cursor` on (undefined: from the beginning). Rows that
 * have expired by `nowMs` are left out. While it goes on nothing later than `image` may be materialized. Pure but for what it
 * reads: the same again gives the same state, if not the same bytes.
 */
export async function copyRows(
  store: RowStore,
  subject: CopySubject,
  image: KeyedImage,
  cursor: CopyCursor | undefined,
  nowMs: number,
  bytesMax: number = STATE_LIMITS.segmentBytes,
): Promise<CopiedRows> {
  const copy = new RowCopy(store, subject, image, nowMs, bytesMax)
  const { first, last } = subject.keyGroups
  let from: CopyCursor = cursor ?? { keyGroup: first, part: 'stored', after: null }
  for (;;) {
    const next = await copy.some(from)
    if (next === undefined) {
      if (from.keyGroup === last) return { segment: copy.finish(), cursor: undefined }
      from = { keyGroup: from.keyGroup + 1, part: 'stored', after: null }
    } else from = next
    if (copy.isFull) return { segment: copy.finish(), cursor: from }
  }
}

class RowCopy {
  readonly #store: RowStore
  readonly #subject: CopySubject
  readonly #image: KeyedImage
  readonly #nowMs: number
  readonly #bytesMax: number
  readonly #states: ReadonlyMap<string, StateDescription>
  readonly #writer: SegmentWriter
  #overlay: ReadonlyMap<number, readonly OverlayRow[]> | undefined
  #bytes = 0

  constructor(store: RowStore, subject: CopySubject, image: KeyedImage, nowMs: number, bytesMax: number) {
    this.#store = store
    this.#subject = subject
    this.#image = image
    this.#nowMs = nowMs
    this.#bytesMax = bytesMax
    this.#states = new Map(subject.states.map((state) => [state.name, state]))
    const { operatorUid, maxParallelism, states } = subject
    this.#writer = new SegmentWriter({ operatorUid, maxParallelism, states })
  }

  get isFull(): boolean {
    return this.#bytes >= this.#bytesMax
  }

  finish(): CopiedRows['segment'] {
    const { rows } = this.#writer
    if (rows === 0) return undefined
    const bytes = this.#writer.finish()
    return { bytes, rows, keyGroups: intersection(this.#writer.keyGroups, this.#subject.keyGroups) }
  }

  /** Copies a page, or what fits of the overlay; then tells where to go on in the key group, undefined at its end. */
  async some({ keyGroup, part, after }: CopyCursor): Promise<CopyCursor | undefined> {
    if (part === 'overlay') {
      const last = this.#addChanged(keyGroup, after)
      return last === undefined ? undefined : { keyGroup, part, after: last }
    }
    const { namespace, operatorUid } = this.#subject
    const page = await this.#store.scan({ namespace, operatorUid, keyGroup }, after ?? undefined)
    for (const { rowKey, payload, position } of page.rows) {
      if (this.#image.overlay.get(operatorUid, rowKey) !== undefined) continue
      assert(
        position <= this.#image.materializedThrough,
        `row ${rowKey} of ${operatorUid} reflects ${position}, and the copy is of ${this.#image.materializedThrough}`,
      )
      const name = parseRowKey(rowKey)
      this.#add(keyGroup, rowKey, payload, payloadExpiresAtMs(name, payload, this.#states))
    }
    const last = page.rows.at(-1)?.rowKey
    return page.more && last !== undefined
      ? { keyGroup, part, after: last }
      : { keyGroup, part: 'overlay', after: null }
  }

  /** Returns the last row added, where more are left. */
  #addChanged(keyGroup: number, after: string | null): string | undefined {
    this.#overlay ??= byKeyGroup(this.#image.overlay.rowsOf(this.#subject.operatorUid))
    const rows = this.#overlay.get(keyGroup) ?? []
    for (const { rowKey, payload, expiresAtMs } of rows) {
      if (after !== null && rowKey <= after) continue
      if (payload !== undefined) this.#add(keyGroup, rowKey, payload, expiresAtMs)
      if (this.isFull && rowKey !== rows.at(-1)!.rowKey) return rowKey
    }
    return undefined
  }

  #add(keyGroup: number, rowKey: string, payload: Uint8Array, expiresAtMs: number): void {
    if (expiresAtMs <= this.#nowMs) return
    const name = parseRowKey(rowKey)
    // Left from code that declared another state: nothing refers to it.
    if (name.state !== undefined && !this.#states.has(name.state)) return
    this.#writer.addRow(keyGroup, { ...name, payload, expiresAtMs })
    this.#bytes += rowKey.length + payload.length
  }
}

/** Each sorted by row key. */
function byKeyGroup(rows: Iterable<OverlayRow>): ReadonlyMap<number, readonly OverlayRow[]> {
  const groups = new Map<number, OverlayRow[]>()
  for (const row of rows) {
    const group = groups.get(row.keyGroup)
    if (group === undefined) groups.set(row.keyGroup, [row])
    else group.push(row)
  }
  for (const group of groups.values()) group.sort((a, b) => (a.rowKey < b.rowKey ? -1 : 1))
  return groups
}
