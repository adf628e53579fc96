import { MAX_PARALLELISM_MAX } from '../model/key-groups.ts'
import type { StateBackendConfig } from './config.ts'
import {
  countOrNever,
  countOrUnlimited,
  directory,
  duration,
  jobName,
  numberBetween,
  oneOf,
  positiveDuration,
  positiveDurationOrOff,
  truth,
  wholeNumber,
  type ValueType,
} from './option-values.ts'
import type { RestartStrategy } from './options.ts'

/** One setting of a job: how it is written everywhere, what it may be, and what it means. */
export interface OptionDefinition<T> {
  /** In a configuration file and after `--set`: Flink's key where Flink has one. */
  readonly key: string
  /** Older and shorter keys. */
  readonly aliases?: readonly string[]
  /**
   * In {@link JobOptions}. The settings of a restart strategy are under its type, as in
   * `restart.fixed-delay.attempts`; a job writes `restart: fixedDelay({ attempts })`.
   */
  readonly path: string
  readonly type: ValueType<T>
  readonly default: T | undefined
  /** The default as text, where it is not just the value. */
  readonly defaultText: string
  readonly doc: string
}

/** The value of every option. Durations are milliseconds; Infinity stands for `unlimited`. */
export interface OptionValues {
  readonly name: string
  readonly parallelism: number
  readonly maxParallelism: number
  readonly interval: number | 'off'
  readonly mode: 'exactly-once' | 'at-least-once'
  readonly timeout: number
  readonly minPause: number
  readonly maxConcurrent: number
  readonly tolerableFailures: number
  readonly failOnCheckpointingErrors: boolean
  readonly retentionOnCancel: 'delete' | 'retain'
  readonly numRetained: number
  readonly preferCheckpointForRecovery: boolean
  readonly unaligned: boolean
  readonly alignedTimeout: number
  readonly checkpointDirectory: string
  readonly savepointDirectory: string
  readonly stateBackend: StateBackendConfig['type']
  readonly stateBackendAsynchronous: boolean
  readonly stateBackendDirectory: string
  readonly restart: RestartStrategy['type']
  readonly fixedDelayAttempts: number
  readonly fixedDelayDelay: number
  readonly failureRateMaxFailures: number
  readonly failureRateInterval: number
  readonly failureRateDelay: number
  readonly exponentialInitialDelay: number
  readonly exponentialMaxDelay: number
  readonly exponentialMultiplier: number
  readonly exponentialResetAfter: number
  readonly exponentialJitter: number
  readonly exponentialAttempts: number
  readonly poisonDeadLetterAfter: number | 'never'
  readonly autoWatermarkInterval: number
  readonly deadLettersDirectory: string
  readonly ingestDirectory: string
}

export type OptionName = keyof OptionValues

/** Every option. What reads, explains or suggests options goes by this table alone. */
export const OPTIONS: { readonly [Name in OptionName]: OptionDefinition<OptionValues[Name]> } = {
  name: {
    key: 'pipeline.name',
    path: 'name',
    type: jobName,
    default: undefined,
    defaultText: 'none: a job has a name',
    doc: 'Names the job in messages, metrics and directories.',
  },
  parallelism: {
    key: 'parallelism.default',
    path: 'parallelism',
    type: wholeNumber(1, MAX_PARALLELISM_MAX),
    default: 1,
    defaultText: '1',
    doc: 'Subtasks of each operator that sets no parallelism of its own.',
  },
  maxParallelism: {
    key: 'pipeline.max-parallelism',
    path: 'maxParallelism',
    type: wholeNumber(1, MAX_PARALLELISM_MAX),
    default: 128,
    defaultText: '128',
    doc: 'Key groups: the most subtasks an operator can ever have. Cannot change while state is kept.',
  },
  interval: {
    key: 'execution.checkpointing.interval',
    path: 'checkpointing.interval',
    type: positiveDurationOrOff,
    default: 'off',
    defaultText: 'off',
    doc: 'Time from the start of one checkpoint to the start of the next.',
  },
  mode: {
    key: 'execution.checkpointing.mode',
    path: 'checkpointing.mode',
    type: oneOf(['exactly-once', 'at-least-once']),
    default: 'exactly-once',
    defaultText: 'exactly-once',
    doc: 'Whether records may count twice in state after a restart.',
  },
  timeout: {
    key: 'execution.checkpointing.timeout',
    path: 'checkpointing.timeout',
    type: positiveDuration,
    default: 600_000,
    defaultText: '10 min',
    doc: 'A checkpoint that takes longer is given up.',
  },
  minPause: {
    key: 'execution.checkpointing.min-pause',
    path: 'checkpointing.minPause',
    type: duration,
    default: 0,
    defaultText: '0',
    doc: 'Time that must pass between the end of a checkpoint and the start of the next.',
  },
  maxConcurrent: {
    key: 'execution.checkpointing.max-concurrent-checkpoints',
    path: 'checkpointing.maxConcurrent',
    type: wholeNumber(1),
    default: 1,
    defaultText: '1',
    doc: 'Checkpoints that may be under way at once.',
  },
  tolerableFailures: {
    key: 'execution.checkpointing.tolerable-failed-checkpoints',
    path: 'checkpointing.tolerableFailures',
    type: countOrUnlimited(0),
    default: 0,
    defaultText: '0',
    doc: 'Checkpoints in a row that may fail before the job does.',
  },
  failOnCheckpointingErrors: {
    key: 'execution.checkpointing.fail-on-checkpointing-errors',
    path: 'checkpointing.failOnCheckpointingErrors',
    type: truth,
    default: true,
    defaultText: 'true',
    doc: 'Older name: false tolerates any number of failed checkpoints, true none.',
  },
  retentionOnCancel: {
    key: 'execution.checkpointing.externalized-checkpoint-retention',
    path: 'checkpointing.retentionOnCancel',
    type: oneOf(['delete', 'retain'], {
      'delete-on-cancellation': 'delete',
      'retain-on-cancellation': 'retain',
    }),
    default: 'delete',
    defaultText: 'delete (DELETE_ON_CANCELLATION)',
    doc: "What becomes of the job's checkpoints when it is cancelled. A finished job keeps none.",
  },
  numRetained: {
    key: 'execution.checkpointing.num-retained',
    aliases: ['state.checkpoints.num-retained'],
    path: 'checkpointing.numRetained',
    type: wholeNumber(1),
    default: 1,
    defaultText: '1',
    doc: 'Completed checkpoints kept.',
  },
  preferCheckpointForRecovery: {
    key: 'execution.checkpointing.prefer-checkpoint-for-recovery',
    path: 'checkpointing.preferCheckpointForRecovery',
    type: truth,
    default: false,
    defaultText: 'false',
    doc: 'Recovers from the latest checkpoint even if a savepoint is newer.',
  },
  unaligned: {
    key: 'execution.checkpointing.unaligned.enabled',
    aliases: ['execution.checkpointing.unaligned'],
    path: 'checkpointing.unaligned',
    type: truth,
    default: false,
    defaultText: 'false',
    doc: 'Barriers overtake records, which become part of the checkpoint.',
  },
  alignedTimeout: {
    key: 'execution.checkpointing.aligned-checkpoint-timeout',
    path: 'checkpointing.alignedTimeout',
    type: duration,
    default: 0,
    defaultText: '0',
    doc: 'With unaligned checkpoints: starts aligned, and changes over after this long.',
  },
  checkpointDirectory: {
    key: 'execution.checkpointing.dir',
    aliases: ['state.checkpoints.dir'],
    path: 'checkpointing.directory',
    type: directory,
    default: '.millrace/checkpoints',
    defaultText: '.millrace/checkpoints',
    doc: 'Where checkpoints go. With the backend memory, or without an interval, they are kept in memory.',
  },
  savepointDirectory: {
    key: 'execution.checkpointing.savepoint-dir',
    aliases: ['state.savepoints.dir'],
    path: 'checkpointing.savepointDirectory',
    type: directory,
    default: '.millrace/savepoints',
    defaultText: '.millrace/savepoints',
    doc: 'Where savepoints go if none is named.',
  },
  stateBackend: {
    key: 'state.backend.type',
    aliases: ['state.backend'],
    path: 'stateBackend.type',
    type: oneOf(['memory', 'filesystem', 'lmdb']),
    default: 'filesystem',
    defaultText: 'filesystem',
    doc: 'Where keyed state lives: for development, on the heap with snapshots on disk, or in a database on disk.',
  },
  stateBackendAsynchronous: {
    key: 'state.backend.async',
    path: 'stateBackend.asynchronous',
    type: truth,
    default: true,
    defaultText: 'true',
    doc: 'Whether tasks go on while their snapshots are written.',
  },
  stateBackendDirectory: {
    key: 'state.backend.lmdb.dir',
    path: 'stateBackend.directory',
    type: directory,
    default: undefined,
    defaultText: "the system's temporary directory",
    doc: 'lmdb: for its working files, which do not outlive the process.',
  },
  restart: {
    key: 'restart-strategy.type',
    aliases: ['restart-strategy'],
    path: 'restart.type',
    type: oneOf(['none', 'fixed-delay', 'failure-rate', 'exponential-delay'], {
      off: 'none',
      disable: 'none',
      fixeddelay: 'fixed-delay',
      failurerate: 'failure-rate',
      exponentialdelay: 'exponential-delay',
    }),
    default: undefined,
    defaultText: 'none without checkpoints; with them fixed-delay, unlimited attempts, 1 s',
    doc: 'What happens when the job fails.',
  },
  fixedDelayAttempts: {
    key: 'restart-strategy.fixed-delay.attempts',
    path: 'restart.fixed-delay.attempts',
    type: countOrUnlimited(0),
    default: 1,
    defaultText: '1',
    doc: 'Restarts granted; the failure after the last one ends the job.',
  },
  fixedDelayDelay: {
    key: 'restart-strategy.fixed-delay.delay',
    path: 'restart.fixed-delay.delay',
    type: duration,
    default: 1_000,
    defaultText: '1 s',
    doc: 'Wait before each restart.',
  },
  failureRateMaxFailures: {
    key: 'restart-strategy.failure-rate.max-failures-per-interval',
    path: 'restart.failure-rate.maxFailuresPerInterval',
    type: wholeNumber(1),
    default: 1,
    defaultText: '1',
    doc: 'The failure that is this many within the interval ends the job.',
  },
  failureRateInterval: {
    key: 'restart-strategy.failure-rate.failure-rate-interval',
    path: 'restart.failure-rate.interval',
    type: positiveDuration,
    default: 60_000,
    defaultText: '1 min',
    doc: 'Interval in which failures are counted.',
  },
  failureRateDelay: {
    key: 'restart-strategy.failure-rate.delay',
    path: 'restart.failure-rate.delay',
    type: duration,
    default: 1_000,
    defaultText: '1 s',
    doc: 'Wait before each restart.',
  },
  exponentialInitialDelay: {
    key: 'restart-strategy.exponential-delay.initial-backoff',
    path: 'restart.exponential-delay.initialDelay',
    type: positiveDuration,
    default: 1_000,
    defaultText: '1 s',
    doc: 'Wait before the first restart.',
  },
  exponentialMaxDelay: {
    key: 'restart-strategy.exponential-delay.max-backoff',
    path: 'restart.exponential-delay.maxDelay',
    type: positiveDuration,
    default: 60_000,
    defaultText: '1 min',
    doc: 'The wait grows no longer than this.',
  },
  exponentialMultiplier: {
    key: 'restart-strategy.exponential-delay.backoff-multiplier',
    path: 'restart.exponential-delay.backoffMultiplier',
    type: numberBetween(1, Number.MAX_VALUE),
    default: 1.5,
    defaultText: '1.5',
    doc: 'The wait grows by this factor with each failure.',
  },
  exponentialResetAfter: {
    key: 'restart-strategy.exponential-delay.reset-backoff-threshold',
    path: 'restart.exponential-delay.resetAfter',
    type: positiveDuration,
    default: 3_600_000,
    defaultText: '1 h',
    doc: 'After running this long without a failure, wait and attempts start anew.',
  },
  exponentialJitter: {
    key: 'restart-strategy.exponential-delay.jitter-factor',
    path: 'restart.exponential-delay.jitterFactor',
    type: numberBetween(0, 1),
    default: 0.1,
    defaultText: '0.1',
    doc: 'Fraction by which each wait varies either way at random.',
  },
  exponentialAttempts: {
    key: 'restart-strategy.exponential-delay.attempts-before-reset-backoff',
    path: 'restart.exponential-delay.attempts',
    type: countOrUnlimited(0),
    default: Number.POSITIVE_INFINITY,
    defaultText: 'unlimited',
    doc: 'Restarts granted before the wait is reset.',
  },
  poisonDeadLetterAfter: {
    key: 'execution.poison-records.dead-letter-after',
    path: 'poisonRecords.deadLetterAfter',
    type: countOrNever,
    default: 'never',
    defaultText: 'never',
    doc: 'A record at which the job has failed this many times goes to the dead letters.',
  },
  autoWatermarkInterval: {
    key: 'pipeline.auto-watermark-interval',
    path: 'autoWatermarkInterval',
    type: duration,
    default: 200,
    defaultText: '200 ms',
    doc: 'How often watermarks are made from the timestamps seen. 0: after every batch, as always on functions.',
  },
  deadLettersDirectory: {
    key: 'millrace.dead-letters.dir',
    path: 'deadLettersDirectory',
    type: directory,
    default: '.millrace/dead-letters',
    defaultText: '.millrace/dead-letters',
    doc: 'Directory for dead letters that no stream uses.',
  },
  ingestDirectory: {
    key: 'millrace.ingest.dir',
    path: 'ingestDirectory',
    type: directory,
    default: '.millrace/ingest',
    defaultText: '.millrace/ingest',
    doc: 'Where records that came in by HTTP are kept until no retained checkpoint needs them.',
  },
}

export const OPTION_NAMES: readonly OptionName[] = Object.keys(OPTIONS) as OptionName[]

/** An option for people to read: `--set` help and documentation. */
export interface OptionHelp {
  readonly key: string
  readonly aliases: readonly string[]
  /** Where a job sets it in its options. */
  readonly inJob: string
  readonly expected: string
  readonly default: string
  readonly doc: string
}

export function describeOptions(): readonly OptionHelp[] {
  return OPTION_NAMES.map((name) => {
    const { key, aliases = [], path, type, defaultText, doc } = OPTIONS[name]
    return { key, aliases, inJob: path, expected: type.expected, default: defaultText, doc }
  })
}
