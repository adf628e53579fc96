import type { KeyGroupRange } from '../model/key-groups.ts'
import type { Key } from '../model/keys.ts'
import type { StateKind, StateSpec } from '../stream/state.ts'

/**
 * The keyed state of one operator in one task: rows, one a key, holding the declared states and the timers of that
 * key; a large map or list of one key spreads over several rows (buckets).
 *
 * All of it is synchronous and deterministic: time comes from `setNow`.
 */
export interface KeyedStateBackend {
  /** Handles by state name (ValueState, ListState, …); they work on the current key. */
  readonly handles: Readonly<Record<string, unknown>>

  /** Makes `key` the current key of all handles and timer methods. The hot path: no allocation, one look-up. */
  setCurrentKey(key: Key): void
  readonly currentKey: Key

  /** Processing time of the batch that begins: TTL goes by it. */
  setNow(nowMs: number): void

  registerTimer(domain: TimerDomain, timestampMs: number): void
  deleteTimer(domain: TimerDomain, timestampMs: number): void
  /**
   * Removes the earliest timer due at or before `upToMs`, makes its key current and returns its time; undefined if
   * there is none. Timers of one time come in the order of registration within one run.
   */
  popDueTimer(domain: TimerDomain, upToMs: number): number | undefined
  /** When the earliest timer is due; undefined if there is none. */
  nextTimer(domain: TimerDomain): number | undefined

  /**
   * Housekeeping between batches, bounded in time: forgets empty rows, drops a few expired ones, and lets a backend
   * on disk bound its memory.
   */
  endBatch(): void

  /**
   * The rows changed since the last call (all rows, at the first one after a fresh start or `markAllChanged`),
   * encoded; undefined if there are none. Synchronous: its cost follows what changed.
   *
   * The caller keeps what it gets, whatever becomes of the checkpoint: the next snapshot will not repeat it.
   */
  snapshot(): KeyedDelta | undefined

  /** Loads the rows of `segments`, oldest first, that fall in this backend's key groups. Later rows win. */
  restore(segments: readonly RestoredSegment[], onUnknownState: UnknownStatePolicy): void

  /** The next snapshot holds every row: it must not refer to segments of another owner. */
  markAllChanged(): void

  /** For metrics: the number of keys that have state or timers, and how many of them are in memory. */
  stats(): { readonly keys: number; readonly keysInMemory: number }

  close(): void
}

export type TimerDomain = 'event' | 'processing'

/** What to do with restored state under a name that the operator does not declare. */
export type UnknownStatePolicy = 'refuse' | 'drop'

/** What became of an operator's rows in one task between two barriers: one segment (see segment.ts). */
export interface KeyedDelta {
  /** A whole, self-describing segment. */
  readonly segment: Uint8Array
  readonly rows: number
  /** True if it holds all rows, so that no earlier segment of this backend is needed with it. */
  readonly full: boolean
  /** The key groups that it has rows of lie in this range. */
  readonly keyGroups: KeyGroupRange
}

/** A segment read back, with the place it came from for messages. */
export interface RestoredSegment {
  readonly name: string
  readonly bytes: Uint8Array
  /** Rows outside these key groups do not count: they are of another owner, and may be old. Undefined: all count. */
  readonly keyGroups?: KeyGroupRange
}

export interface KeyedBackendOptions {
  readonly operatorUid: string
  readonly spec: StateSpec
  readonly maxParallelism: number
  readonly keyGroups: KeyGroupRange
}

/** A state backend: `memory`, `filesystem` and `lmdb` differ in where rows live while the job runs. */
export interface KeyedStateBackendFactory {
  create(options: KeyedBackendOptions): KeyedStateBackend
}

/** What a segment and a checkpoint say of a state, to refuse an incompatible restore. */
export interface StateDescription {
  readonly name: string
  readonly kind: StateKind
  readonly ttl: boolean
}
