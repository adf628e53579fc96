import { assert } from '../../model/faults.ts'
import { Overlay } from './overlay.ts'
import { changeOf, overlayRow, type RowChange } from './row-change.ts'
import { TimerBounds, type TimerBound } from './timer-bounds.ts'

/**
 * The keyed state of a task at a position of its log: what changed since it was materialized; all else is in the rows of
 * the store. Immutable.
 */
export interface KeyedImage {
  readonly overlay: Overlay
  readonly bounds: TimerBounds
  /** Rows whose last change is up to this position are in the store, as they were left by it, and not in the overlay. */
  readonly materializedThrough: number
  /** When everything that could be was last materialized, in epoch milliseconds; undefined: never. */
  readonly materializedAtMs: number | undefined
}

/** What one turn does to keyed state. Plain data. */
export interface KeyedDelta {
  readonly rows: readonly RowChange[]
  readonly materialized?: Materialized
}

/** The store has the rows that last changed up to `through`. */
export interface Materialized {
  readonly through: number
  /** The time, where nothing was left to materialize. */
  readonly finishedAtMs?: number
  /** The timers that were added to the store; null never occurs. */
  readonly lowered: readonly TimerBound[]
  /** What reads found, as of the image before this turn. */
  readonly raised?: readonly TimerBound[]
}

/** No state, and nothing in the store. */
export const emptyKeyedImage: KeyedImage = {
  overlay: Overlay.empty,
  bounds: TimerBounds.none,
  materializedThrough: 0,
  materializedAtMs: undefined,
}

/**
 * State that others left in the store: tasks of another parallelism, or an import. `positionFloor`: no row reflects a later
 * position, and those of the log that begins are above it.
 */
export function restoredKeyedImage(positionFloor: number): KeyedImage {
  return { ...emptyKeyedImage, bounds: TimerBounds.unknown, materializedThrough: positionFloor }
}

/** The image after the turn at `position`. Shares with `image` what it can: the cost follows the delta. */
export function applyKeyed(image: KeyedImage, delta: KeyedDelta, position: number): KeyedImage {
  const { rows, materialized } = delta
  const overlay = rows.length === 0 ? image.overlay : image.overlay.with(rows, position)
  if (materialized === undefined) return { ...image, overlay }
  const { through, finishedAtMs, lowered, raised } = materialized
  assert(
    through >= image.materializedThrough && through < position,
    `materialized through ${through} at ${position}, after ${image.materializedThrough}`,
  )
  return {
    overlay: overlay.withoutUpTo(through),
    // In this order: what was read was read before, or is in the overlay.
    bounds: image.bounds.raised(raised ?? []).lowered(lowered),
    materializedThrough: through,
    materializedAtMs: finishedAtMs ?? image.materializedAtMs,
  }
}

type EncodedImage = readonly [
  materializedThrough: number,
  materializedAtMs: number | null,
  bounds: unknown,
  overlayPosition: number,
  rows: readonly RowChange[],
  /** By row. */
  positions: readonly number[],
]

/** As plain data. */
export function encodeKeyed(image: KeyedImage): unknown {
  const rows: RowChange[] = []
  const positions: number[] = []
  for (const [uid, row] of image.overlay.entries()) {
    rows.push(changeOf(uid, row))
    positions.push(row.position)
  }
  const encoded: EncodedImage = [
    image.materializedThrough,
    image.materializedAtMs ?? null,
    image.bounds.encode(),
    image.overlay.position,
    rows,
    positions,
  ]
  return encoded
}

export function decodeKeyed(encoded: unknown): KeyedImage {
  const [materializedThrough, materializedAtMs, bounds, overlayPosition, rows, positions] =
    encoded as EncodedImage
  return {
    overlay: Overlay.of(
      rows.map((change, i) => [change[0], overlayRow(change, positions[i]!)]),
      overlayPosition,
    ),
    bounds: TimerBounds.decode(bounds),
    materializedThrough,
    materializedAtMs: materializedAtMs ?? undefined,
  }
}
