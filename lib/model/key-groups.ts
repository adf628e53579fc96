import type { KeyGroup } from './ids.ts'

/** The most key groups that an operator can have, as in Flink: a key group's number has 15 bits. */
export const MAX_PARALLELISM_MAX = 32_768

/** An inclusive range of key groups: what one subtask owns. */
export interface KeyGroupRange {
  readonly first: KeyGroup
  readonly last: KeyGroup
}

/**
 * The range that subtask `subtaskIndex` of `parallelism` owns, as Flink's KeyGroupRangeAssignment computes
 * it: ranges are contiguous, cover every group once, and differ in size by at most one.
 */
export function keyGroupRange(
  maxParallelism: number,
  parallelism: number,
  subtaskIndex: number,
): KeyGroupRange {
  const first = Math.floor((subtaskIndex * maxParallelism + parallelism - 1) / parallelism)
  const last = Math.floor(((subtaskIndex + 1) * maxParallelism - 1) / parallelism)
  return { first: first as KeyGroup, last: last as KeyGroup }
}

/** The subtask that owns `keyGroup`; the inverse of {@link keyGroupRange}. */
export function subtaskOfKeyGroup(maxParallelism: number, parallelism: number, keyGroup: KeyGroup): number {
  return Math.floor((keyGroup * parallelism) / maxParallelism)
}

export function inRange(range: KeyGroupRange, keyGroup: number): boolean {
  return keyGroup >= range.first && keyGroup <= range.last
}

export function rangesOverlap(a: KeyGroupRange, b: KeyGroupRange): boolean {
  return a.first <= b.last && b.first <= a.last
}

/** What two ranges that overlap have in common. */
export function intersection(a: KeyGroupRange, b: KeyGroupRange): KeyGroupRange {
  return { first: a.first > b.first ? a.first : b.first, last: a.last < b.last ? a.last : b.last }
}
