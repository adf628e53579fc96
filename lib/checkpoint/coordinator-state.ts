import type { Attempt, CheckpointId, TaskId } from '../model/ids.ts'
import type { CheckpointConfig, RestartStrategyConfig } from '../stream/config.ts'
import type { LogPositions } from './checkpoint-record.ts'
import type { FailureCause } from './failure-reasons.ts'
import type { JobStatus } from './job-status.ts'
import type { PoisonRecords } from './poison-records.ts'
import type { RestartState } from './restart-strategy.ts'
import type { TaskAck } from './task-ack.ts'

/**
 * All that the coordinator knows: plain, immutable data, to be kept by whoever runs it. (Settings may hold Infinity:
 * encode it with something other than JSON.)
 */
export interface CoordinatorState {
  readonly settings: CoordinatorSettings
  readonly status: JobStatus
  /** The attempt that runs or was last deployed; 0 before the first. */
  readonly attempt: Attempt
  /** How far `attempt` is; `none` before the first and once it is torn down. */
  readonly deployment: 'none' | 'deploying' | 'running' | 'tearing-down'
  readonly tasks: readonly CoordinatedTask[]
  /** Some sink has transactions, which need a checkpoint to be committed at the end. */
  readonly needsFinalCommit: boolean
  readonly nextCheckpointId: CheckpointId
  /** The first id of this life of the run: checkpoints before it are not what its attempts restart from. */
  readonly firstCheckpointId: CheckpointId
  /** The newest that tasks were told is complete: its transactions are committed, so no attempt may start before it. */
  readonly committedId: CheckpointId | undefined
  /** Triggered and not yet complete or given up; by ascending id. */
  readonly pending: readonly PendingCheckpoint[]
  /** Completed and retained, of kind checkpoint; by ascending id. */
  readonly completed: readonly CompletedCheckpoint[]
  /** Subsumed, and to be discarded once no savepoint that may read their segments is pending. */
  readonly condemned: readonly CheckpointId[]
  /** The newest completed savepoint of this run. */
  readonly lastSavepoint: CompletedCheckpoint | undefined
  /** The newest savepoint whose transactions are committed: one that the job was stopped with, and yet went on. */
  readonly committedSavepoint: CompletedCheckpoint | undefined
  /** Where the run itself began. */
  readonly initialRestorePoint: RestorePoint | undefined
  /** Failed checkpoints since the last success. */
  readonly consecutiveFailures: number
  /** When the next periodic checkpoint is due; in the past if it waits for a slot. Undefined: none. */
  readonly nextPeriodicAtMs: number | undefined
  readonly lastCompletedAtMs: number | undefined
  /** Checkpoints asked for by hand that wait for a slot; in order. */
  readonly queued: readonly string[]
  /** Tasks of this attempt whose inputs all ended. */
  readonly endedTasks: readonly TaskId[]
  /**
   * Tasks of this attempt that did nothing before they were last asked, by a barrier or without checkpoints, nor said since that
   * they do. Only with `pauseWhenIdle`.
   */
  readonly quietTasks: readonly TaskId[]
  /** Nothing is done. With checkpoints, all that ever was is in the last completed one: no periodic one is triggered. */
  readonly idle: boolean
  readonly ending: Ending | undefined
  readonly restartState: RestartState
  /** When to deploy again; set in FAILING (if a restart was granted) and RESTARTING. */
  readonly restartAtMs: number | undefined
  /** What failed the job last; undefined once it runs again. */
  readonly cause: FailureCause | undefined
  /** Undefined: none. */
  readonly poisonRecords?: PoisonRecords | undefined
  /** The wake-up last asked for and not yet due. */
  readonly wakeAtMs: number | undefined
}

export interface CoordinatorSettings {
  readonly checkpointing: CheckpointConfig
  readonly restart: RestartStrategyConfig
  /** How often the job fails at a record before that goes to the dead letters; undefined: however often. */
  readonly deadLetterAfter?: number | undefined
  /** No periodic checkpoints while no task does anything. Needs acknowledgements that say so (`TaskAck.active`). */
  readonly pauseWhenIdle?: boolean | undefined
}

export interface CoordinatedTask {
  readonly task: TaskId
  readonly vertexId: string
  readonly subtaskIndex: number
  readonly isSource: boolean
}

export interface PendingCheckpoint {
  readonly checkpointId: CheckpointId
  readonly attempt: Attempt
  readonly kind: 'checkpoint' | 'savepoint'
  readonly purpose: CheckpointPurpose
  /** Sources emit nothing after this barrier until it is aborted. */
  readonly stopSources: boolean
  /** The answer to whom, where somebody asked for it. */
  readonly requestId: string | undefined
  /** For a savepoint: where the user wants it; undefined: the default directory. */
  readonly target: string | undefined
  readonly triggeredAtMs: number
  readonly deadlineMs: number
  /** When it stops to wait for barriers to be aligned; undefined: never, or it has. */
  readonly overtakeAtMs: number | undefined
  /**
   * `collecting`: waits for acknowledgements. `storing`: has them all; its record is being written, and that alone
   * decides now: it neither expires nor is aborted.
   */
  readonly stage: 'collecting' | 'storing'
  readonly acks: Readonly<Record<TaskId, TaskAck>>
  /** When the last acknowledgement came. */
  readonly acknowledgedAtMs: number | undefined
}

export type CheckpointPurpose = 'periodic' | 'manual' | 'savepoint' | 'final' | 'stop' | 'suspend'

/** Where an attempt starts from. */
export interface RestorePoint {
  readonly checkpointId: CheckpointId
  readonly kind: 'checkpoint' | 'savepoint'
  /** As the storage named it when it stored the record. */
  readonly location: string
}

export interface CompletedCheckpoint extends RestorePoint {
  readonly attempt: Attempt
  readonly purpose: CheckpointPurpose
  readonly triggeredAtMs: number
  readonly completedAtMs: number
  readonly figures: CheckpointFigures
  /** Where its barrier is in each task's log, where tasks have one. */
  readonly logs?: LogPositions | undefined
}

/** Over all tasks: the longest alignment, the time end to end, the sums of the rest. */
export interface CheckpointFigures {
  readonly alignmentMs: number
  readonly durationMs: number
  readonly bytes: number
  readonly fullBytes: number
  readonly records: number
}

/** The job is on its way out: by its inputs' end, or on request. */
export interface Ending {
  readonly type: 'finish' | 'stop' | 'suspend'
  /** For `stop`. */
  readonly requestId: string | undefined
  readonly target: string | undefined
  /** For `stop`: event time ends before the barrier, so windows and timers fire. */
  readonly drain: boolean
  /** The checkpoint or savepoint it waits for; undefined: not triggered yet. */
  readonly checkpointId: CheckpointId | undefined
  /** Not before this is it triggered (again). */
  readonly triggerAtMs: number
  /** Tasks have been told to close. */
  readonly closing: boolean
}
