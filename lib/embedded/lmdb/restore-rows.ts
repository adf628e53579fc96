import { inRange } from '../../model/key-groups.ts'
import type { KeyedBackendOptions, RestoredSegment, UnknownStatePolicy } from '../../state/keyed-backend.ts'
import { openRestorable } from '../../state/restorable.ts'
import { declaredPart } from '../../state/rows/declared-part.ts'
import { decodeRow, hasTimers, MAIN, type RowCodec } from '../../state/rows/row-codec.ts'
import type { SegmentRow } from '../../state/segment/format.ts'
import { keyGroupsOfAll, latestRows } from '../../state/segment/latest-rows.ts'
import type { ColdTimers } from './cold-timers.ts'
import type { RowStore } from './row-store.ts'
import type { WorkingFiles } from './working-files.ts'

interface Destination {
  readonly options: KeyedBackendOptions
  readonly codec: RowCodec
  readonly store: RowStore
  readonly timers: ColdTimers
  readonly files: WorkingFiles
}

/** Copies the rows of `segments` to disk, most of them undecoded. Returns whether state was left out. */
export function restoreRows(
  segments: readonly RestoredSegment[],
  onUnknownState: UnknownStatePolicy,
  to: Destination,
): { readonly dropsState: boolean } {
  const declared = to.codec.kinds.map((kind) => kind.description)
  const { readers, dropsState } = openRestorable(segments, to.options, declared, onUnknownState)
  const slots = new Map(declared.map((state, slot) => [state.name, slot]))
  for (const keyGroup of keyGroupsOfAll(readers)) {
    if (!inRange(to.options.keyGroups, keyGroup)) continue
    const latest = latestRows(readers, keyGroup)
    to.files.transaction(() => {
      for (const row of latest.values()) {
        const kept = dropsState ? declaredPart(row, slots, to.options.operatorUid) : row
        if (kept?.payload !== undefined) restoreRow(keyGroup, kept, slots, to)
      }
    })
  }
  return { dropsState }
}

function restoreRow(
  keyGroup: number,
  row: SegmentRow,
  slots: ReadonlyMap<string, number>,
  { store, timers }: Destination,
): void {
  if (row.state !== undefined) {
    store.putRestored(keyGroup, row, slots.get(row.state)!, 0)
    return
  }
  if (!hasTimers(row.payload!)) {
    store.putRestored(keyGroup, row, MAIN, 0)
    return
  }
  const { eventTimersMs, processingTimersMs } = decodeRow(row.payload!)
  for (const timeMs of eventTimersMs) timers.restore('event', timeMs, 0, row.keyText)
  for (const timeMs of processingTimersMs) timers.restore('processing', timeMs, 0, row.keyText)
  store.putRestored(keyGroup, row, MAIN, eventTimersMs.length + processingTimersMs.length)
}
