import { keyGroupOf } from '../../../lib/model/key-hash.ts'
import { assert } from '../../../lib/model/faults.ts'
import { keyText } from '../../../lib/model/key-codec.ts'
import type { RowWrite } from '../../../lib/ports/row-store.ts'
import type { Check, Table } from '../../harness/benchmark.ts'
import { median } from '../../harness/statistics.ts'
import { StandardJob } from '../platform/standard-job.ts'
import { FUNCTIONS } from '../platform/function-usage.ts'
import { ownCalls, type Measured, type MeasureSettings } from './measure.ts'

/** Loaded by the job itself; further rows are copies of these, put where the job would have. */
const LOADED_KEYS = 1_000

/** Which environment serves a task, and whether a head is due just then, makes some calls more or less. */
const FLAT_MAX = 1.2
/** Rows in memory at once, besides the table's. */
const ROWS_AT_ONCE = 1_000
/** Checkpoints of each number of changes; the median counts. */
const ROUNDS = 5

interface AtSize {
  readonly keys: number
  readonly recoveryCalls: number
  readonly recoveryWriteUnits: number
  readonly recoveryMs: number
  readonly checkpointCalls: number
}

interface AtChange {
  readonly changed: number
  readonly calls: number
  readonly turnsCalls: number
}

/**
 * What turns leave to be done by whoever comes next, with a checkpoint or without: an environment that has not seen them
 * reads what they spilled, and a head replaces them, and their objects.
 */
const OF_TURNS: ReadonlySet<string> = new Set([
  'blobs.get',
  'blobs.delete',
  'turn-log.head',
  'turn-log.put-head',
])

/** How recovery and checkpoints depend on the size of state, and checkpoints on how much changed. */
export async function measureStateSize({ quick, say }: MeasureSettings): Promise<Measured> {
  const sizes = quick ? [1_000, 10_000, 100_000] : [1_000, 10_000, 100_000, 1_000_000]
  const bySize: AtSize[] = []
  for (const keys of sizes) {
    say(`  state of ${keys.toLocaleString('en')} keys …`)
    bySize.push(await atSize(keys))
  }
  const changes = quick ? [10, 1_000] : [10, 100, 1_000, 10_000]
  say('  checkpoints after so many changes …')
  const byChange = await checkpointCallsByChange(changes)
  return {
    tables: [sizeTable(bySize), changeTable(byChange)],
    checks: [
      flat(
        'recovery calls, largest to smallest state',
        bySize.map((one) => one.recoveryCalls),
      ),
      flat(
        'checkpoint calls, largest to smallest state',
        bySize.map((one) => one.checkpointCalls),
      ),
      flat(
        'checkpoint calls, most to fewest changes',
        byChange.map(({ calls }) => calls),
      ),
    ],
  }
}

/** The most calls to the fewest. */
export function flat(what: string, calls: readonly number[]): Check {
  return { what, value: Math.max(...calls) / Math.min(...calls), atMost: FLAT_MAX }
}

async function atSize(keys: number): Promise<AtSize> {
  const job = new StandardJob({ keyCount: LOADED_KEYS, parallelism: 2, checkpointInterval: '1 h' })
  const { aws } = job
  await job.start()
  await job.take(job.eventsOfAllKeys(), 500)
  await job.rest()
  await grow(job, keys)

  await job.take(job.events('uniform', 1), 1)
  await aws.pass(1_000)
  aws.forgetUsage()
  await job.checkpoint()
  const checkpointCalls = ownCalls(aws.usage.calls(FUNCTIONS))

  const { deployments, received } = job
  aws.forgetUsage()
  const failedAtMs = aws.clock.now()
  aws.post([job.poison()])
  await aws.until(() => job.deployments > deployments && job.received > received)
  const recoveryMs = aws.clock.now() - failedAtMs
  await aws.pass(2_000)
  return {
    keys,
    recoveryCalls: ownCalls(aws.usage.calls(FUNCTIONS)),
    recoveryWriteUnits: aws.usage.of(FUNCTIONS).writeUnits,
    recoveryMs,
    checkpointCalls,
  }
}

/** Rows for keys that the job was never sent, as it leaves them: copies of a row that it wrote. */
async function grow(job: StandardJob, keys: number): Promise<void> {
  const { rows } = job.aws.world
  const stages = [
    ['by-user', 'user'],
    ['by-item', 'item'],
  ] as const
  for (const [uid, name] of stages) {
    const partition = rows.partitions().find(({ operatorUid }) => operatorUid === uid)
    const model = partition && rows.rows(partition)[0]
    const { vertices } = job.deployment.plan
    const vertex = vertices.find(({ operators }) => operators.some((one) => one.uid === uid))
    assert(partition !== undefined && model !== undefined && vertex !== undefined, `${uid} has rows`)
    const copyFor = (key: string): RowWrite => ({
      ...model,
      partition: { ...partition, keyGroup: keyGroupOf(key, vertex.maxParallelism) },
      rowKey: keyText(key),
      expiresAtMs: Infinity,
      timers: { eventMs: undefined, processingMs: undefined },
    })
    for (let from = LOADED_KEYS; from < keys; from += ROWS_AT_ONCE) {
      const count = Math.min(ROWS_AT_ONCE, keys - from)
      await rows.client().write(Array.from({ length: count }, (_, at) => copyFor(`${name}-${from + at}`)))
    }
  }
}

async function checkpointCallsByChange(changes: readonly number[]): Promise<readonly AtChange[]> {
  const keyCount = Math.max(...changes)
  const job = new StandardJob({ keyCount, parallelism: 2, checkpointInterval: '1 h' })
  await job.start()
  await job.take(job.eventsOfAllKeys(), 500)
  const measured: AtChange[] = []
  for (const changed of changes) {
    const calls: number[] = []
    const turnsCalls: number[] = []
    for (let round = 0; round < ROUNDS; round++) {
      await job.take(job.eventsOfAllKeys().slice(0, changed), 500)
      await job.aws.pass(1_000)
      job.aws.forgetUsage()
      await job.checkpoint()
      const counts = job.aws.usage.calls(FUNCTIONS)
      const ofTurns = counts.filter(({ port, name }) => OF_TURNS.has(`${port}.${name}`))
      turnsCalls.push(ownCalls(ofTurns))
      calls.push(ownCalls(counts) - ownCalls(ofTurns))
    }
    measured.push({ changed, calls: median(calls), turnsCalls: median(turnsCalls) })
  }
  return measured
}

function sizeTable(sizes: readonly AtSize[]): Table {
  return {
    title: 'Against the size of state: keys of each of two stages, parallelism 2, six tasks',
    columns: ['keys', 'recovery: calls', 'write units', 'virtual ms', 'checkpoint: calls'],
    rows: sizes.map((one) => [
      one.keys,
      one.recoveryCalls,
      one.recoveryWriteUnits,
      Math.round(one.recoveryMs),
      one.checkpointCalls,
    ]),
    notes: [
      'recovery: from an event that makes a function throw to that event’s result after the restart, delay of one second included, and what follows within two seconds',
      `keys beyond ${LOADED_KEYS.toLocaleString('en')} have rows that are copies of one that the job wrote`,
    ],
  }
}

function changeTable(byChange: readonly AtChange[]): Table {
  return {
    title: `Checkpoints against how many keys of each stage changed since the last one; medians of ${ROUNDS}`,
    columns: ['changed keys', 'calls of the checkpoint', 'calls that turns before it left to be done'],
    rows: byChange.map(({ changed, calls, turnsCalls }) => [changed, calls, turnsCalls]),
    notes: [
      'left to be done: an environment that had not seen them reads what turns spilled; heads, and the objects that they make superfluous',
    ],
  }
}
