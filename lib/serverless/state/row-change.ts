import type { EarliestTimers } from '../../ports/row-store.ts'
import { NEVER_MS } from '../../state/segment/format.ts'

/**
 * A row that a turn wrote: of a key, or of a bucket (see row-key.ts). A tuple, since turns of hundreds of them are logged.
 * `payload` is null where the row is gone. What follows it is left out where it says nothing: the row never expires, and
 * has no timers.
 */
export type RowChange = readonly [
  uid: string,
  keyGroup: number,
  rowKey: string,
  payload: Uint8Array | null,
  expiresAtMs?: number,
  earliestEventTimerMs?: number | null,
  earliestProcessingTimerMs?: number | null,
]

/** A row of the overlay: the last version of it, and the log position of the turn that wrote it. */
export interface OverlayRow {
  readonly keyGroup: number
  readonly rowKey: string
  /** Undefined: the row is gone. */
  readonly payload: Uint8Array | undefined
  readonly position: number
  readonly expiresAtMs: number
  readonly timers: EarliestTimers
}

export const NO_TIMERS: EarliestTimers = { eventMs: undefined, processingMs: undefined }

export function rowChange(
  uid: string,
  keyGroup: number,
  rowKey: string,
  payload: Uint8Array | undefined,
  expiresAtMs: number = NEVER_MS,
  { eventMs, processingMs }: EarliestTimers = NO_TIMERS,
): RowChange {
  if (eventMs !== undefined || processingMs !== undefined) {
    return [uid, keyGroup, rowKey, payload ?? null, expiresAtMs, eventMs ?? null, processingMs ?? null]
  }
  if (expiresAtMs !== NEVER_MS) return [uid, keyGroup, rowKey, payload ?? null, expiresAtMs]
  return [uid, keyGroup, rowKey, payload ?? null]
}

export function overlayRow(change: RowChange, position: number): OverlayRow {
  const [, keyGroup, rowKey, payload, expiresAtMs = NEVER_MS, eventMs, processingMs] = change
  const timers =
    eventMs === undefined && processingMs === undefined
      ? NO_TIMERS
      : { eventMs: eventMs ?? undefined, processingMs: processingMs ?? undefined }
  return { keyGroup, rowKey, payload: payload ?? undefined, position, expiresAtMs, timers }
}

/** The change that led to a row. */
export function changeOf(uid: string, row: OverlayRow): RowChange {
  return rowChange(uid, row.keyGroup, row.rowKey, row.payload, row.expiresAtMs, row.timers)
}
