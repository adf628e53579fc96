/** The longest row key, in UTF-16 code units. */
export const ROW_KEY_CHARS_MAX = 20_000

/** The longest text of a key: the rest of a row key is for the number of a bucket and the name of its state. */
export const KEY_TEXT_CHARS_MAX = 19_000

/** Whose state a row is: rows of different namespaces never meet. */
export interface RowPartition {
  /** Names one lineage of a job's state: kept over restarts, new when a job starts from a savepoint or from nothing. */
  readonly namespace: string
  readonly operatorUid: string
  readonly keyGroup: number
}

/** The earliest timers of a row, in epoch milliseconds. */
export interface EarliestTimers {
  readonly eventMs: number | undefined
  readonly processingMs: number | undefined
}

export interface StoredRow {
  /** Unique in its partition: the key's text, or that with a state and bucket. At most {@link ROW_KEY_CHARS_MAX}. */
  readonly rowKey: string
  readonly payload: Uint8Array
  /** The log position that the row reflects. */
  readonly position: number
}

export interface RowWrite {
  readonly partition: RowPartition
  readonly rowKey: string
  /** Undefined: the row is gone as of `position`. */
  readonly payload: Uint8Array | undefined
  readonly position: number
  /** Epoch milliseconds; Infinity: never. The row may vanish at any time after it. */
  readonly expiresAtMs: number
  /** Only rows of whole keys have timers. */
  readonly timers: EarliestTimers
}

/** An entry of the index of timers: the earliest timer of a row, as of the position that the row then reflected. */
export interface IndexedTimer {
  readonly timeMs: number
  readonly rowKey: string
  readonly position: number
}

/** The rows of keyed state: a view of committed logs. Payloads of any size. */
export interface RowStore {
  /** Strongly consistent; by index, undefined where there is none. Any number of rows, in any order. */
  get(
    rows: readonly { readonly partition: RowPartition; readonly rowKey: string }[],
  ): Promise<readonly (StoredRow | undefined)[]>
  /**
   * Writes each row unless the one there reflects the same or a later position (a stale writer, a zombie: its row changes
   * nothing; a row that is gone is remembered as such for a day). Any number of rows. Resolves when every row is durable,
   * with the index of timers: it may name timers that a row has no more, but never lacks one.
   */
  write(rows: readonly RowWrite[]): Promise<{ readonly written: number; readonly stale: number }>
  /** Some rows of a partition that sort after `after`, ascending by row key; strongly consistent. */
  scan(
    partition: RowPartition,
    after: string | undefined,
  ): Promise<{ readonly rows: readonly StoredRow[]; readonly more: boolean }>
  /** The earliest timers at or before `upToMs`, ascending, `limit` at most; `nextMs`: when the earliest of the others is due. */
  timers(
    partition: RowPartition,
    domain: 'event' | 'processing',
    upToMs: number,
    limit: number,
  ): Promise<{ readonly timers: readonly IndexedTimer[]; readonly nextMs: number | undefined }>
  /**
   * Removes entries that were found to name no timer; one that was written again since, with a later position, stays. Only for
   * entries whose rows are known to be written: an entry comes before its row, and whoever forgot it in between would lose a
   * timer.
   */
  forgetTimers(
    partition: RowPartition,
    domain: 'event' | 'processing',
    stale: readonly IndexedTimer[],
  ): Promise<void>
  /** Removes all rows of a partition: of a namespace that nothing refers to any more. */
  drop(partition: RowPartition): Promise<void>
}
