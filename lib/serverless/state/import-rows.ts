import { UserError } from '../../model/faults.ts'
import { inRange } from '../../model/key-groups.ts'
import { KEY_TEXT_CHARS_MAX, type RowStore, type RowWrite } from '../../ports/row-store.ts'
import { describeStates } from '../../state/describe-states.ts'
import type { KeyedBackendOptions, RestoredSegment, UnknownStatePolicy } from '../../state/keyed-backend.ts'
import { openRestorable } from '../../state/restorable.ts'
import { declaredPart } from '../../state/rows/declared-part.ts'
import { decodeRow, hasTimers } from '../../state/rows/row-codec.ts'
import type { SegmentRow } from '../../state/segment/format.ts'
import { keyGroupsOfAll, latestRows } from '../../state/segment/latest-rows.ts'
import { keyTooLong } from './key-too-long.ts'
import { STATE_LIMITS } from './limits.ts'
import { NO_TIMERS } from './row-change.ts'
import { rowKeyOf } from './row-key.ts'

/** Where rows go to. */
export interface ImportTarget extends KeyedBackendOptions {
  readonly namespace: string
  /** What the rows reflect: no position of the log that begins is below it. */
  readonly position: number
}

/** Where an import goes on. Plain data. */
export interface ImportCursor {
  readonly keyGroup: number
  /** Rows of the key group that are done. */
  readonly done: number
}

export interface ImportedRows {
  readonly rows: number
  /** Undefined: everything is there. */
  readonly cursor: ImportCursor | undefined
}

/**
 * Writes rows of `segments` (oldest first; later rows win) that fall in the target's key groups into a new namespace: about
 * a turn's worth, from `cursor` on (undefined: from the beginning). Rows that have expired by `nowMs` are left out. Doing a
 * part twice changes nothing. What is imported is read as of `restoredKeyedImage(target.position)`.
 * @throws UserError where a segment is damaged, or of another operator, or holds state that the operator does not declare, or
 * a key that is too long for the store.
 */
export async function importRows(
  store: RowStore,
  target: ImportTarget,
  segments: readonly RestoredSegment[],
  onUnknownState: UnknownStatePolicy,
  cursor: ImportCursor | undefined,
  nowMs: number,
  rowsMax: number = STATE_LIMITS.pieceRowsMax,
): Promise<ImportedRows> {
  const declared = describeStates(target.spec)
  const { readers, dropsState } = openRestorable(segments, target, declared, onUnknownState)
  const names = new Set(declared.map(({ name }) => name))
  const writes: RowWrite[] = []
  let bytes = 0
  const finish = async (next: ImportCursor | undefined): Promise<ImportedRows> => {
    if (writes.length > 0) await store.write(writes)
    return { rows: writes.length, cursor: next }
  }
  for (const keyGroup of keyGroupsOfAll(readers)) {
    if (!inRange(target.keyGroups, keyGroup) || keyGroup < (cursor?.keyGroup ?? 0)) continue
    let done = 0
    for (const row of latestRows(readers, keyGroup).values()) {
      if (cursor?.keyGroup === keyGroup && done < cursor.done) {
        done++
        continue
      }
      if (writes.length >= rowsMax || bytes >= STATE_LIMITS.pieceBytesMax) return finish({ keyGroup, done })
      done++
      const kept = dropsState ? declaredPart(row, names, target.operatorUid) : row
      if (kept?.payload === undefined || kept.expiresAtMs <= nowMs) continue
      if (kept.keyText.length > KEY_TEXT_CHARS_MAX)
        throw new UserError(`A savepoint cannot be taken in. ${keyTooLong(target.operatorUid, kept.keyText)}`)
      writes.push(writeOf(target, keyGroup, kept, kept.payload))
      bytes += kept.payload.length
    }
  }
  return finish(undefined)
}

function writeOf(
  { namespace, operatorUid, position }: ImportTarget,
  keyGroup: number,
  row: SegmentRow,
  payload: Uint8Array,
): RowWrite {
  const isWithTimers = row.state === undefined && hasTimers(payload)
  const contents = isWithTimers ? decodeRow(payload) : undefined
  const timers =
    contents === undefined
      ? NO_TIMERS
      : { eventMs: contents.eventTimersMs[0], processingMs: contents.processingTimersMs[0] }
  return {
    partition: { namespace, operatorUid, keyGroup },
    rowKey: rowKeyOf(row),
    payload,
    position,
    expiresAtMs: row.expiresAtMs,
    timers,
  }
}
