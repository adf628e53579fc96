import type { SeenIds } from '../../connectors/ingest/id-window.ts'
import type { RecordGroup } from '../../connectors/ingest/record-group.ts'

/** All that an ingest partition knows: plain data. The records themselves are in its log, and nowhere else. */
export interface IngestState {
  /** Entries below this position are read for good: no retained checkpoint begins before it. */
  readonly truncatedBelow: number
  readonly truncatedAtMs: number
  /** What came in lately, oldest first: hashes of ids. */
  readonly seen: readonly SeenIds[]
  /** Messages that were taken lately, oldest first: of {@link messageHash}, by the time of their turns. */
  readonly messages: readonly SeenIds[]
  /** The last entry with records; 0 before the first. */
  readonly lastPosition: number
  /** When entries at some positions were written, oldest first: how old is what is not read yet. Empty where all is read. */
  readonly marks: readonly PositionMark[]
}

export interface PositionMark {
  readonly position: number
  readonly atMs: number
}

/** What one turn adds. */
export interface IngestDelta {
  readonly nowMs: number
  /** Accepted, without repeats: what the source reads. */
  readonly groups: readonly RecordGroup[]
  readonly truncateBelow: number | undefined
  /** That were taken, of {@link messageHash}: those too whose records all came before. Undefined in the entries of older code. */
  readonly messages?: readonly string[]
}

/** What is asked of an ingest partition. */
export type IngestRequest =
  | { readonly type: 'records'; readonly group: RecordGroup }
  /** Entries below are read, and no checkpoint that may be gone back to begins before. */
  | { readonly type: 'truncate'; readonly below: number }

/** The request in a message, or undefined if it is none. */
export function ingestRequestOf(payload: unknown): IngestRequest | undefined {
  if (typeof payload !== 'object' || payload === null) return undefined
  const { type, group, below } = payload as Record<string, unknown>
  if (type === 'truncate' && typeof below === 'number' && Number.isSafeInteger(below)) return { type, below }
  return type === 'records' && isGroup(group) ? { type, group } : undefined
}

function isGroup(value: unknown): value is RecordGroup {
  if (typeof value !== 'object' || value === null) return false
  const { receivedAtMs, ids, bodies, refusals } = value as Record<string, unknown>
  if (typeof receivedAtMs !== 'number' || !isRefusals(refusals) || !isTexts(bodies) || bodies.length === 0)
    return false
  if (Array.isArray(ids)) return isTexts(ids) && ids.length === bodies.length
  if (typeof ids !== 'object' || ids === null) return false
  const { key, first } = ids as Record<string, unknown>
  return typeof key === 'string' && typeof first === 'number'
}

function isRefusals(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.every((one) => Array.isArray(one) && Number.isSafeInteger(one[0]) && typeof one[1] === 'string')
  )
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string')
}
