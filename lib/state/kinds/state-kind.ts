import type { StateDescription } from '../keyed-backend.ts'
import type { Row } from '../rows/row.ts'

/** One declared state: what the backend does with its slot of a row. */
export interface StateKindCode {
  readonly description: StateDescription
  /** What the main row holds of a slot that is set, for the codec. */
  encode(slot: unknown): unknown
  /** The slot that `encode` wrote. Buckets are loaded when they are needed. */
  decode(encoded: unknown, row: Row): unknown
  /** When the last of what the slot holds expires; NEVER_MS without TTL. */
  expiresAtMs(slot: unknown): number
  /** Removes some of what has expired from a row that has the slot set. Present only with TTL. */
  sweep?(row: Row): void
}
