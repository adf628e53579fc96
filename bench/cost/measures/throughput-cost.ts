import { STATE_LIMITS } from '../../../lib/serverless/state/limits.ts'
import type { CallCount } from '../../../test/world/call-ledger.ts'
import { billOf, scaleUsage, type Usage } from '../bill/bill.ts'
import { changedKeys } from '../bill/changed-keys.ts'
import type { FunctionName } from '../platform/function-usage.ts'
import type { Distribution } from '../platform/keys.ts'
import { StandardJob } from '../platform/standard-job.ts'
import { ownCalls } from './measure.ts'

export const INGEST: readonly FunctionName[] = ['ingest-http', 'ingest']
export const ENGINE: readonly FunctionName[] = ['operator', 'coordinator', 'wake-up']

/** Events a second that one subtask of a stage is given. */
const SUBTASK_EVENTS_PER_SECOND = 12_500
/** Millions of events are what prices are told for. */
const MILLION = 1e6

/**
 * What we recommend: as many subtasks as keep the rows that change between two materializations in memory, or as the rate
 * takes, whichever is more.
 */
export function recommendedParallelism(keyCount: number, eventsPerSecond: number): number {
  return Math.max(
    Math.ceil(keyCount / STATE_LIMITS.overlayRowsMax),
    Math.ceil(eventsPerSecond / SUBTASK_EVENTS_PER_SECOND),
  )
}

export interface Load {
  readonly distribution: Distribution
  readonly eventsPerSecond: number
  readonly batch: number
  /** Of each stage. */
  readonly keyCount: number
  /** How many were run. */
  readonly events: number
}

/** Per million events. */
export interface LoadCost {
  readonly load: Load
  readonly parallelism: number
  readonly ingest: Usage
  readonly engine: Usage
  /** Row writes that the age of rows brings about, which no short run shows: in `engine` as well. */
  readonly agedRows: number
  readonly ingestCalls: number
  readonly engineCalls: number
  /** Processor time of one event. */
  readonly cpuMicros: number
  readonly checkpoints: number
  /** Rows written in the run itself. */
  readonly rowsWritten: number
  readonly counts: { readonly ingest: readonly CallCount[]; readonly engine: readonly CallCount[] }
}

/** A job whose every key has state already, as one has that ran for hours. */
export async function runningJob(keyCount: number, parallelism: number): Promise<StandardJob> {
  const job = new StandardJob({ keyCount, parallelism })
  await job.start()
  await job.take(job.eventsOfAllKeys(), 500)
  return job
}

/** What a load costs on a job that runs. */
export async function costOf(job: StandardJob, parallelism: number, load: Load): Promise<LoadCost> {
  const { distribution, eventsPerSecond, batch, events } = load
  const { aws } = job
  const lines = job.events(distribution, events)
  // Environments get warm, and what came before is done.
  await job.take(lines.slice(0, batch), batch)
  await aws.pass(1_000)
  aws.forgetUsage()
  const completed = job.completed
  const expected = job.received + events
  // A run that is shorter than the interval has a checkpoint all the same: it pays for more of them than a day does.
  const half = Math.ceil(events / 2 / batch) * batch
  await job.takeAt(eventsPerSecond, lines.slice(0, half), batch)
  if (events / eventsPerSecond < 10) await job.triggerCheckpoint()
  await job.takeAt(eventsPerSecond, lines.slice(half), batch)
  await aws.until(() => job.received >= expected)
  await aws.pass(500)
  const perMillion = MILLION / events
  const agedRows = agedRowsPerMillion(load)
  const counts = { ingest: aws.usage.calls(INGEST), engine: aws.usage.calls(ENGINE) }
  const engine = scaleUsage(aws.usage.of(ENGINE), perMillion)
  return {
    load,
    parallelism,
    ingest: scaleUsage(aws.usage.of(INGEST), perMillion),
    engine: { ...engine, writeUnits: engine.writeUnits + agedRows },
    agedRows,
    ingestCalls: ownCalls(counts.ingest) * perMillion,
    engineCalls: ownCalls(counts.engine) * perMillion + agedRows,
    cpuMicros: (aws.usage.cpuMs([...INGEST, ...ENGINE]) * 1000) / events,
    checkpoints: job.completed - completed,
    rowsWritten: counts.engine
      .filter(({ name }) => name === 'write-row')
      .reduce((sum, { calls }) => sum + calls, 0),
    counts,
  }
}

/** A row of either stage is written once in the time that rows may wait, if it changed. */
function agedRowsPerMillion({ distribution, eventsPerSecond, keyCount }: Load): number {
  const events = (eventsPerSecond * STATE_LIMITS.overlayAgeMsMax) / 1000
  return (2 * changedKeys(distribution, keyCount, events) * MILLION) / events
}

export function usdPerMillion({ ingest, engine }: Pick<LoadCost, 'ingest' | 'engine'>): {
  readonly ingest: number
  readonly engine: number
} {
  return { ingest: billOf(ingest).total, engine: billOf(engine).total }
}
