import type { OverlayRow } from './row-change.ts'

/** A later layer is merged into the one before it unless that has at least so many times its rows. */
const GROWTH = 2

/** Rows by row key, in ascending order of position. Never changed once made. */
export type Layer = ReadonlyMap<string, OverlayRow>

/** Layers of one operator, oldest first; each is of later positions than the one before, and hides its rows. */
export type Layers = readonly Layer[]

export function findRow(layers: Layers, rowKey: string): OverlayRow | undefined {
  for (let i = layers.length - 1; i >= 0; i--) {
    const row = layers[i]!.get(rowKey)
    if (row !== undefined) return row
  }
  return undefined
}

/**
 * `layers` with one more on top. Their sizes fall by {@link GROWTH} at least, so there are few to search, and a row is
 * copied few times in its life: about the logarithm of how many there are.
 */
export function withLayer(layers: Layers, top: Layer): Layers {
  let merged = top
  let kept = layers.length
  while (kept > 0 && layers[kept - 1]!.size < merged.size * GROWTH) merged = merge(layers[--kept]!, merged)
  return [...layers.slice(0, kept), merged]
}

/** The rows of `layers` after `position` that no later layer hides, in ascending order of position. */
export function* visibleRows(
  layers: Layers,
  position: number = Number.NEGATIVE_INFINITY,
): Generator<OverlayRow> {
  for (let i = 0; i < layers.length; i++) {
    const later = layers.slice(i + 1)
    for (const row of layers[i]!.values()) {
      if (row.position > position && findRow(later, row.rowKey) === undefined) yield row
    }
  }
}

/** What is left of `layers` without rows up to `position`. */
export function layersAfter(layers: Layers, position: number): Layers {
  const left: Layer[] = []
  for (const layer of layers) {
    const rows = firstOf(layer).position > position ? layer : rowsAfter(layer, position)
    if (rows.size > 0) left.push(rows)
  }
  return left
}

function firstOf(layer: Layer): OverlayRow {
  return layer.values().next().value!
}

function rowsAfter(layer: Layer, position: number): Layer {
  const rows = new Map<string, OverlayRow>()
  for (const [rowKey, row] of layer) if (row.position > position) rows.set(rowKey, row)
  return rows
}

function merge(older: Layer, newer: Layer): Layer {
  const merged = new Map<string, OverlayRow>()
  for (const [rowKey, row] of older) if (!newer.has(rowKey)) merged.set(rowKey, row)
  for (const [rowKey, row] of newer) merged.set(rowKey, row)
  return merged
}
