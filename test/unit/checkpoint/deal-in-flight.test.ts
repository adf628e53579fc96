import { describe, expect, test } from 'vitest'
import { dealInFlight, type DealtInFlight } from '../../../lib/checkpoint/deal-in-flight.ts'
import type { CheckpointRecord } from '../../../lib/checkpoint/checkpoint-record.ts'
import type { InFlightRun } from '../../../lib/checkpoint/in-flight-elements.ts'
import { buildStreamGraph } from '../../../lib/graph/build-stream-graph.ts'
import { planJob } from '../../../lib/graph/plan-job.ts'
import type { JobPlan } from '../../../lib/graph/plan.ts'
import { collectSink, defineJob, sourceFunction, type DataStream } from '../../../lib/index.ts'
import { recordOf } from './record-fixtures.ts'

type Build = (stream: DataStream<number>) => DataStream<unknown>

function planOf(build: Build, parallelism: number): JobPlan {
  const job = defineJob({ name: 'job' }, (env) => {
    const source = env.source('source', sourceFunction<number>({ poll: () => 'wait' }))
    build(source).sinkTo('out', collectSink<unknown>())
  })
  return planJob(buildStreamGraph(job), { name: 'job', parallelism, maxParallelism: 128 })
}

function takenBy(plan: JobPlan): CheckpointRecord {
  const subtask = { watermarkMs: 7, finished: false }
  const vertices = plan.vertices.map(({ id, parallelism }) => ({
    id,
    parallelism,
    subtasks: Array.from({ length: parallelism }, () => subtask),
  }))
  return recordOf(3, [], { vertices, planFingerprint: plan.fingerprint })
}

/** Under way from each source to task `subtask` of `targetUid`: a watermark between two batches. */
function underWay(
  targetUid: string,
  before: Build,
  parallelism: number,
  values: (subtask: number) => number[],
) {
  const record = takenBy(planOf(before, parallelism))
  const runOf = (subtask: number): InFlightRun => {
    const [first, ...rest] = values(subtask)
    return {
      sourceUid: 'source',
      tagId: undefined,
      targetUid,
      inputIndex: 0,
      sender: 0,
      elements: [
        { kind: 'records', values: [first], timestamps: [1] },
        { kind: 'watermark', timestampMs: 1 },
        { kind: 'records', values: rest, timestamps: rest.map(() => 2) },
      ],
    }
  }
  return (after: Build, newParallelism: number, allowNonRestoredState = false): DealtInFlight =>
    dealInFlight(
      record,
      planOf(after, newParallelism),
      (vertexId, subtask) => (vertexId === targetUid ? [runOf(subtask)] : []),
      { allowNonRestoredState },
    )
}

function valuesOf({ runs }: DealtInFlight): Record<string, unknown[]> {
  const entries = [...runs].map(([task, own]) => [
    task,
    own.flatMap(({ elements }) =>
      elements.flatMap((one) => (one.kind === 'records' ? one.values : [one.kind])),
    ),
  ])
  return Object.fromEntries(entries)
}

const hash: Build = (stream) => stream.keyBy((n) => n % 10).reduce('to', (a) => a)
const rebalance: Build = (stream) => stream.rebalance().map((n) => n, { uid: 'to' })
const broadcast: Build = (stream) => stream.broadcast().map((n) => n, { uid: 'to' })
const forward: Build = (stream) => stream.map((n) => n, { uid: 'to', chaining: 'never' })
const chained: Build = (stream) => stream.map((n) => n, { uid: 'to' })
const other: Build = (stream) => stream.map((n) => n, { uid: 'other', chaining: 'never' })

const two = (subtask: number): number[] => [10 * subtask, 10 * subtask + 1, 10 * subtask + 2]

describe('what was under way', () => {
  test('goes back to its channels, watermarks and all, where nothing has changed', () => {
    const dealt = underWay('to', rebalance, 2, two)(rebalance, 2)
    expect(valuesOf(dealt)).toEqual({ 'to#0': [0, 'watermark', 1, 2], 'to#1': [10, 'watermark', 11, 12] })
    expect(dealt.isInStages).toBe(false)
  })

  test('of hash edges goes to the owner of its key, in order', () => {
    const keys = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    const dealt = underWay('to', hash, 1, () => [...keys, ...keys])(hash, 3)
    expect(dealt.isInStages).toBe(true)
    const all = Object.values(valuesOf(dealt)) as number[][]
    expect(all.flat().toSorted((a, b) => a - b)).toEqual([...keys, ...keys].toSorted((a, b) => a - b))
    expect(all.length).toBe(3)
    for (const own of all) expect(own.slice(own.length / 2)).toEqual(own.slice(0, own.length / 2))
  })

  test('of rebalance edges is dealt in turn', () => {
    expect(valuesOf(underWay('to', rebalance, 2, two)(rebalance, 3))).toEqual({
      'to#0': [0, 10],
      'to#1': [1, 11],
      'to#2': [2, 12],
    })
  })

  test('of broadcast edges is there once for each task', () => {
    const deal = underWay('to', broadcast, 2, two)
    expect(valuesOf(deal(broadcast, 3))).toEqual({
      'to#0': [0, 1, 2],
      'to#1': [10, 11, 12],
      'to#2': [0, 1, 2],
    })
    expect(valuesOf(deal(broadcast, 1))).toEqual({ 'to#0': [0, 1, 2] })
  })

  test('of forward edges stays together', () => {
    expect(valuesOf(underWay('to', forward, 3, two)(forward, 2))).toEqual({
      'to#0': [0, 1, 2, 20, 21, 22],
      'to#1': [10, 11, 12],
    })
  })

  test('reaches an operator that is in the chain of its sender now', () => {
    expect(valuesOf(underWay('to', forward, 2, two)(chained, 2))).toEqual({
      'source#0': [0, 1, 2],
      'source#1': [10, 11, 12],
    })
  })

  test('is refused where its operator is gone, unless that is wanted', () => {
    const deal = underWay('to', forward, 2, two)
    expect(() => deal(other, 2)).toThrow("under way to operators that are not in this job: 'to'")
    expect(valuesOf(deal(other, 2, true))).toEqual({})
  })
})
