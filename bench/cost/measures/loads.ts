import type { Table, Check } from '../../harness/benchmark.ts'
import { billOf, pollingOf } from '../bill/bill.ts'
import type { Measured, MeasureSettings } from './measure.ts'
import type { StandardJob } from '../platform/standard-job.ts'
import {
  costOf,
  recommendedParallelism,
  runningJob,
  usdPerMillion,
  type Load,
  type LoadCost,
} from './throughput-cost.ts'

/** DESIGN's budget of the engine, per million events at 1,000 a second in batches of 500. */
const BUDGET_USD = { zipf: 0.1, uniform: 0.25 } as const

/**
 * What is run: fewer events than a day brings, as many as show what each costs. One at a time there are too few to tell what
 * rows cost that have no place in memory, which are written a thousand at once: so there, all of them have.
 */
function loadsOf(quick: boolean): readonly Load[] {
  const part = quick ? 0.25 : 1
  const keyCount = quick ? 20_000 : 100_000
  const zipf = { distribution: 'zipf', batch: 500, keyCount } as const
  const uniform = { distribution: 'uniform', batch: 500, keyCount } as const
  const single = { distribution: 'zipf', batch: 1, keyCount: quick ? 20_000 : 40_000 } as const
  return [
    { ...zipf, eventsPerSecond: 1_000, events: 40_000 * part },
    { ...uniform, eventsPerSecond: 1_000, events: 40_000 * part },
    { ...zipf, eventsPerSecond: 100, events: 12_000 * part },
    { ...uniform, eventsPerSecond: 100, events: 12_000 * part },
    { ...zipf, eventsPerSecond: 100_000, events: 200_000 * part },
    { ...uniform, eventsPerSecond: 100_000, events: 200_000 * part },
    { ...single, eventsPerSecond: 100, events: 2_000 * part },
    { ...single, eventsPerSecond: 1_000, events: 8_000 * part },
  ]
}

/** The loads of the budget, and others; one after the other on jobs that run already. */
export async function measureLoads({ quick, say }: MeasureSettings): Promise<readonly LoadCost[]> {
  const costs: LoadCost[] = []
  let job: { readonly name: string; readonly running: StandardJob } | undefined
  for (const load of loadsOf(quick)) {
    const parallelism = recommendedParallelism(load.keyCount, load.eventsPerSecond)
    const name = `${load.keyCount.toLocaleString('en')} keys at parallelism ${parallelism}`
    if (job?.name !== name) {
      say(`  ${name} …`)
      job = { name, running: await runningJob(load.keyCount, parallelism) }
    }
    const cost = await costOf(job.running, parallelism, load)
    const { engine, ingest } = usdPerMillion(cost)
    say(`  ${describe(load)}: engine ${engine.toFixed(4)}, ingest ${ingest.toFixed(4)} USD per million`)
    costs.push(cost)
  }
  return costs
}

export function reportLoads(costs: readonly LoadCost[]): Measured {
  return {
    tables: [summary(costs), services(costs), ...costs.slice(0, 1).map(callsOf)],
    checks: costs.flatMap((cost): Check[] => {
      const { batch, distribution, eventsPerSecond } = cost.load
      if (batch !== 500 || eventsPerSecond !== 1_000) return []
      const what = `engine, USD per million events, ${distribution}`
      return [{ what, value: usdPerMillion(cost).engine, atMost: BUDGET_USD[distribution] }]
    }),
  }
}

function summary(costs: readonly LoadCost[]): Table {
  return {
    title: 'Per million events',
    columns: [
      'load',
      'keys',
      'parallelism',
      'run',
      'checkpoints',
      'engine calls',
      'ingest calls',
      'engine USD',
      'budget',
      'ingest USD',
      'polling USD',
      'CPU µs/event',
      'rows written, of the run',
      'by age',
    ],
    rows: costs.map((cost) => {
      const { load, parallelism, agedRows, engineCalls, ingestCalls, cpuMicros, checkpoints, rowsWritten } =
        cost
      const { engine, ingest } = usdPerMillion(cost)
      const isBudgeted = load.batch === 500 && load.eventsPerSecond === 1_000
      return [
        describe(load),
        load.keyCount,
        parallelism,
        load.events,
        checkpoints,
        Math.round(engineCalls),
        Math.round(ingestCalls),
        engine.toFixed(4),
        isBudgeted ? BUDGET_USD[load.distribution].toFixed(2) : '',
        ingest.toFixed(4),
        billOf(pollingOf(1e6 / load.eventsPerSecond)).total.toFixed(4),
        cpuMicros.toFixed(0),
        rowsWritten,
        Math.round(agedRows),
      ]
    }),
    notes: [
      'run: events that were simulated; all figures but this one, checkpoints and rows of the run are per million',
      'calls are ours; what the pollers of Lambda ask of queues that have messages is in USD. Polling: what they ask of quiet queues, at most, in the time that a million events take; it is not in the columns before it',
      'rows by age: each row that changed is written once in six hours; no run lasts that long, so this is computed, and in engine calls and USD',
      'CPU: of this process, everything simulated included; it is part of the Lambda duration. Turns are not made longer by it',
    ],
  }
}

const usd = (value: number): string => value.toFixed(4)

function services(costs: readonly LoadCost[]): Table {
  return {
    title: 'The same in USD by service, and in AWS units',
    columns: [
      'load',
      'part',
      'SQS',
      'DynamoDB',
      'S3',
      'Lambda',
      'FIFO requests',
      'standard requests',
      'write units',
      'read units',
      'PUT',
      'GET',
      'invocations',
      'GB-s',
    ],
    rows: costs.flatMap(({ load, engine, ingest }) =>
      (
        [
          ['engine', engine],
          ['ingest', ingest],
        ] as const
      ).map(([part, usage]) => {
        const { sqs, dynamodb, s3, lambda } = billOf(usage)
        const units = [
          usage.fifoRequests,
          usage.standardRequests,
          usage.writeUnits,
          usage.readUnits,
          usage.s3Puts,
          usage.s3Gets,
          usage.lambdaRequests,
          usage.lambdaGbSeconds,
        ]
        return [describe(load), part, usd(sqs), usd(dynamodb), usd(s3), usd(lambda), ...units.map(Math.round)]
      }),
    ),
  }
}

function callsOf({ load, counts }: LoadCost): Table {
  return {
    title: `Requests of the run: ${describe(load)}, ${load.events.toLocaleString('en')} events`,
    columns: ['part', 'request', 'calls', 'units'],
    rows: (['engine', 'ingest'] as const).flatMap((part) =>
      counts[part].map(({ port, name, calls, units }) => [
        part,
        `${port}.${name}`,
        calls,
        Object.entries(units)
          .filter(([, value]) => value > 0)
          .map(([unit, value]) => `${value} ${unit}`)
          .join(', '),
      ]),
    ),
  }
}

export function describe({ distribution, eventsPerSecond, batch }: Load): string {
  const size = batch === 1 ? 'one at a time' : `batches of ${batch}`
  return `${eventsPerSecond.toLocaleString('en')}/s, ${size}, ${distribution}`
}
