import { assert } from '../../model/faults.ts'
import { findRow, layersAfter, visibleRows, withLayer, type Layer, type Layers } from './overlay-layer.ts'
import { overlayRow, type OverlayRow, type RowChange } from './row-change.ts'

/** What a row takes in memory beside its key and payload, about. */
const ROW_BYTES = 250

/**
 * The rows of a task's keyed state that changed since they were last materialized, at one position of its log. Immutable: a
 * turn makes a new one, which shares what it can with the old.
 */
export class Overlay {
  static readonly empty: Overlay = new Overlay(new Map(), 0, 0, 0)

  /** Rows, those that are gone among them. */
  readonly size: number
  /** What the rows take in memory, about. */
  readonly bytes: number
  /** The position of the latest change ever applied. */
  readonly position: number
  /** By uid. */
  readonly #operators: ReadonlyMap<string, Layers>

  private constructor(operators: ReadonlyMap<string, Layers>, size: number, bytes: number, position: number) {
    this.#operators = operators
    this.size = size
    this.bytes = bytes
    this.position = position
  }

  get(uid: string, rowKey: string): OverlayRow | undefined {
    const layers = this.#operators.get(uid)
    return layers === undefined ? undefined : findRow(layers, rowKey)
  }

  /** With the rows that the turn at `position` wrote. */
  with(changes: readonly RowChange[], position: number): Overlay {
    assert(position > this.position, `the turn at ${position} comes after that at ${this.position}`)
    let { size, bytes } = this
    const tops = new Map<string, Map<string, OverlayRow>>()
    for (const change of changes) {
      const [uid] = change
      let top = tops.get(uid)
      if (top === undefined) tops.set(uid, (top = new Map()))
      const row = overlayRow(change, position)
      const replaced = top.get(row.rowKey) ?? this.get(uid, row.rowKey)
      bytes += bytesOf(row)
      if (replaced === undefined) size++
      else bytes -= bytesOf(replaced)
      top.set(row.rowKey, row)
    }
    return this.#stacked(tops, size, bytes, position)
  }

  /** Without the rows that last changed up to `position`: they are materialized. */
  withoutUpTo(position: number): Overlay {
    let { size, bytes } = this
    for (const [, row] of this.changed(Number.NEGATIVE_INFINITY, position)) {
      size--
      bytes -= bytesOf(row)
    }
    if (size === this.size) return this
    const operators = new Map<string, Layers>()
    for (const [uid, layers] of this.#operators) {
      const left = layersAfter(layers, position)
      if (left.length > 0) operators.set(uid, left)
    }
    return new Overlay(operators, size, bytes, this.position)
  }

  /** All rows; those of one operator come in ascending order of position. */
  *entries(): Generator<readonly [uid: string, row: OverlayRow]> {
    for (const [uid, layers] of this.#operators) for (const row of visibleRows(layers)) yield [uid, row]
  }

  /** The rows of one operator, in ascending order of position. */
  rowsOf(uid: string): Iterable<OverlayRow> {
    return visibleRows(this.#operators.get(uid) ?? [])
  }

  /** The rows that last changed after one position and up to another, in ascending order of position. */
  *changed(after: number, upTo: number): Generator<readonly [uid: string, row: OverlayRow]> {
    const heads = Array.from(this.#operators, ([uid, layers]) => {
      const rows = visibleRows(layers, after)
      return { uid, rows, row: rows.next().value as OverlayRow | undefined }
    })
    for (;;) {
      let first: (typeof heads)[number] | undefined
      for (const head of heads) {
        if (head.row !== undefined && (first === undefined || head.row.position < first.row!.position))
          first = head
      }
      if (first === undefined || first.row!.position > upTo) return
      yield [first.uid, first.row!]
      first.row = first.rows.next().value as OverlayRow | undefined
    }
  }

  /** An overlay of these rows, each at its own position, in ascending order of it. */
  static of(rows: readonly (readonly [uid: string, row: OverlayRow])[], position: number): Overlay {
    const tops = new Map<string, Map<string, OverlayRow>>()
    let bytes = 0
    for (const [uid, row] of rows) {
      let top = tops.get(uid)
      if (top === undefined) tops.set(uid, (top = new Map()))
      top.set(row.rowKey, row)
      bytes += bytesOf(row)
    }
    return Overlay.empty.#stacked(tops, rows.length, bytes, position)
  }

  #stacked(tops: ReadonlyMap<string, Layer>, size: number, bytes: number, position: number): Overlay {
    const operators = new Map(this.#operators)
    for (const [uid, top] of tops) operators.set(uid, withLayer(operators.get(uid) ?? [], top))
    return new Overlay(operators, size, bytes, position)
  }
}

export function bytesOf({ rowKey, payload }: OverlayRow): number {
  return ROW_BYTES + rowKey.length + (payload?.length ?? 0)
}
