import type { Duration } from '../model/durations.ts'

/**
 * A job's settings as a user writes them. What is left out comes from the configuration file, then from the
 * defaults below; `--set` on the command line overrides all. Checked when the job is run, all problems at once.
 */
export interface JobOptions {
  /** Names the job in messages, metrics and directories. */
  readonly name: string
  /** Subtasks of each operator that sets no parallelism of its own. Default 1. */
  readonly parallelism?: number
  /**
   * Key groups of each operator: the most subtasks it can ever have. 1 to 32768; it cannot change while the state is
   * kept. Default 128.
   */
  readonly maxParallelism?: number
  readonly checkpointing?: CheckpointingOptions
  /** Where keyed state lives. Default `filesystem`. */
  readonly stateBackend?: StateBackendType | StateBackendOptions
  /**
   * What happens when the job fails. Default: {@link noRestart} without checkpoints; with them, restart after 1 s
   * however often it fails.
   */
  readonly restart?: RestartStrategy
  /** What becomes of records that the job's functions throw at again and again. Default: the job fails at them. */
  readonly poisonRecords?: PoisonRecordOptions
  /** How often watermarks are made from the timestamps seen. 0: after every batch. Default 200 ms. */
  readonly autoWatermarkInterval?: Duration
  /** Directory for dead letters that no stream uses (embedded runtime). Default `.millrace/dead-letters`. */
  readonly deadLettersDirectory?: string
  /**
   * Where the embedded runtime keeps records that came in by HTTP, until no retained checkpoint needs them. Default
   * `.millrace/ingest`.
   */
  readonly ingestDirectory?: string
}

export interface CheckpointingOptions {
  /** Time from the start of one checkpoint to the start of the next; `'off'`: none. Default: off. */
  readonly interval?: Duration
  /**
   * `exactly-once`: every record has its effect on state once. `at-least-once`: faster where an operator has several
   * inputs, but after a restart records may count twice. Default `exactly-once`.
   */
  readonly mode?: 'exactly-once' | 'at-least-once'
  /** A checkpoint that takes longer is given up. Default 10 min. */
  readonly timeout?: Duration
  /** Time that must pass between the end of a checkpoint and the start of the next. Default 0. */
  readonly minPause?: Duration
  /** Checkpoints that may be under way at once. Default 1. */
  readonly maxConcurrent?: number
  /** Checkpoints in a row that may fail before the job does, or `'unlimited'`. Default 0. */
  readonly tolerableFailures?: number | 'unlimited'
  /**
   * Older name: `false` is `tolerableFailures: 'unlimited'`, `true` is `tolerableFailures: 0`. Giving both is an error.
   */
  readonly failOnCheckpointingErrors?: boolean
  /**
   * What becomes of the job's checkpoints when it is cancelled. They stay when it fails or is suspended, and go when it
   * finishes. Default `delete`.
   */
  readonly retentionOnCancel?: 'delete' | 'retain'
  /** Completed checkpoints kept; older ones are deleted. Default 1. */
  readonly numRetained?: number
  /** Recovers from the latest checkpoint even if a savepoint is newer. Default false. */
  readonly preferCheckpointForRecovery?: boolean
  /**
   * Barriers overtake records, which become part of the checkpoint: they must be plain data. Savepoints and the last
   * checkpoint of a job stay aligned. Needs `exactly-once` and `maxConcurrent` 1. Default false.
   */
  readonly unaligned?: boolean
  /**
   * With `unaligned`: starts aligned, and changes over after this long. Default 0: unaligned from the start.
   */
  readonly alignedTimeout?: Duration
  /**
   * Where checkpoints go; relative to the working directory. They are kept in memory instead with the state backend
   * `memory`, or without an interval. Default `.millrace/checkpoints`.
   */
  readonly directory?: string
  /** Where savepoints go if none is named. Default `.millrace/savepoints`. */
  readonly savepointDirectory?: string
}

export interface PoisonRecordOptions {
  /**
   * A record at which the job has failed this many times goes to the dead letters of the operator that threw, and the job
   * goes on without it. Each of these failures is one for the restart strategy, which has to grant as many restarts.
   * `'never'`: it fails for as long as the strategy lets it. Default `'never'`.
   */
  readonly deadLetterAfter?: number | 'never'
}

/**
 * `memory`: for development. `filesystem`: on the heap, snapshots on disk. `lmdb`: in an embedded database on disk,
 * for state larger than memory.
 */
export type StateBackendType = 'memory' | 'filesystem' | 'lmdb'

export interface StateBackendOptions {
  readonly type: StateBackendType
  /**
   * Whether tasks go on while their snapshots are written; encoding them always takes the job's thread. Default true.
   */
  readonly asynchronous?: boolean
  /** `lmdb`: for its working files, which do not outlive the process. Default: the system's temporary directory. */
  readonly directory?: string
}

/** What happens when a job fails. Made by {@link noRestart} and the functions after it. */
export type RestartStrategy =
  | { readonly type: 'none' }
  | ({ readonly type: 'fixed-delay' } & FixedDelayOptions)
  | ({ readonly type: 'failure-rate' } & FailureRateOptions)
  | ({ readonly type: 'exponential-delay' } & ExponentialDelayOptions)

export interface FixedDelayOptions {
  /** Restarts granted, or `'unlimited'`; the failure after the last one ends the job. Default 1. */
  readonly attempts?: number | 'unlimited'
  /** Default 1 s. */
  readonly delay?: Duration
}

export interface FailureRateOptions {
  /** The failure that is this many within `interval` ends the job. Default 1. */
  readonly maxFailuresPerInterval?: number
  /** Default 1 min. */
  readonly interval?: Duration
  /** Default 1 s. */
  readonly delay?: Duration
}

export interface ExponentialDelayOptions {
  /** Before the first restart. Default 1 s. */
  readonly initialDelay?: Duration
  /** The delay grows by this factor with each failure. Default 1.5. */
  readonly backoffMultiplier?: number
  /** The delay grows no longer than this. Default 1 min. */
  readonly maxDelay?: Duration
  /** After running this long without a failure, delay and attempts start anew. Default 1 h. */
  readonly resetAfter?: Duration
  /** Fraction by which each delay varies either way at random, 0 to 1. Default 0.1. */
  readonly jitterFactor?: number
  /** Restarts granted before the delay is reset, or `'unlimited'`. Default `'unlimited'`. */
  readonly attempts?: number | 'unlimited'
}

/** The first failure ends the job. */
export function noRestart(): RestartStrategy {
  return { type: 'none' }
}

/** Restarts a number of times, always after the same delay. */
export function fixedDelay(options: FixedDelayOptions = {}): RestartStrategy {
  return { ...options, type: 'fixed-delay' }
}

/**
 * Restarts after the same delay until failures come too close together: the failure that is the Nth within the
 * interval ends the job.
 */
export function failureRate(options: FailureRateOptions = {}): RestartStrategy {
  return { ...options, type: 'failure-rate' }
}

/** Restarts after a delay that grows with each failure. */
export function exponentialDelay(options: ExponentialDelayOptions = {}): RestartStrategy {
  return { ...options, type: 'exponential-delay' }
}
