import { encodeValue } from '../codec.ts'
import type { SegmentRow } from '../segment/format.ts'
import { decodeRow, hasTimers } from './row-codec.ts'

/** The row without states other than those in `names`; undefined if nothing is left of it. */
export function declaredPart(
  row: SegmentRow,
  names: { has(name: string): boolean },
  operatorUid: string,
): SegmentRow | undefined {
  if (row.payload === undefined) return undefined
  if (row.state !== undefined) return names.has(row.state) ? row : undefined
  const { states, eventTimersMs, processingTimersMs } = decodeRow(row.payload)
  const known = Object.entries(states).filter(([name]) => names.has(name))
  const timers = hasTimers(row.payload) ? [eventTimersMs, processingTimersMs] : []
  if (known.length === 0 && timers.length === 0) return undefined
  const contents = [Object.fromEntries(known), ...timers]
  return {
    ...row,
    payload: encodeValue(contents, { operatorUid, state: known.map(([name]) => name).join() }),
  }
}
