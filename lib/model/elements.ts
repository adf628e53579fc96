import type { CheckpointId } from './ids.ts'

/** The event timestamp of a record that has none. */
export const NO_TIMESTAMP: number = Number.NEGATIVE_INFINITY
/** The watermark before any other: nothing is known about event time. */
export const MIN_WATERMARK: number = Number.NEGATIVE_INFINITY
/** The watermark after all others: event time has ended. */
export const MAX_WATERMARK: number = Number.POSITIVE_INFINITY

/**
 * Records in order, moved together. `timestamps[i]` is the event time of `values[i]` in epoch
 * milliseconds, or NO_TIMESTAMP. Both arrays have the same length and are not changed once sent.
 */
export interface RecordBatch {
  readonly kind: 'records'
  readonly values: readonly unknown[]
  readonly timestamps: readonly number[]
}

/** No record with a timestamp at or below `timestampMs` is expected on this channel any more. */
export interface Watermark {
  readonly kind: 'watermark'
  readonly timestampMs: number
}

/** An idle channel does not hold the watermark back until it becomes active again. */
export interface WatermarkStatus {
  readonly kind: 'status'
  readonly idle: boolean
}

/** Divides the records before checkpoint `checkpointId` from those after it. */
export interface Barrier {
  readonly kind: 'barrier'
  readonly checkpointId: CheckpointId
  readonly triggeredAtMs: number
  /** Whether the state is to be copied out whole, where a checkpoint alone would not. */
  readonly isSavepoint?: boolean | undefined
  /** It waits for no other channel: what it overtook is part of the checkpoint. */
  readonly isUnaligned?: boolean | undefined
}

/** The last element of a channel. Barriers may still follow it: checkpoints go on after tasks finish. */
export interface EndOfInput {
  readonly kind: 'end'
}

/** What travels on a channel. */
export type Element = RecordBatch | Watermark | WatermarkStatus | Barrier | EndOfInput
