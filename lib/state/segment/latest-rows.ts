import { rowIdentity, type SegmentRow } from './format.ts'
import type { SegmentReader } from './segment-reader.ts'

/** About ten milliseconds of work. */
const ROWS_PER_SLICE = 10_000

/** The latest version of each row of one key group, tombstones among them; `readers` are oldest first. */
export function latestRows(readers: readonly SegmentReader[], keyGroup: number): Map<string, SegmentRow> {
  return drain(latestRowsInSlices(readers, keyGroup))
}

/** As {@link latestRows}, a slice of bounded work at each `next()`. */
export function* latestRowsInSlices(
  readers: readonly SegmentReader[],
  keyGroup: number,
): Generator<void, Map<string, SegmentRow>> {
  const latest = new Map<string, SegmentRow>()
  let rows = 0
  for (const reader of readers) {
    for (const row of reader.rowsOf(keyGroup)) {
      latest.set(rowIdentity(row.keyText, row.state, row.bucket), row)
      if (++rows % ROWS_PER_SLICE === 0) yield
    }
  }
  return latest
}

/** Runs all slices at once. */
export function drain<T>(slices: Generator<void, T>): T {
  for (;;) {
    const step = slices.next()
    if (step.done === true) return step.value
  }
}

/** The key groups that any of `readers` has rows of, ascending. */
export function keyGroupsOfAll(readers: readonly SegmentReader[]): number[] {
  return [...new Set(readers.flatMap((reader) => reader.keyGroups()))].toSorted((a, b) => a - b)
}
