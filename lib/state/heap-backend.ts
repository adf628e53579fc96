import { decodeKeyText, keyText, mapKey } from '../model/key-codec.ts'
import { inRange } from '../model/key-groups.ts'
import type {
  KeyedDelta,
  KeyedStateBackendFactory,
  RestoredSegment,
  UnknownStatePolicy,
} from './keyed-backend.ts'
import { openRestorable } from './restorable.ts'
import { DeltaWriter } from './rows/delta-writer.ts'
import { RowBackend } from './rows/row-backend.ts'
import { Row } from './rows/row.ts'
import { restoreBuckets } from './rows/restore-buckets.ts'
import { rowIdentity, type SegmentRow } from './segment/format.ts'
import { keyGroupsOfAll, latestRows } from './segment/latest-rows.ts'

/** All state on the heap, as objects: the fastest, for state that fits. */
export const heapBackends: KeyedStateBackendFactory = {
  create: (options) => new HeapBackend(options),
}

/**
 * Values are kept by reference, as in Flink's heap backend: what is passed to `update` or `add` belongs to the state
 * from then on. A value that is changed without an `update` may or may not be in the next snapshot.
 */
class HeapBackend extends RowBackend {
  #full = true

  snapshot(): KeyedDelta | undefined {
    const changed = this.table.changed.take()
    const rows = this.#full ? [...this.table.rows.values()] : changed
    const delta = new DeltaWriter(this.options, this.codec).write(rows, this.#full)
    for (const row of changed) if (row.isEmpty) this.table.suspect(row)
    this.table.forgetEmpty()
    if (delta !== undefined) this.#full = false
    return delta
  }

  restore(segments: readonly RestoredSegment[], onUnknownState: UnknownStatePolicy): void {
    const declared = this.codec.kinds.map((kind) => kind.description)
    const { readers, dropsState } = openRestorable(segments, this.options, declared, onUnknownState)
    for (const keyGroup of keyGroupsOfAll(readers)) {
      if (!inRange(this.options.keyGroups, keyGroup)) continue
      const latest = latestRows(readers, keyGroup)
      for (const row of latest.values()) {
        if (row.state === undefined && row.payload !== undefined) this.#restoreRow(keyGroup, row, latest)
      }
    }
    this.#full = dropsState || readers.length === 0
  }

  markAllChanged(): void {
    this.#full = true
  }

  stats(): { readonly keys: number; readonly keysInMemory: number } {
    const keys = this.table.rows.size
    return { keys, keysInMemory: keys }
  }

  close(): void {
    this.table.rows.clear()
  }

  #restoreRow(keyGroup: number, main: SegmentRow, latest: ReadonlyMap<string, SegmentRow>): void {
    const key = decodeKeyText(main.keyText)
    const row = new Row(key, mapKey(key), this.table.slotCount)
    row.keyGroup = keyGroup
    const contents = this.codec.read(row, main.payload!)
    restoreBuckets(row, (slot, bucket) => {
      const state = this.codec.kinds[slot]!.description.name
      return latest.get(rowIdentity(keyText(key), state, bucket))?.payload
    })
    this.restoreTimers(row, contents)
    if (!row.isEmpty) this.table.adopt(row)
  }
}
