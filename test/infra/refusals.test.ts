import { Annotations, Match } from 'aws-cdk-lib/assertions'
import {
  defineJob,
  collect,
  collection,
  fileSink,
  print,
  socketText,
  sqs,
  textFile,
  UserError,
  type JobDefinition,
  type Sink,
  type Source,
} from 'millrace'
import { describe, expect, test } from 'vitest'

import { minimalJob } from './jobs.ts'
import { nameOf, propertiesOf, synthesise } from './synth.ts'

const jobWith = (source: Source<string>, sink: Sink<string>): JobDefinition =>
  defineJob({ name: 'refused' }, (env) => {
    env.source('in', source).sinkTo('out', sink)
  })

/** Each chain of which asks for a function of its own. */
const askingChains = (count: number): JobDefinition =>
  defineJob({ name: 'many' }, (env) => {
    for (let n = 0; n < count; n++) {
      env.source(`source-${n}`, collection(['a'])).sinkTo(`out-${n}`, print(), { resources: 'own' })
    }
  })

/** What the variables of a function may come to, with the longest address that AWS may give a queue. */
function bytesOnAws(environment: unknown): number {
  const { Variables } = environment as { Variables: Record<string, unknown> }
  const text = (value: unknown): string => {
    if (typeof value === 'string') return value
    const { 'Fn::Join': joined } = value as Record<string, unknown>
    if (Array.isArray(joined)) return (joined[1] as unknown[]).map(text).join('')
    return nameOf(value).startsWith('Queues') ? LONGEST_QUEUE_URL : ANY_NAME
  }
  return Buffer.byteLength(
    JSON.stringify(Object.fromEntries(Object.entries(Variables).map(([name, value]) => [name, text(value)]))),
  )
}

const ANY_NAME = 'n'.repeat(64)
const LONGEST_QUEUE_URL = `https://sqs.cn-northwest-1.amazonaws.com.cn/123456789012/${'q'.repeat(80)}`

function problemsOf(deploy: () => unknown): readonly string[] {
  try {
    deploy()
  } catch (cause) {
    if (cause instanceof UserError) return cause.problems
    throw cause
  }
  return []
}

describe('a job that cannot run on functions', () => {
  test('is refused at synthesis, with every operator that keeps it from running', () => {
    expect(problemsOf(() => synthesise({ job: jobWith(textFile('readings.txt'), fileSink('out')) }))).toEqual(
      [
        "refused: source 'in' (textFile): expected a source that functions can read, got one that works with files of this " +
          'machine; use an HTTP or SQS source',
        "refused: sink 'out' (fileSink): expected a sink that functions can write, got one that works with files of this " +
          'machine; use an S3, SQS, DynamoDB or HTTP sink',
      ],
    )
  })

  test.each([
    ['socketText', socketText({ host: 'localhost', port: 9999 }), print<string>()],
    ['collect', collection(['a']), collect<string>([])],
  ])('%s', (kind, source, sink) => {
    const problems = problemsOf(() => synthesise({ job: jobWith(source, sink) }))
    expect(problems).toHaveLength(1)
    expect(problems[0]).toContain(`(${kind})`)
  })

  test('because it names a state backend on disk', () => {
    const [problem, ...others] = problemsOf(() => synthesise({ job: minimalJob({ stateBackend: 'lmdb' }) }))
    expect(others).toEqual([])
    expect(problem).toContain(
      "sums: stateBackend: expected a backend that does not name this machine's disk, got 'lmdb'",
    )
  })

  test('because its checkpoints would lie among objects that expire', () => {
    const [problem, ...others] = problemsOf(() => synthesise({ job: minimalJob({ name: 'log' }) }))
    expect(others).toEqual([])
    expect(problem).toContain(
      'log: name: expected a name other than log, heads, rows, savepoints, dead-letters',
    )
  })

  test('because settings of its deployment name what it does not have', () => {
    expect(
      problemsOf(() =>
        synthesise({ job: minimalJob(), chains: { total: {} } }, () => ({
          settings: { 'parallelism.default': 2 },
        })),
      ),
    ).toEqual(["sums: chains: expected the first operator of a chain (numbers, sum), got 'total'"])
  })

  test('because settings of its deployment are none of a job: they are named as the property that has them', () => {
    const settings = { 'parallelism.defualt': 2, 'pipeline.max-parallelism': 'many' }
    expect(problemsOf(() => synthesise({ job: minimalJob(), settings }))).toEqual([
      "parallelism.defualt (settings): unknown option; did you mean 'parallelism.default'?",
      expect.stringMatching(/^pipeline\.max-parallelism \(settings\): expected .*, got "many"$/),
    ])
  })

  test('because what it asks for is more than a function can have', () => {
    const chains = { sum: { memoryMb: 16_384, reservedConcurrency: 1 } }
    expect(
      problemsOf(() => synthesise({ job: minimalJob(), timeout: '1 h', maxConcurrency: 1, chains })),
    ).toEqual([
      'sums: timeout: expected a duration from 30 s to 15 min, got "1 h"',
      'sums: maxConcurrency: expected a whole number from 2 to 1000, got 1',
      'sums: chains.sum.memoryMb: expected a whole number from 128 to 10240, got 16384',
      'sums: chains.sum.reservedConcurrency: expected a whole number, 2 or more, got 1',
    ])
  })

  test('because more of it would run at once than are reserved', () => {
    const job = minimalJob({}, { sum: { resources: { maxConcurrency: 20 } } })
    const chains = { sum: { reservedConcurrency: 10 } }
    expect(problemsOf(() => synthesise({ job, maxConcurrency: 6, reservedConcurrency: 5, chains }))).toEqual([
      'sums: maxConcurrency: expected at most the 5 invocations that are reserved for the shared operator function, got 6: ' +
        'what goes beyond is turned away, until its messages are dead letters',
      "sums: maxConcurrency: expected at most the 10 invocations that are reserved for the function of chain 'sum', got 20: " +
        'what goes beyond is turned away, until its messages are dead letters',
    ])
  })

  test.each([0, 1.5, -1])('because it sets aside %d invocations for its HTTP sources', (reserved) => {
    const props = { job: minimalJob(), ingestReservedConcurrency: reserved }
    expect(problemsOf(() => synthesise(props))).toEqual([
      `sums: ingestReservedConcurrency: expected a whole number, 1 or more, got ${reserved}`,
    ])
  })

  describe('because its functions could not be told', () => {
    test('the queues of so many chains', () => {
      const fitting = synthesise({ job: askingChains(16) })
      for (const { Environment } of propertiesOf(fitting.template, 'AWS::Lambda::Function')) {
        expect(bytesOnAws(Environment)).toBeLessThanOrEqual(4_096)
      }
      const [problem, ...others] = problemsOf(() => synthesise({ job: askingChains(20) }))
      expect(others).toEqual([])
      expect(problem).toMatch(
        /^many: environment: expected at most 4096 bytes of variables for a function, got up to \d{4}: the queues of 20 chains with functions of their own \(\d{4}\), the name of the job, and what every job has \(\d{4}\)$/,
      )
    })

    test('the queues of so many sources', () => {
      const job = defineJob({ name: 'many' }, (env) => {
        for (let n = 0; n < 20; n++)
          env.source(`in-${n}`, sqs({ queue: `q-${n}` })).sinkTo(`out-${n}`, print())
      })
      const [problem, ...others] = problemsOf(() => synthesise({ job }))
      expect(others).toEqual([])
      expect(problem).toMatch(/got up to \d{4}: the queues of 20 SQS sources \(\d{4}\), /)
    })

    test('settings that are so long', () => {
      const settings = { 'millrace.dead-letters.dir': 'é'.repeat(2_000) }
      const [problem, ...others] = problemsOf(() => synthesise({ job: minimalJob(), settings }))
      expect(others).toEqual([])
      expect(problem).toMatch(/got up to \d{4}: the settings of the deployment \(40\d\d\), /)
    })
  })
})

const warningsOf = (job: JobDefinition) =>
  Annotations.fromStack(synthesise({ job }).stack)
    .findWarning('*', Match.stringLikeRegexp('rounded up'))
    .map(({ entry }) => JSON.stringify(entry.data))

describe('a job that runs otherwise than it says', () => {
  test('is deployed with a warning: checkpoints more often than once a second', () => {
    const [warning, ...others] = warningsOf(minimalJob({ checkpointing: { interval: '500 ms' } }))
    expect(others).toEqual([])
    expect(warning).toContain('checkpointing.interval: 500 ms is rounded up to 1 s')
    expect(warningsOf(minimalJob({ checkpointing: { interval: '1 s' } }))).toEqual([])
  })
})
