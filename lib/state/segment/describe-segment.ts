import type { KeyGroupRange } from '../../model/key-groups.ts'
import type { RestoredSegment, StateDescription } from '../keyed-backend.ts'
import { keyGroupsOf } from './format.ts'
import { SegmentReader } from './segment-reader.ts'

export interface SegmentSummary {
  readonly operatorUid: string
  readonly maxParallelism: number
  /** Undefined if the segment has no rows. */
  readonly keyGroups: KeyGroupRange | undefined
  readonly states: readonly StateDescription[]
  readonly bytes: number
  readonly rows: number
  /** Keys that have a main row here. */
  readonly keys: number
  readonly tombstones: number
  /** Rows of large maps and lists, by state. */
  readonly buckets: Readonly<Record<string, number>>
}

/** What a segment holds, for people. Reads and checks all of it. */
export function describeSegment(segment: RestoredSegment): SegmentSummary {
  const reader = new SegmentReader(segment)
  const { operatorUid, maxParallelism, states, blocks } = reader.header
  let keys = 0
  let tombstones = 0
  const buckets: Record<string, number> = {}
  for (const keyGroup of reader.keyGroups()) {
    for (const row of reader.rowsOf(keyGroup)) {
      if (row.payload === undefined) tombstones++
      else if (row.state === undefined) keys++
      else buckets[row.state] = (buckets[row.state] ?? 0) + 1
    }
  }
  return {
    operatorUid,
    maxParallelism,
    keyGroups: blocks.length === 0 ? undefined : keyGroupsOf(blocks),
    states,
    bytes: segment.bytes.length,
    rows: blocks.reduce((sum, entry) => sum + entry[2], 0),
    keys,
    tombstones,
    buckets,
  }
}
