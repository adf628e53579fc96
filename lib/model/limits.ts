/** Every bound of the engine in one place, with its reason. */
export const LIMITS: {
  readonly deadLetterChars: number
  readonly batchRecords: number
  readonly channelBatches: number
  readonly processingTimersPerBatch: number
} = {
  /** Text of a dead letter: enough to find and mend a record, not enough to fill a disk. */
  deadLetterChars: 65_536,
  /** Records in one batch between tasks: amortises the hand-over, and stays within the processor's caches. */
  batchRecords: 512,
  /** Batches waiting on one channel before its sender is held back (embedded runtime). */
  channelBatches: 8,
  /** Processing-time timers that fire before other input has its turn again. */
  processingTimersPerBatch: 1_000,
}
