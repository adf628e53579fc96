import type { StateDescription } from '../state/keyed-backend.ts'
import type { OperatorStateSnapshot } from '../state/operator-state.ts'
import type { ChannelCounts, InFlightHandle, SegmentHandle } from './checkpoint-record.ts'

/** What a task acknowledges a checkpoint with: everything that it contributes, durable already. */
export interface TaskAck {
  readonly watermarkMs: number
  /** Whether its input had ended at the barrier. */
  readonly finished: boolean
  /** In chain order. */
  readonly operators: readonly OperatorAck[]
  readonly figures: AckFigures
  /** Embedded, unaligned: what was under way to it, if anything was. */
  readonly inFlight?: InFlightHandle | undefined
  /** Serverless: where in the task's log the barrier is. That position is its keyed state; `segments` are empty but in savepoints. */
  readonly position?: number | undefined
  /** Serverless, where unaligned checkpoints are taken: how far its channels were. */
  readonly channels?: ChannelCounts | undefined
  /** Serverless: whether it had a turn of data, a timer or a sink since its last barrier. */
  readonly active?: boolean | undefined
}

export interface OperatorAck {
  readonly uid: string
  readonly name: string
  readonly maxParallelism: number
  /** Keyed states that the operator declares; empty if it is not keyed. */
  readonly states: readonly StateDescription[]
  /** All segments that this subtask's keyed state now consists of, oldest first: not only the new one. */
  readonly segments: readonly SegmentHandle[]
  readonly operatorState: OperatorStateSnapshot
}

/** What the checkpoint cost in this task. */
export interface AckFigures {
  /** From the first barrier to the last. */
  readonly alignmentMs: number
  /** From the last barrier to the acknowledgement. */
  readonly durationMs: number
  /** Written anew for this checkpoint. */
  readonly bytes: number
  /** Of all segments it depends on. */
  readonly fullBytes: number
  /** Rows written anew. */
  readonly records: number
}
