import { UserError } from '../../model/faults.ts'
import type { RestoredSegment, StateDescription } from '../keyed-backend.ts'
import { SegmentWriter } from './encode-segment.ts'
import type { SegmentRow, SegmentSubject } from './format.ts'
import { drain, keyGroupsOfAll, latestRowsInSlices } from './latest-rows.ts'
import { SegmentReader } from './segment-reader.ts'

export interface MergeOptions {
  /**
   * True if no earlier segment is left that a row could hide: then removed and expired rows vanish, instead of
   * leaving tombstones.
   */
  readonly dropTombstones: boolean
  /** Rows that expired by then are dropped. Default: none are. */
  readonly nowMs?: number
}

/** The one segment that stands for `segments`, oldest first: later rows win. Payloads are not decoded. */
export function mergeSegments(segments: readonly RestoredSegment[], options: MergeOptions): Uint8Array {
  return drain(mergeSegmentsInSlices(segments, options))
}

/**
 * As {@link mergeSegments}, a slice of bounded work at each `next()`; the caller does other things in between.
 */
export function* mergeSegmentsInSlices(
  segments: readonly RestoredSegment[],
  options: MergeOptions,
): Generator<void, Uint8Array> {
  const readers = segments.map((segment) => new SegmentReader(segment))
  const writer = new SegmentWriter(subjectOfAll(readers))
  for (const keyGroup of keyGroupsOfAll(readers)) {
    const latest = yield* latestRowsInSlices(readers, keyGroup)
    for (const row of latest.values()) {
      const survivor = surviving(row, options)
      if (survivor !== undefined) writer.addRow(keyGroup, survivor)
    }
    yield
  }
  return writer.finish()
}

/** An expired row hides the earlier ones of its key no less than a tombstone does. */
function surviving(row: SegmentRow, options: MergeOptions): SegmentRow | undefined {
  const gone = row.payload === undefined || (options.nowMs !== undefined && row.expiresAtMs <= options.nowMs)
  if (!gone) return row
  return options.dropTombstones ? undefined : { ...row, payload: undefined }
}

function subjectOfAll(readers: readonly SegmentReader[]): SegmentSubject {
  const first = readers[0]
  if (first === undefined) throw new Error('Expected at least one segment to merge, got none')
  const states = new Map<string, StateDescription>()
  for (const { name, header } of readers) {
    if (
      header.operatorUid !== first.header.operatorUid ||
      header.maxParallelism !== first.header.maxParallelism
    ) {
      throw new UserError(
        `State segment ${name}: expected operator '${first.header.operatorUid}' with maximum parallelism ` +
          `${first.header.maxParallelism} as in ${first.name}, got '${header.operatorUid}' with ${header.maxParallelism}`,
      )
    }
    for (const state of header.states) states.set(state.name, state)
  }
  const { operatorUid, maxParallelism } = first.header
  return { operatorUid, maxParallelism, states: [...states.values()] }
}
