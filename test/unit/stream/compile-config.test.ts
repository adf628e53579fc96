import { describe, expect, test } from 'vitest'
import { UserError } from '../../../lib/model/faults.ts'
import { compileConfig, type ConfigSources } from '../../../lib/stream/compile-config.ts'
import type { JobConfig } from '../../../lib/stream/config.ts'
import { describeOptions } from '../../../lib/stream/option-table.ts'
import {
  exponentialDelay,
  failureRate,
  fixedDelay,
  noRestart,
  type CheckpointingOptions,
  type JobOptions,
} from '../../../lib/stream/options.ts'

const compile = (options: Partial<JobOptions>, others: Omit<ConfigSources, 'code'> = {}): JobConfig =>
  compileConfig({ code: { name: 'job', ...options }, ...others })
const checkpointing = (options: CheckpointingOptions) => compile({ checkpointing: options }).checkpointing
const fromFile = (values: unknown, options: Partial<JobOptions> = {}) =>
  compile(options, { file: { path: 'millrace.yaml', values } })

/** What a user without types could write. */
function problemsOf(options: object, others: Omit<ConfigSources, 'code'> = {}): readonly string[] {
  try {
    compile(options, others)
  } catch (error) {
    if (error instanceof UserError) return error.problems
    throw error
  }
  return []
}

describe('defaults', () => {
  test('are those of the documentation', () => {
    expect(compile({})).toEqual({
      name: 'job',
      parallelism: 1,
      maxParallelism: 128,
      checkpointing: {
        intervalMs: undefined,
        mode: 'exactly-once',
        timeoutMs: 600_000,
        minPauseMs: 0,
        maxConcurrent: 1,
        tolerableFailures: 0,
        retentionOnCancel: 'delete',
        numRetained: 1,
        preferCheckpointForRecovery: false,
        unaligned: false,
        alignedTimeoutMs: 0,
        directory: '.millrace/checkpoints',
        savepointDirectory: '.millrace/savepoints',
      },
      stateBackend: { type: 'filesystem', asynchronous: true, directory: undefined },
      restart: { type: 'none' },
      poisonRecords: { deadLetterAfter: undefined },
      autoWatermarkIntervalMs: 200,
      deadLettersDirectory: '.millrace/dead-letters',
      ingestDirectory: '.millrace/ingest',
    })
  })

  test.each([
    [{ checkpointing: { interval: '10 s' } }, { type: 'fixed-delay', attempts: Infinity, delayMs: 1_000 }],
    [{ checkpointing: { interval: 'off' } }, { type: 'none' }],
    [{ checkpointing: { interval: '10 s' }, restart: noRestart() }, { type: 'none' }],
    [{ restart: fixedDelay() }, { type: 'fixed-delay', attempts: 1, delayMs: 1_000 }],
    [
      { restart: failureRate() },
      { type: 'failure-rate', maxFailuresPerInterval: 1, intervalMs: 60_000, delayMs: 1_000 },
    ],
    [
      { restart: exponentialDelay() },
      {
        type: 'exponential-delay',
        initialDelayMs: 1_000,
        backoffMultiplier: 1.5,
        maxDelayMs: 60_000,
        resetAfterMs: 3_600_000,
        jitterFactor: 0.1,
        attempts: Infinity,
      },
    ],
  ])('restart strategy of %j', (options, expected) => {
    expect(compile(options as Partial<JobOptions>).restart).toEqual(expected)
  })

  test('the result cannot be changed', () => {
    const config = compile({})
    expect(Object.isFrozen(config)).toBe(true)
    expect(Object.values(config).every(Object.isFrozen)).toBe(true)
  })
})

describe('job code', () => {
  type Complete<T> = { [Field in keyof T]-?: NonNullable<T[Field]> }
  /** Complete by its type, so that a new option is missed here first. */
  const everything: Complete<Omit<JobOptions, 'checkpointing'>> & {
    checkpointing: Complete<Omit<CheckpointingOptions, 'failOnCheckpointingErrors'>>
  } = {
    name: 'all',
    parallelism: 2,
    maxParallelism: 64,
    checkpointing: {
      interval: '300 ms',
      mode: 'exactly-once',
      timeout: '60 s',
      minPause: '100 ms',
      maxConcurrent: 1,
      tolerableFailures: 10,
      retentionOnCancel: 'retain',
      numRetained: 3,
      preferCheckpointForRecovery: true,
      unaligned: true,
      alignedTimeout: '2 s',
      directory: 'c',
      savepointDirectory: 's',
    },
    stateBackend: { type: 'lmdb', asynchronous: false, directory: 'd' },
    restart: fixedDelay({ attempts: 'unlimited', delay: '10 s' }),
    poisonRecords: { deadLetterAfter: 3 },
    autoWatermarkInterval: 0,
    deadLettersDirectory: 'dead',
    ingestDirectory: 'ingest',
  }

  test('every option arrives', () => {
    expect(compile(everything)).toEqual({
      name: 'all',
      parallelism: 2,
      maxParallelism: 64,
      checkpointing: {
        intervalMs: 300,
        mode: 'exactly-once',
        timeoutMs: 60_000,
        minPauseMs: 100,
        maxConcurrent: 1,
        tolerableFailures: 10,
        retentionOnCancel: 'retain',
        numRetained: 3,
        preferCheckpointForRecovery: true,
        unaligned: true,
        alignedTimeoutMs: 2_000,
        directory: 'c',
        savepointDirectory: 's',
      },
      stateBackend: { type: 'lmdb', asynchronous: false, directory: 'd' },
      restart: { type: 'fixed-delay', attempts: Infinity, delayMs: 10_000 },
      poisonRecords: { deadLetterAfter: 3 },
      autoWatermarkIntervalMs: 0,
      deadLettersDirectory: 'dead',
      ingestDirectory: 'ingest',
    })
  })

  test('every option of the table is an option of a job', () => {
    const restarts = [
      fixedDelay({ attempts: 1, delay: 1 }),
      failureRate({ maxFailuresPerInterval: 1, interval: 1, delay: 1 }),
      exponentialDelay({
        initialDelay: 1,
        backoffMultiplier: 1,
        maxDelay: 1,
        resetAfter: 1,
        jitterFactor: 0,
        attempts: 1,
      }),
    ]
    const restartPaths = restarts.flatMap(({ type, ...fields }) =>
      Object.keys(fields).map((field) => `restart.${type}.${field}`),
    )
    for (const restart of restarts) expect(problemsOf({ restart })).toEqual([])
    const { checkpointing: inner, stateBackend, poisonRecords, ...outer } = everything
    const paths = [
      ...Object.keys(outer).filter((field) => field !== 'restart'),
      ...Object.keys(inner).map((field) => `checkpointing.${field}`),
      'checkpointing.failOnCheckpointingErrors',
      ...Object.keys(stateBackend).map((field) => `stateBackend.${field}`),
      ...Object.keys(poisonRecords).map((field) => `poisonRecords.${field}`),
      'restart.type',
      ...restartPaths,
    ]
    expect(paths.toSorted()).toEqual(
      describeOptions()
        .map(({ inJob }) => inJob)
        .toSorted(),
    )
  })

  test('short forms', () => {
    expect(compile({ stateBackend: 'memory' }).stateBackend.type).toBe('memory')
    expect(checkpointing({ tolerableFailures: 'unlimited' }).tolerableFailures).toBe(Infinity)
    expect(checkpointing({ failOnCheckpointingErrors: false }).tolerableFailures).toBe(Infinity)
    expect(checkpointing({ failOnCheckpointingErrors: true }).tolerableFailures).toBe(0)
  })

  test("the seeds' settings are accepted", () => {
    const options = {
      interval: 1000,
      minPause: 500,
      timeout: 60_000,
      maxConcurrent: 2,
      tolerableFailures: 10,
    }
    expect(checkpointing(options)).toMatchObject({ intervalMs: 1000, minPauseMs: 500, maxConcurrent: 2 })
  })
})

describe("a file with Flink's keys", () => {
  test.each([
    [{ 'execution.checkpointing.mode': 'AT_LEAST_ONCE' }, { checkpointing: { mode: 'at-least-once' } }],
    [{ 'execution.checkpointing.mode': 'Exactly-Once' }, { checkpointing: { mode: 'exactly-once' } }],
    [{ 'execution.checkpointing.interval': 10_000 }, { checkpointing: { intervalMs: 10_000 } }],
    [{ 'execution.checkpointing.max-concurrent-checkpoints': '2' }, { checkpointing: { maxConcurrent: 2 } }],
    [
      { 'execution.checkpointing.externalized-checkpoint-retention': 'RETAIN_ON_CANCELLATION' },
      { checkpointing: { retentionOnCancel: 'retain' } },
    ],
    [
      { 'execution.checkpointing.fail-on-checkpointing-errors': 'false' },
      { checkpointing: { tolerableFailures: Infinity } },
    ],
    [{ 'state.checkpoints.num-retained': 3 }, { checkpointing: { numRetained: 3 } }],
    [{ 'execution.checkpointing.unaligned': true }, { checkpointing: { unaligned: true } }],
    [
      { 'state.checkpoints.dir': 'c', 'state.savepoints.dir': 's' },
      { checkpointing: { directory: 'c', savepointDirectory: 's' } },
    ],
    [
      { 'state.backend': 'LMDB', 'state.backend.lmdb.dir': 'd' },
      { stateBackend: { type: 'lmdb', directory: 'd' } },
    ],
    [{ 'restart-strategy': 'off' }, { restart: { type: 'none' } }],
    [
      { 'restart-strategy.type': 'fixeddelay', 'restart-strategy.fixed-delay.attempts': 3 },
      { restart: { type: 'fixed-delay', attempts: 3, delayMs: 1_000 } },
    ],
    [
      {
        'restart-strategy': {
          type: 'failure-rate',
          'failure-rate': { 'max-failures-per-interval': 3, 'failure-rate-interval': '5 min', delay: '10 s' },
        },
      },
      { restart: { type: 'failure-rate', maxFailuresPerInterval: 3, intervalMs: 300_000, delayMs: 10_000 } },
    ],
    [
      {
        execution: {
          checkpointing: {
            interval: '10 s',
            unaligned: { enabled: true },
            'aligned-checkpoint-timeout': '1 s',
          },
        },
      },
      { checkpointing: { intervalMs: 10_000, unaligned: true, alignedTimeoutMs: 1_000 } },
    ],
    [{ execution: { 'checkpointing.min-pause': '1 s' } }, { checkpointing: { minPauseMs: 1_000 } }],
    [
      { state: { backend: { type: 'memory', async: false } } },
      { stateBackend: { type: 'memory', asynchronous: false } },
    ],
    [{ execution: {} }, {}],
    [null, {}],
  ])('%j', (values, expected) => {
    expect(fromFile(values)).toMatchObject(expected)
  })

  test('every key and alias is understood, and its help is complete', () => {
    for (const { key, aliases, expected, doc, default: standard } of describeOptions()) {
      for (const name of [key, ...aliases]) {
        const [problem] = problemsOf({}, { overrides: { [name]: {} } })
        expect(problem).toBe(`${name} (--set): expected ${expected}, got {}`)
      }
      expect([expected, doc, standard].every((text) => text.length > 0)).toBe(true)
    }
  })
})

describe('precedence', () => {
  const file = {
    path: 'f.yaml',
    values: {
      'parallelism.default': 2,
      'pipeline.max-parallelism': 16,
      'pipeline.auto-watermark-interval': '1 s',
    },
  }

  test('defaults, then the file, then the job, then the command line', () => {
    const config = compile(
      { parallelism: 3, maxParallelism: 32 },
      { file, overrides: { 'parallelism.default': '4' } },
    )
    expect(config).toMatchObject({ parallelism: 4, maxParallelism: 32, autoWatermarkIntervalMs: 1_000 })
  })

  test('an older name overrides a newer one from below, and the other way round', () => {
    const never = { 'execution.checkpointing.fail-on-checkpointing-errors': false }
    const three = { 'execution.checkpointing.tolerable-failed-checkpoints': 3 }
    expect(
      fromFile(three, { checkpointing: { failOnCheckpointingErrors: true } }).checkpointing.tolerableFailures,
    ).toBe(0)
    expect(fromFile(never, { checkpointing: { tolerableFailures: 2 } }).checkpointing.tolerableFailures).toBe(
      2,
    )
    expect(
      compile({}, { file: { path: 'f', values: three }, overrides: never }).checkpointing.tolerableFailures,
    ).toBe(Infinity)
  })

  test('the settings of a strategy are defaults like any other', () => {
    const values = { 'restart-strategy.type': 'failure-rate', 'restart-strategy.fixed-delay.delay': '5 s' }
    expect(fromFile(values, { restart: fixedDelay({ attempts: 2 }) }).restart).toEqual({
      type: 'fixed-delay',
      attempts: 2,
      delayMs: 5_000,
    })
  })
})

describe('poison records', () => {
  test.each([
    [{ restart: fixedDelay({ attempts: 3 }) }, []],
    [{ restart: exponentialDelay() }, []],
    [{ restart: failureRate({ maxFailuresPerInterval: 4 }) }, []],
    // Never three failures in a minute.
    [{ restart: failureRate({ maxFailuresPerInterval: 3, interval: '1 min', delay: '31 s' }) }, []],
    [
      { restart: failureRate({ maxFailuresPerInterval: 3, interval: '1 min', delay: '30 s' }) },
      [2, 'restart.type (job code)'],
    ],
    [{ restart: fixedDelay({ attempts: 2 }) }, [2, 'restart.type (job code)']],
    [{ restart: failureRate() }, [0, 'restart.type (job code)']],
    [{}, [0, 'restart-strategy.type (default)']],
  ])('need as many restarts: %j', (options, expected) => {
    const problems = problemsOf({ ...options, poisonRecords: { deadLetterAfter: 3 } })
    const [granted, strategy] = expected
    expect(problems).toEqual(
      granted === undefined
        ? []
        : [
            'poisonRecords.deadLetterAfter (job code): expected a restart strategy that grants at least 3 restarts, one for ' +
              `each failure, got ${granted} of ${strategy}`,
          ],
    )
  })

  test('are set aside never, if nothing is said', () => {
    const options = { restart: fixedDelay({ attempts: 3 }), poisonRecords: { deadLetterAfter: 3 } }
    const overrides = { 'execution.poison-records.dead-letter-after': 'never' }
    expect(compile(options, { overrides }).poisonRecords.deadLetterAfter).toBeUndefined()
  })
})

describe('problems', () => {
  test('of all places are reported at once, by the key as it was written', () => {
    const problems = problemsOf(
      {
        parallelism: 0,
        checkpointing: { interval: 'fast', mod: 'exactly-once' },
        restart: fixedDelay({ attempts: -1 }),
      },
      {
        file: { path: 'conf/millrace.yaml', values: { execution: { checkpointing: { timeout: 'never' } } } },
        overrides: { 'execution.checkpointing.intervall': '1 s' },
      },
    )
    expect(problems).toEqual([
      "execution.checkpointing.timeout (conf/millrace.yaml): expected a duration such as '300 ms', '10 s', '1 min', or milliseconds as a number, longer than 0, got \"never\"",
      "checkpointing.mod (job code): unknown option; did you mean 'checkpointing.mode'?",
      'parallelism (job code): expected a whole number from 1 to 32768, got 0',
      "checkpointing.interval (job code): expected a duration such as '300 ms', '10 s', '1 min', or milliseconds as a number, longer than 0, or 'off', got \"fast\"",
      "restart.attempts (job code): expected a whole number, 0 or more, or 'unlimited', got -1",
      "execution.checkpointing.intervall (--set): unknown option; did you mean 'execution.checkpointing.interval'?",
    ])
  })

  test.each([
    [{ checkpointing: { interval: 0 } }, 'checkpointing.interval (job code): expected'],
    [{ checkpointing: { interval: -1 } }, 'checkpointing.interval (job code): expected'],
    [{ checkpointing: { interval: Number.NaN } }, 'got NaN'],
    [{ checkpointing: { timeout: 0 } }, 'checkpointing.timeout (job code): expected'],
    [{ checkpointing: { maxConcurrent: 0 } }, 'expected a whole number, 1 or more, got 0'],
    [{ checkpointing: { numRetained: 1.5 } }, 'expected a whole number, 1 or more, got 1.5'],
    [
      { checkpointing: { mode: 'at-most-once' } },
      `expected 'exactly-once' or 'at-least-once', got "at-most-once"`,
    ],
    [{ checkpointing: 10 }, 'checkpointing (job code): expected a group of options, got 10'],
    [{ checkpointing: { unaligned: 'yes' } }, 'expected true or false, got "yes"'],
    [{ checkpointing: { directory: '' } }, 'expected the path of a directory, got ""'],
    [
      { checkpointing: { tolerableFailures: 1, failOnCheckpointingErrors: false } },
      'checkpointing.failOnCheckpointingErrors (job code): is an older name for what checkpointing.tolerableFailures says; give one of them',
    ],
    [
      { checkpointing: { unaligned: true, mode: 'at-least-once' } },
      'checkpointing.unaligned (job code): needs exactly-once, got at-least-once of checkpointing.mode (job code)',
    ],
    [
      { checkpointing: { unaligned: true, maxConcurrent: 2 } },
      'checkpointing.unaligned (job code): needs one checkpoint at a time, got 2 of checkpointing.maxConcurrent (job code)',
    ],
    [
      { checkpointing: { alignedTimeout: '1 s' } },
      'checkpointing.alignedTimeout (job code): has a meaning for unaligned checkpoints only; set execution.checkpointing.unaligned.enabled too',
    ],
    [
      { maxParallelism: 32_769 },
      'maxParallelism (job code): expected a whole number from 1 to 32768, got 32769',
    ],
    [
      { parallelism: 129 },
      'parallelism (job code): expected at most the 128 of pipeline.max-parallelism (default), got 129',
    ],
    [
      { stateBackend: 'rocksdb' },
      `stateBackend (job code): expected 'memory' or 'filesystem' or 'lmdb', got "rocksdb"`,
    ],
    [
      { stateBackend: { async: true } },
      "stateBackend.async (job code): unknown option; did you mean 'stateBackend.asynchronous'?",
    ],
    [{ restart: 'fixed' }, `restart (job code): expected 'none' or`],
    [{ restart: { attempts: 3 } }, `restart.type (job code): expected 'none' or`],
    [{ restart: failureRate({ interval: 0 }) }, 'restart.interval (job code): expected'],
    [{ restart: exponentialDelay({ backoffMultiplier: 0.5 }) }, 'expected a number, 1 or more, got 0.5'],
    [{ restart: exponentialDelay({ jitterFactor: 2 }) }, 'expected a number from 0 to 1, got 2'],
    [
      { restart: exponentialDelay({ initialDelay: '2 min' }) },
      'restart.initialDelay (job code): expected at most the 1 min of restart-strategy.exponential-delay.max-backoff (default), got 2 min',
    ],
    [{ name: 'a/b' }, 'name (job code): expected a name of 1 to 200 characters'],
    [{ name: undefined }, 'name (job code): expected a name of 1 to 200 characters'],
    [{ paralelism: 2 }, "paralelism (job code): unknown option; did you mean 'parallelism'?"],
    [{ entirely: { different: 1 } }, 'entirely.different (job code): unknown option'],
    [
      { 'execution.checkpointing.interval': '1 s' },
      "execution.checkpointing.interval (job code): unknown option; here it is 'checkpointing.interval'",
    ],
  ])('%j', (options, problem) => {
    const problems = problemsOf(options)
    expect(problems).toHaveLength(1)
    expect(problems[0]).toContain(problem)
  })

  test.each([
    ['text', 'f.yaml: expected a map of options, got "text"'],
    [
      { checkpointing: { interval: '1 s' } },
      "checkpointing.interval (f.yaml): unknown option; here it is 'execution.checkpointing.interval'",
    ],
    [{ execution: 5 }, 'execution (f.yaml): expected a group of options, got 5'],
    [
      { 'state.checkpoints.dir': 'a', 'execution.checkpointing.dir': 'b' },
      'execution.checkpointing.dir (f.yaml): means the same as state.checkpoints.dir; give one of them',
    ],
    [{ 'execution.checkpointing.interval': null }, 'got null'],
    [{ 'parallelism.default': [1] }, 'got [1]'],
  ])('a file with %j', (values, problem) => {
    const problems = problemsOf({}, { file: { path: 'f.yaml', values } })
    expect(problems).toHaveLength(1)
    expect(problems[0]).toContain(problem)
  })
})
