import {
  collection,
  collectSink,
  http,
  print,
  runJob,
  type JobDefinition,
  type OperatorOptions,
} from 'millrace'
import { describe, expect, test } from 'vitest'

import { chainPurpose } from '../../infra/job-names.ts'
import type { TaskFunctionProps } from '../../infra/stream-job-props.ts'
import { jobWithEverything, minimalJob } from './jobs.ts'
import { smoothing, type Reading } from './own-function.ts'
import { nameOf, permissionsOf, propertiesOf, resourcesOf, synthesise, type Synthesised } from './synth.ts'

type Stack = TaskFunctionProps & { readonly chains?: Readonly<Record<string, TaskFunctionProps>> }

const asking = (resources: NonNullable<OperatorOptions['resources']>): JobDefinition =>
  minimalJob({}, { sum: { resources } })

/** Of each function that tasks run in: the queue it reads, and its settings. */
function operatorsOf({ template }: Synthesised): Record<string, object> {
  const [functions, queues, mappings] = [
    'AWS::Lambda::Function',
    'AWS::SQS::Queue',
    'AWS::Lambda::EventSourceMapping',
  ].map(
    (type) =>
      new Map(
        [...resourcesOf(template, type)].map(([id, { Properties }]) => [nameOf({ Ref: id }), Properties]),
      ),
  )
  return Object.fromEntries(
    [...mappings!.values()]
      .map(
        (mapping) => [nameOf(mapping['FunctionName']), nameOf(mapping['EventSourceArn']), mapping] as const,
      )
      .filter(([fn]) => fn.startsWith('Operator'))
      .map(([fn, queue, { ScalingConfig }]) => {
        const { MemorySize, Timeout, ReservedConcurrentExecutions } = functions!.get(fn)!
        return [
          fn.replace(/Function$/, ''),
          {
            queue: queue.replace(/^Queues/, ''),
            hiddenSec: queues!.get(queue)!['VisibilityTimeout'],
            memoryMb: MemorySize,
            timeoutSec: Timeout,
            concurrency: (ScalingConfig as { MaximumConcurrency: number }).MaximumConcurrency,
            reserved: ReservedConcurrentExecutions,
          },
        ]
      }),
  )
}

const SHARED = {
  queue: 'Tasks',
  hiddenSec: 36,
  memoryMb: 1024,
  timeoutSec: 30,
  concurrency: 2,
  reserved: undefined,
}
const OWN = { ...SHARED, queue: 'Chainsum' }

/** What a function may do beyond the job. */
const outside = (synthesised: Synthesised, fn: string): readonly string[] =>
  permissionsOf(synthesised, fn).filter((line) => line.includes('outside'))

describe('a chain gets a queue and a function of its own', () => {
  test.each<readonly [string, JobDefinition, Stack, object]>([
    ['nobody asks', minimalJob(), {}, { Operator: SHARED }],
    ['an operator asks', asking('own'), {}, { Operator: SHARED, Operatorsum: OWN }],
    ['an operator asks for nothing more', asking({}), {}, { Operator: SHARED, Operatorsum: OWN }],
    [
      'an operator asks for more',
      asking({ memoryMb: 2048, timeout: '1 min', maxConcurrency: 9 }),
      {},
      {
        Operator: SHARED,
        Operatorsum: { ...OWN, memoryMb: 2048, timeoutSec: 60, hiddenSec: 72, concurrency: 9 },
      },
    ],
    [
      'an operator asks that is not the first of its chain',
      minimalJob({}, { out: { resources: { memoryMb: 512 } } }),
      {},
      { Operator: SHARED, Operatorsum: { ...OWN, memoryMb: 512 } },
    ],
    [
      'the stack asks',
      minimalJob(),
      { chains: { sum: { memoryMb: 2048, reservedConcurrency: 9 } } },
      { Operator: SHARED, Operatorsum: { ...OWN, memoryMb: 2048, reserved: 9 } },
    ],
    [
      'both ask: what the stack says counts',
      asking({ memoryMb: 2048, timeout: '1 min' }),
      { chains: { sum: { memoryMb: 4096, maxConcurrency: 5 } } },
      {
        Operator: SHARED,
        Operatorsum: { ...OWN, memoryMb: 4096, timeoutSec: 60, hiddenSec: 72, concurrency: 5 },
      },
    ],
    [
      'what nobody says of it is the deployment’s, but for concurrency',
      asking({ memoryMb: 2048 }),
      { memoryMb: 1769, timeout: 45_500, maxConcurrency: 7, reservedConcurrency: 8 },
      {
        Operator: { ...SHARED, memoryMb: 1769, timeoutSec: 46, hiddenSec: 56, concurrency: 7, reserved: 8 },
        Operatorsum: { ...OWN, memoryMb: 2048, timeoutSec: 46, hiddenSec: 56 },
      },
    ],
  ])('where %s', (_, job, stack, expected) => {
    expect(operatorsOf(synthesise({ job, ...stack }))).toEqual(expected)
  })

  test('for which every function knows its queue', () => {
    for (const { Environment } of propertiesOf(
      synthesise({ job: asking('own') }).template,
      'AWS::Lambda::Function',
    )) {
      const { Variables } = Environment as { Variables: Record<string, unknown> }
      expect(nameOf(Variables['MILLRACE_TASK_QUEUE_URLS'])).toBe('{"sum":"QueuesChainsum"}')
    }
  })

  test('no more of which run at once than are reserved', () => {
    const settings = { 'parallelism.default': 16 }
    const chains = { sum: { reservedConcurrency: 5 } }
    expect(operatorsOf(synthesise({ job: minimalJob(), settings, chains }))['Operatorsum']).toMatchObject({
      concurrency: 5,
      reserved: 5,
    })
  })

  describe('and writes', () => {
    const apart = synthesise({ job: jobWithEverything(), chains: { sum: {} } })

    test('what the sinks of the chain write to, and nothing else', () => {
      const written = outside(apart, 'Operatorsum').filter((line) => line.includes('s3:PutObject'))
      expect(written).toEqual(['Allow s3:PutObject on arn:AWS::Partition:s3:::outside/posted/*'])
    })

    test('as the shared function still may: what is in its queue while the chain moves must not fail the job', () => {
      const together = outside(synthesise({ job: jobWithEverything() }), 'Operator')
      expect(together).toContain('Allow s3:PutObject on arn:AWS::Partition:s3:::outside/posted/*')
      expect(outside(apart, 'Operator')).toEqual(together)
    })
  })
})

describe('a program that asks', () => {
  const readings = [10, 20].map((celsius) => ({ sensor: 'a', celsius }))

  test('has its function on AWS', () => {
    expect(operatorsOf(synthesise({ job: smoothing(http<Reading>(), print()) }))['Operatorsmooth']).toEqual({
      queue: 'Chainsmooth',
      hiddenSec: 144,
      memoryMb: 4096,
      timeoutSec: 120,
      concurrency: 20,
      reserved: undefined,
    })
  })

  test('runs in one process as if it did not ask', async () => {
    const out = collectSink<Reading>()
    const { status } = await (await runJob(smoothing(collection(readings), out))).result
    expect(status).toBe('FINISHED')
    expect(out.values.map(({ celsius }) => celsius)).toEqual([10, 15])
  })
})

describe('the name of the queue of a chain', () => {
  test('tells which chain it is, whatever other chains there are, and fits', () => {
    const job = minimalJob({ name: 'a'.repeat(200) })
    const names = (chains: Readonly<Record<string, TaskFunctionProps>>) =>
      propertiesOf(synthesise({ job, chains }).template, 'AWS::SQS::Queue').map(({ QueueName }) =>
        nameOf(QueueName),
      )
    const alone = names({ sum: {} }).filter((name) => name.includes('-chain-sum-'))
    expect(alone).toHaveLength(1)
    expect(names({ numbers: {}, sum: {} })).toContain(alone[0])
  })

  test.each(['sum', 'x'.repeat(200), '計', 'sink: alerts (late)'])('%j', (chain) => {
    const purpose = chainPurpose(chain)
    expect(purpose).toMatch(/^chain-[A-Za-z0-9-]+-[0-9a-f]{6}$/)
    expect(purpose).not.toContain('--')
    // Of 80: the slug of the job, eight digits of the stack, hyphens, and `.fifo`.
    expect(purpose.length).toBeLessThanOrEqual(80 - 40 - 8 - 2 - '.fifo'.length)
  })

  test('is another for chains whose names begin alike', () => {
    expect(chainPurpose('a long name of a chain, 1')).not.toBe(chainPurpose('a long name of a chain, 2'))
  })
})
