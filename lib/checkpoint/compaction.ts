/** Segments that stay together before a merge of equals is worth its cost. */
const RUN_MIN = 4
/** A segment joins the merge of those after it if it is at most this many times as large as they are together. */
const SIZE_RATIO_MAX = 2

/**
 * Which neighbouring segments of a list, oldest first, to merge into one: a run at the end whose members are of like
 * size. Each row is rewritten about as often as the logarithm of the state's size to that of a change, and the number
 * of segments stays in that order too: size-tiered compaction, as in log-structured merge trees.
 */
export function chooseRun(
  lengthsBytes: readonly number[],
): { readonly from: number; readonly to: number } | undefined {
  let from = lengthsBytes.length
  let sumBytes = 0
  while (from > 0 && (sumBytes === 0 || lengthsBytes[from - 1]! <= SIZE_RATIO_MAX * sumBytes)) {
    from--
    sumBytes += lengthsBytes[from]!
  }
  return lengthsBytes.length - from >= RUN_MIN ? { from, to: lengthsBytes.length } : undefined
}
