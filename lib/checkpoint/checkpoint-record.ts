import type { CheckpointId, TaskId } from '../model/ids.ts'
import type { KeyGroupRange } from '../model/key-groups.ts'
import type { StateDescription } from '../state/keyed-backend.ts'
import type { OperatorStateSnapshot } from '../state/operator-state.ts'

export const CHECKPOINT_FORMAT_VERSION = 1

/**
 * A completed checkpoint or savepoint: what `_metadata` holds. Immutable once written. Everything a restore needs is
 * here or in the segments that it names.
 */
export interface CheckpointRecord {
  readonly formatVersion: number
  readonly kind: 'checkpoint' | 'savepoint'
  readonly jobName: string
  readonly runId: string
  readonly checkpointId: CheckpointId
  readonly attempt: number
  readonly triggeredAtMs: number
  readonly completedAtMs: number
  /** JobPlan.fingerprint of the job that took it. */
  readonly planFingerprint: string
  readonly vertices: readonly VertexSnapshot[]
  readonly operators: readonly OperatorSnapshot[]
  /** Serverless: where the barrier is in each task's log; keyed state is there and in the rows, and in no segment. */
  readonly logs?: LogPositions | undefined
}

/** Where something is in the log of a task: positions count on over attempts. */
export interface LogPosition {
  readonly attempt: number
  readonly position: number
  /** Where unaligned checkpoints are taken. */
  readonly channels?: ChannelCounts | undefined
}

/** How far the channels of a task were, at its barrier: numbers of messages, by the task at the other end. Plain data. */
export interface ChannelCounts {
  /** The number expected next. */
  readonly received: Readonly<Record<TaskId, number>>
  /** The number that the next message gets. */
  readonly sent: Readonly<Record<TaskId, number>>
}

export type LogPositions = Readonly<Record<TaskId, LogPosition>>

export interface VertexSnapshot {
  readonly id: string
  readonly parallelism: number
  /** By subtask: the watermark at the barrier, and whether its input had ended. */
  readonly subtasks: readonly SubtaskProgress[]
}

export interface SubtaskProgress {
  readonly watermarkMs: number
  readonly finished: boolean
  /** Embedded, unaligned: the elements that were under way to it. */
  readonly inFlight?: InFlightHandle | undefined
}

/** Names the elements that were under way to a task: a stretch of a blob. */
export interface InFlightHandle extends Stretch {
  readonly records: number
}

/** The state of one operator, over all its subtasks. */
export interface OperatorSnapshot {
  readonly uid: string
  readonly name: string
  readonly parallelism: number
  readonly maxParallelism: number
  /** Keyed states that the operator declared; empty if it is not keyed. */
  readonly states: readonly StateDescription[]
  /** Oldest first; rows in later ones win. Segments of different subtasks do not share key groups. */
  readonly segments: readonly SegmentHandle[]
  /** By subtask. */
  readonly operatorState: readonly OperatorStateSnapshot[]
}

/** Where bytes are. */
export interface Stretch {
  /** Name of the blob, relative to the root of the store that holds the record. */
  readonly blob: string
  readonly offsetBytes: number
  readonly lengthBytes: number
  /** SHA-256 of the stretch, hexadecimal. */
  readonly sha256: string
}

/** Names a segment: a stretch of a blob. */
export interface SegmentHandle extends Stretch {
  readonly rows: number
  readonly keyGroups: KeyGroupRange
}

/** Everything that the record needs of other blobs. */
export function stretchesOf(record: CheckpointRecord): Stretch[] {
  return [
    ...record.operators.flatMap(({ segments }) => segments),
    ...record.vertices.flatMap(({ subtasks }) => subtasks.flatMap(({ inFlight }) => inFlight ?? [])),
  ]
}
