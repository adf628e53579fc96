import { assert } from '../../../lib/model/faults.ts'
import type { Table } from '../../harness/benchmark.ts'
import { pollingOf, standingOfMonth } from '../bill/bill.ts'
import type { Invocation } from '../platform/environment-pool.ts'
import { FUNCTIONS } from '../platform/function-usage.ts'
import { StandardJob } from '../platform/standard-job.ts'
import { sequentialTrips } from '../platform/trace.ts'
import { ownCalls, type Measured, type MeasureSettings } from './measure.ts'

const WARM_TRIPS_MAX = 3
/** One more where what it wrote is too large for an entry of the log. */
const SPILLING_TRIPS_MAX = 4
const HOUR_MS = 3_600_000
const SOURCE = 'task:purchases#0'

/** What a turn asks of the world, warm and cold; what materialization writes; what a job asks that has nothing to do. */
export async function measureTurns({ say }: MeasureSettings): Promise<Measured> {
  say('  turns, one event at a time …')
  const job = new StandardJob({ keyCount: 1_000, parallelism: 1, checkpointInterval: '1 h' })
  const { aws } = job
  await job.start()
  await job.take(job.eventsOfAllKeys(), 500)
  aws.forgetUsage()
  await job.checkpoint()
  await job.checkpoint()
  await aws.pass(60_000)
  const rowsWritten = aws.usage.ledger('operator').calls('row-store.write-row')
  await job.take(job.events('uniform', 20), 1)
  await aws.pass(1_000)

  aws.keepsInvocations = true
  aws.forgetUsage()
  for (const event of job.events('uniform', 20)) {
    await job.take([event], 1)
    await aws.pass(500)
  }
  const warm = turnsOf(aws.invocations)
  aws.forgetUsage()
  for (let request = 0; request < 20; request++) {
    await job.take(job.events('uniform', 500), 500)
    await aws.pass(500)
  }
  const large = turnsOf(aws.invocations)
  aws.dropEnvironments()
  aws.forgetUsage()
  await job.take(job.events('uniform', 1), 1)
  await aws.pass(1_000)
  const cold = turnsOf(aws.invocations)
  aws.keepsInvocations = false

  say('  an idle hour …')
  const idle = await callsAtRest('10 s')
  const idleWithout = await callsAtRest('off')
  const plain = warm.filter(isPlain)
  assert(plain.length > 0, 'some turns found their rows in memory')
  const spilling = large.filter((turn) => isPlain(turn) && turn.requests.includes('blobs.put'))
  assert(spilling.length > 0, 'some of them wrote more than an entry of the log holds')
  return {
    tables: [
      turnTable('Warm turns, one event each', warm),
      turnTable('Warm turns, 500 events each: what is large is an object', large),
      turnTable('First turns of new environments, one event each', cold),
      restTable(rowsWritten, idle, idleWithout),
    ],
    checks: [
      {
        what: 'sequential trips of a warm turn',
        value: Math.max(...plain.map(({ trips }) => trips)),
        atMost: WARM_TRIPS_MAX,
      },
      {
        what: 'the same, of one that spills',
        value: Math.max(...spilling.map(({ trips }) => trips)),
        atMost: SPILLING_TRIPS_MAX,
      },
      { what: 'calls of ours in an idle hour', value: idle.hour, atMost: 0 },
      { what: 'the same, of a job without checkpoints', value: idleWithout.hour, atMost: 0 },
    ],
  }
}

/** Sources read their ingest log as well, and a key that is not in memory is read: the budget is that of the others. */
function isPlain({ actor, requests }: Turn): boolean {
  return actor !== SOURCE && !requests.includes('row-store')
}

interface AtRest {
  /** Calls of ours in an hour in which nothing comes. */
  readonly hour: number
  /** Those that the visit of a week leads to. */
  readonly visit: number
}

async function callsAtRest(checkpointInterval: string): Promise<AtRest> {
  const job = new StandardJob({ keyCount: 1_000, parallelism: 1, checkpointInterval })
  await job.start()
  await job.take(job.eventsOfAllKeys(), 500)
  // Some checkpoints, until one finds that nothing happened since the last; or ticks, by which tasks are asked.
  await job.aws.pass(180_000)
  job.aws.forgetUsage()
  await job.aws.pass(HOUR_MS)
  const hour = ownCalls(job.aws.usage.calls(FUNCTIONS))
  job.aws.forgetUsage()
  job.aws.visit()
  await job.aws.pass(HOUR_MS)
  return { hour, visit: ownCalls(job.aws.usage.calls(FUNCTIONS)) }
}

interface Turn {
  readonly actor: string
  readonly trips: number
  readonly requests: string
}

/** Invocations of tasks that committed one turn. */
function turnsOf(invocations: readonly (Invocation & { readonly name: string })[]): Turn[] {
  return invocations.flatMap(({ name, calls }): Turn[] => {
    const appends = calls.filter((call) => call.name === 'append')
    if (name !== 'operator' || appends.length !== 1) return []
    const requests = new Map<string, number>()
    for (const { port, name: request } of calls) {
      const what = `${port}.${request}`
      requests.set(what, (requests.get(what) ?? 0) + 1)
    }
    return [
      {
        actor: String(appends[0]!.actor),
        trips: sequentialTrips(calls),
        requests: [...requests]
          .map(([what, count]) => (count === 1 ? what : `${count} × ${what}`))
          .join(', '),
      },
    ]
  })
}

/** Turns that are alike, once. */
function turnTable(title: string, turns: readonly Turn[]): Table {
  const alike = new Map<string, { turn: Turn; count: number }>()
  for (const turn of turns) {
    const known = alike.get(`${turn.actor} ${turn.requests}`)
    if (known === undefined) alike.set(`${turn.actor} ${turn.requests}`, { turn, count: 1 })
    else known.count++
  }
  return {
    title,
    columns: ['task', 'turns', 'sequential trips', 'requests'],
    rows: [...alike.values()]
      .toSorted((a, b) => (a.turn.actor < b.turn.actor ? -1 : 1))
      .map(({ turn, count }) => [turn.actor, count, turn.trips, turn.requests]),
  }
}

function restTable(rowsWritten: number, idle: AtRest, idleWithout: AtRest): Table {
  const { fifoRequests, standardRequests } = pollingOf(HOUR_MS / 1000)
  const { polling, alarms } = standingOfMonth()
  return {
    title: 'At rest',
    columns: ['what', 'count'],
    rows: [
      ['rows written when a job comes to rest whose 1,000 keys of each stage changed since', rowsWritten],
      ['calls of ours in an idle hour', idle.hour],
      ['the same, of a job without checkpoints', idleWithout.hour],
      ['calls that the visit of a week leads to', idle.visit],
      ['the same, of a job without checkpoints', idleWithout.visit],
      ['receives of Lambda’s pollers in an idle hour, FIFO queues', fifoRequests],
      ['the same, standard queue', standardRequests],
      ['USD of polling in an idle month', polling.toFixed(2)],
      ['USD of alarms in a month', alarms.toFixed(2)],
    ],
  }
}
