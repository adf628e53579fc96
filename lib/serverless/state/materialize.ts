import type { RowStore, RowWrite } from '../../ports/row-store.ts'
import type { KeyedImage, Materialized } from './keyed-image.ts'
import { STATE_LIMITS } from './limits.ts'
import { bytesOf } from './overlay.ts'
import type { OverlayRow } from './row-change.ts'
import type { TimerBound } from './timer-bounds.ts'

export interface MaterializationCircumstances {
  readonly nowMs: number
  /** When the attempt began, about: the age of what was never materialized counts from there. */
  readonly sinceMs: number
  /** The task has nothing more to do: what it leaves in its overlay, every cold start would read. */
  readonly idle: boolean
}

/**
 * Whether rows are to be written now, if any can be. Where there are too many, the oldest are: a row that changes often is
 * young, and mostly stays.
 */
export function materializationDue(
  { overlay, materializedAtMs }: KeyedImage,
  { nowMs, sinceMs, idle }: MaterializationCircumstances,
): boolean {
  if (overlay.size === 0) return false
  if (idle || overlay.size > STATE_LIMITS.overlayRowsMax || overlay.bytes > STATE_LIMITS.overlayBytesMax)
    return true
  return nowMs - (materializedAtMs ?? sinceMs) > STATE_LIMITS.overlayAgeMsMax
}

/** What can be written. */
export interface Materializable {
  /** The image at a position that is never gone back to. */
  readonly image: KeyedImage
  /** As of the present state: up to where rows are written already, which {@link image} need not tell yet. */
  readonly materializedThrough: number
}

/**
 * Writes rows of the image: those that last changed first, about `rowsMax` of them, all of a turn together. Resolves
 * to what the delta of a turn has to say of it; undefined: there was nothing to write.
 *
 * What such an image has is immutable, so whoever writes a row as of a position writes the same; and the store takes no
 * row as of an earlier position than it has (invariant 2, fencing: a zombie changes nothing). Only the last version of a row
 * is there to be written, however often it changed.
 */
export async function materializeSome(
  store: RowStore,
  namespace: string,
  { image, materializedThrough }: Materializable,
  nowMs: number,
  rowsMax: number = STATE_LIMITS.pieceRowsMax,
): Promise<Materialized | undefined> {
  if (image.overlay.position <= materializedThrough) return undefined
  const piece = pieceOf(image, materializedThrough, rowsMax)
  const through = piece.at(-1)?.[1].position
  if (through === undefined) return undefined
  await store.write(piece.map(([uid, row]) => writeOf(namespace, uid, row)))
  const isLast = through === image.overlay.position
  return { through, lowered: timersOf(piece), ...(isLast ? { finishedAtMs: nowMs } : {}) }
}

type Piece = (readonly [uid: string, row: OverlayRow])[]

function pieceOf({ overlay }: KeyedImage, after: number, rowsMax: number): Piece {
  const piece: Piece = []
  let bytes = 0
  for (const [uid, row] of overlay.changed(after, Number.POSITIVE_INFINITY)) {
    const isFull = piece.length >= rowsMax || bytes >= STATE_LIMITS.pieceBytesMax
    if (isFull && row.position > piece.at(-1)![1].position) break
    piece.push([uid, row])
    bytes += bytesOf(row)
  }
  return piece
}

function writeOf(namespace: string, operatorUid: string, row: OverlayRow): RowWrite {
  const { keyGroup, rowKey, payload, position, expiresAtMs, timers } = row
  return { partition: { namespace, operatorUid, keyGroup }, rowKey, payload, position, expiresAtMs, timers }
}

/** The earliest timers of each operator, domain and key group. */
function timersOf(piece: Piece): TimerBound[] {
  const bounds = new Map<string, TimerBound>()
  for (const [uid, { keyGroup, timers }] of piece) {
    const ends = [
      ['event', timers.eventMs],
      ['processing', timers.processingMs],
    ] as const
    for (const [domain, timeMs] of ends) {
      if (timeMs === undefined) continue
      const name = `${domain}/${keyGroup}/${uid}`
      const known = bounds.get(name)?.[3]
      if (known === undefined || known === null || timeMs < known)
        bounds.set(name, [uid, domain, keyGroup, timeMs])
    }
  }
  return [...bounds.values()]
}
