import { formatDurationMs } from '../model/durations.ts'
import { UserError } from '../model/faults.ts'
import type { JobConfig, RestartStrategyConfig } from './config.ts'
import { codeLayer, keyLayer, show, type OptionLayer, type Setting } from './option-layers.ts'
import { OPTION_NAMES, OPTIONS, type OptionName, type OptionValues } from './option-table.ts'
import type { JobOptions } from './options.ts'

export interface ConfigSources {
  /** What the job says. */
  readonly code: JobOptions
  /** A configuration file, read and parsed: defaults for every job that it is given to. */
  readonly file?: { readonly path: string; readonly values: unknown } | undefined
  /** `--set key=value`: for one run. */
  readonly overrides?: Readonly<Record<string, unknown>> | undefined
  /** What messages call the place where the overrides stand. Default: `--set`. */
  readonly overridesSource?: string
}

/** The value that won, and where it stood. */
interface Chosen {
  readonly value: unknown
  readonly setting: Setting
  readonly layer: OptionLayer
}

type ChosenValues = ReadonlyMap<OptionName, Chosen>

/**
 * A job's settings from all places, complete and checked. Later ones win: defaults, the configuration file, the job's
 * code, the command line.
 * @throws UserError with all problems of all places.
 */
export function compileConfig({
  code,
  file,
  overrides,
  overridesSource = '--set',
}: ConfigSources): JobConfig {
  const layers = [
    ...(file === undefined ? [] : [keyLayer(file.path, file.values)]),
    codeLayer(code),
    keyLayer(overridesSource, overrides),
  ]
  const { chosen, problems } = choose(layers)
  const values = complete(chosen)
  problems.push(...crossProblems(values, chosen))
  if (problems.length > 0) throw new UserError(problems)
  return freeze(toConfig(values, chosen))
}

function choose(layers: readonly OptionLayer[]): {
  readonly chosen: ChosenValues
  readonly problems: string[]
} {
  const chosen = new Map<OptionName, Chosen>()
  const problems: string[] = []
  for (const layer of layers) {
    problems.push(...layer.problems)
    for (const setting of layer.settings) {
      const { type } = OPTIONS[setting.option]
      const value = type.parse(setting.raw)
      if (value !== undefined) chosen.set(setting.option, { value, setting, layer })
      else
        problems.push(
          `${setting.written} (${layer.source}): expected ${type.expected}, got ${show(setting.raw)}`,
        )
    }
    const written = (option: OptionName) =>
      layer.settings.find((setting) => setting.option === option)?.written
    const [newer, older] = [written('tolerableFailures'), written('failOnCheckpointingErrors')]
    if (newer !== undefined && older !== undefined) {
      problems.push(`${older} (${layer.source}): is an older name for what ${newer} says; give one of them`)
    } else if (newer !== undefined) chosen.delete('failOnCheckpointingErrors')
    else if (older !== undefined) chosen.delete('tolerableFailures')
  }
  if (!layers.some((layer) => layer.settings.some(({ option }) => option === 'name'))) {
    problems.push(`name (job code): expected ${OPTIONS.name.type.expected}, got none`)
  }
  return { chosen, problems }
}

/** Options without a default may be missing. */
type CompleteValues = Omit<OptionValues, 'restart' | 'stateBackendDirectory'> & {
  readonly restart: OptionValues['restart'] | undefined
  readonly stateBackendDirectory: string | undefined
}

function complete(chosen: ChosenValues): CompleteValues {
  const entries = OPTION_NAMES.map((name) => [name, chosen.get(name)?.value ?? OPTIONS[name].default])
  // The table gives each option a value of its own type; a job without a name is a problem by now.
  return Object.fromEntries(entries) as CompleteValues
}

/** What is wrong between options that are right by themselves. */
function crossProblems(values: CompleteValues, chosen: ChosenValues): readonly string[] {
  const problems: string[] = []
  const named = (option: OptionName) => {
    const found = chosen.get(option)
    return found === undefined
      ? `${OPTIONS[option].key} (default)`
      : `${found.setting.written} (${found.layer.source})`
  }
  if (values.parallelism > values.maxParallelism) {
    problems.push(
      `${named('parallelism')}: expected at most the ${values.maxParallelism} of ${named('maxParallelism')}, ` +
        `got ${values.parallelism}`,
    )
  }
  if (values.unaligned && values.mode === 'at-least-once') {
    problems.push(`${named('unaligned')}: needs exactly-once, got at-least-once of ${named('mode')}`)
  }
  if (values.unaligned && values.maxConcurrent > 1) {
    problems.push(
      `${named('unaligned')}: needs one checkpoint at a time, got ${values.maxConcurrent} of ${named('maxConcurrent')}`,
    )
  }
  if (values.alignedTimeout > 0 && !values.unaligned) {
    problems.push(
      `${named('alignedTimeout')}: has a meaning for unaligned checkpoints only; set ${OPTIONS.unaligned.key} too`,
    )
  }
  const [initial, max] = [values.exponentialInitialDelay, values.exponentialMaxDelay]
  if (values.restart === 'exponential-delay' && initial > max) {
    problems.push(
      `${named('exponentialInitialDelay')}: expected at most the ${formatDurationMs(max)} of ` +
        `${named('exponentialMaxDelay')}, got ${formatDurationMs(initial)}`,
    )
  }
  const failures = values.poisonDeadLetterAfter
  const granted = restartsGranted(toRestart(values))
  if (failures !== 'never' && granted < failures) {
    problems.push(
      `${named('poisonDeadLetterAfter')}: expected a restart strategy that grants at least ${failures} ` +
        `${failures === 1 ? 'restart' : 'restarts'}, one for each failure, got ${granted} of ${named('restart')}`,
    )
  }
  return problems
}

/** At most, while there is one failure right after the other. */
function restartsGranted(restart: RestartStrategyConfig): number {
  switch (restart.type) {
    case 'none':
      return 0
    case 'fixed-delay':
    case 'exponential-delay':
      return restart.attempts
    case 'failure-rate': {
      const granted = restart.maxFailuresPerInterval - 1
      // Where the delays keep failures apart, there are never so many in an interval.
      return granted * restart.delayMs <= restart.intervalMs ? granted : Number.POSITIVE_INFINITY
    }
  }
}

function toConfig(values: CompleteValues, chosen: ChosenValues): JobConfig {
  const older = chosen.get('failOnCheckpointingErrors')?.value
  return {
    name: values.name,
    parallelism: values.parallelism,
    maxParallelism: values.maxParallelism,
    checkpointing: {
      intervalMs: values.interval === 'off' ? undefined : values.interval,
      mode: values.mode,
      timeoutMs: values.timeout,
      minPauseMs: values.minPause,
      maxConcurrent: values.maxConcurrent,
      tolerableFailures: older === false ? Number.POSITIVE_INFINITY : values.tolerableFailures,
      retentionOnCancel: values.retentionOnCancel,
      numRetained: values.numRetained,
      preferCheckpointForRecovery: values.preferCheckpointForRecovery,
      unaligned: values.unaligned,
      alignedTimeoutMs: values.alignedTimeout,
      directory: values.checkpointDirectory,
      savepointDirectory: values.savepointDirectory,
    },
    stateBackend: {
      type: values.stateBackend,
      asynchronous: values.stateBackendAsynchronous,
      directory: values.stateBackendDirectory,
    },
    restart: toRestart(values),
    poisonRecords: {
      deadLetterAfter: values.poisonDeadLetterAfter === 'never' ? undefined : values.poisonDeadLetterAfter,
    },
    autoWatermarkIntervalMs: values.autoWatermarkInterval,
    deadLettersDirectory: values.deadLettersDirectory,
    ingestDirectory: values.ingestDirectory,
  }
}

function toRestart(values: CompleteValues): RestartStrategyConfig {
  switch (values.restart) {
    case undefined:
      if (values.interval === 'off') return { type: 'none' }
      return { type: 'fixed-delay', attempts: Number.POSITIVE_INFINITY, delayMs: 1_000 }
    case 'none':
      return { type: 'none' }
    case 'fixed-delay':
      return { type: 'fixed-delay', attempts: values.fixedDelayAttempts, delayMs: values.fixedDelayDelay }
    case 'failure-rate':
      return {
        type: 'failure-rate',
        maxFailuresPerInterval: values.failureRateMaxFailures,
        intervalMs: values.failureRateInterval,
        delayMs: values.failureRateDelay,
      }
    case 'exponential-delay':
      return {
        type: 'exponential-delay',
        initialDelayMs: values.exponentialInitialDelay,
        backoffMultiplier: values.exponentialMultiplier,
        maxDelayMs: values.exponentialMaxDelay,
        resetAfterMs: values.exponentialResetAfter,
        jitterFactor: values.exponentialJitter,
        attempts: values.exponentialAttempts,
      }
  }
}

function freeze(config: JobConfig): JobConfig {
  const { checkpointing, stateBackend, restart, poisonRecords } = config
  for (const group of [checkpointing, stateBackend, restart, poisonRecords]) Object.freeze(group)
  return Object.freeze(config)
}
