/** The bounds of keyed state in a task's process and log, each with its reason. */
export const STATE_LIMITS: {
  readonly overlayRowsMax: number
  readonly overlayBytesMax: number
  readonly overlayAgeMsMax: number
  readonly pieceRowsMax: number
  readonly pieceBytesMax: number
  readonly cleanBytesMax: number
  readonly liveBytesMax: number
  readonly segmentBytes: number
  readonly indexReadMin: number
  readonly indexReadsAtOnce: number
  readonly bucketMissesMax: number
} = {
  /**
   * Rows that wait in the log's overlay before the oldest are written. Each write of a row costs a write unit, and a row
   * that changes again before it is written costs none: so as many as memory and heads bear. 50,000 rows of 100 bytes take
   * about 20 MB of memory, and a head of a few MB.
   */
  overlayRowsMax: 50_000,
  /** The same where rows are large. A function has some hundred MB, for several tasks. */
  overlayBytesMax: 48 * 1024 * 1024,
  /** A job that never rests has all its rows written about once in this time: what is there is never much older than that. */
  overlayAgeMsMax: 6 * 3_600_000,
  /** Rows written within one turn. At some thousand writes a second it takes below a second of an invocation. */
  pieceRowsMax: 1_000,
  /** The same where rows are large. */
  pieceBytesMax: 8 * 1024 * 1024,
  /** Rows as they are stored, kept to spare reads, for each operator. */
  cleanBytesMax: 24 * 1024 * 1024,
  /** Estimated size of an operator's rows as objects: beyond it they are dropped, and come back from their bytes. */
  liveBytesMax: 64 * 1024 * 1024,
  /** A segment of a savepoint is cut at this size: it is built in memory. */
  segmentBytes: 8 * 1024 * 1024,
  /** Entries of the timer index read at once at least: one read of a page costs little more than one of an entry. */
  indexReadMin: 100,
  /** Key groups whose index is read at the same time. */
  indexReadsAtOnce: 64,
  /** Buckets of one state of one key that are fetched one by one in a turn; at the next, whoever asks wants all of them. */
  bucketMissesMax: 2,
}
