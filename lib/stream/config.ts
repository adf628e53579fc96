/** A job's settings, complete and checked. What a user writes is {@link JobOptions}; this is what the runtime reads. */
export interface JobConfig {
  readonly name: string
  readonly parallelism: number
  readonly maxParallelism: number
  readonly checkpointing: CheckpointConfig
  readonly stateBackend: StateBackendConfig
  readonly restart: RestartStrategyConfig
  readonly poisonRecords: PoisonRecordConfig
  /** How often watermarks are made from the timestamps seen. 0: after every batch. */
  readonly autoWatermarkIntervalMs: number
  /** Directory for records that no stream takes as dead letters. */
  readonly deadLettersDirectory: string
  /** Where records that came in by HTTP are kept (embedded runtime). */
  readonly ingestDirectory: string
}

export interface CheckpointConfig {
  /** Undefined: no periodic checkpoints. */
  readonly intervalMs: number | undefined
  readonly mode: 'exactly-once' | 'at-least-once'
  readonly timeoutMs: number
  readonly minPauseMs: number
  readonly maxConcurrent: number
  /** Infinity: any number. */
  readonly tolerableFailures: number
  /** What becomes of checkpoints when the job is cancelled. */
  readonly retentionOnCancel: 'delete' | 'retain'
  readonly numRetained: number
  readonly preferCheckpointForRecovery: boolean
  readonly unaligned: boolean
  readonly alignedTimeoutMs: number
  /** Where checkpoints go (embedded runtime). */
  readonly directory: string
  /** Where savepoints go when no directory is named (embedded runtime). */
  readonly savepointDirectory: string
}

export interface StateBackendConfig {
  readonly type: 'memory' | 'filesystem' | 'lmdb'
  /** filesystem: writes snapshots while the job goes on. Default true. */
  readonly asynchronous: boolean
  /** lmdb: where its working files live. They do not outlive the process. Undefined: the system's temporary directory. */
  readonly directory: string | undefined
}

export interface PoisonRecordConfig {
  /** The failure of the job at one record that is this many sends it to the dead letters. Undefined: none does. */
  readonly deadLetterAfter: number | undefined
}

export type RestartStrategyConfig =
  | { readonly type: 'none' }
  | { readonly type: 'fixed-delay'; readonly attempts: number; readonly delayMs: number }
  | {
      readonly type: 'failure-rate'
      readonly maxFailuresPerInterval: number
      readonly intervalMs: number
      readonly delayMs: number
    }
  | {
      readonly type: 'exponential-delay'
      readonly initialDelayMs: number
      readonly backoffMultiplier: number
      readonly maxDelayMs: number
      readonly resetAfterMs: number
      /** Fraction by which a delay varies either way. */
      readonly jitterFactor: number
      readonly attempts: number
    }
