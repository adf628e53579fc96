import { describe, expect, test } from 'vitest'
import type { CheckpointRecord } from '../../../../lib/checkpoint/checkpoint-record.ts'
import type { InFlightElement, InFlightRun } from '../../../../lib/checkpoint/in-flight-elements.ts'
import { buildStreamGraph } from '../../../../lib/graph/build-stream-graph.ts'
import { planJob } from '../../../../lib/graph/plan-job.ts'
import type { JobPlan } from '../../../../lib/graph/plan.ts'
import { collectSink, defineJob, sourceFunction, type DataStream } from '../../../../lib/index.ts'
import { taskActor } from '../../../../lib/model/actors.ts'
import { taskId } from '../../../../lib/model/ids.ts'
import { dealtStashes, stashesOf } from '../../../../lib/serverless/coordinator/dealt-stashes.ts'
import type { Stashed } from '../../../../lib/serverless/protocol.ts'
import { recordOf } from '../../checkpoint/record-fixtures.ts'

type Build = (stream: DataStream<number>) => DataStream<unknown>
type Parallelism = readonly [source: number, to: number]

const hash: Build = (stream) => stream.keyBy((n) => n).reduce('to', (a) => a)
const rebalance: Build = (stream) => stream.rebalance().map((n) => n, { uid: 'to' })
const plain: Build = (stream) => stream.map((n) => n, { uid: 'to' })
const forward: Build = (stream) => stream.map((n) => n, { uid: 'to', chaining: 'never' })

const twice: Build = (stream) =>
  stream
    .map((n) => n, { uid: 'first', chaining: 'never', parallelism: 2 })
    .map((n) => n, { uid: 'to', chaining: 'never' })

/** source -> to -> out, where the two first have a parallelism each. */
function planOf(build: Build, [source, to]: Parallelism): JobPlan {
  const job = defineJob({ name: 'job' }, (env) => {
    const numbers = sourceFunction<number>({ poll: () => 'wait' })
    build(env.source('source', numbers, { parallelism: source })).sinkTo('out', collectSink<unknown>())
  })
  return planJob(buildStreamGraph(job), { name: 'job', parallelism: to, maxParallelism: 8 })
}

function takenBy(plan: JobPlan): CheckpointRecord {
  const [operator] = recordOf(3, []).operators
  return recordOf(3, [], {
    planFingerprint: plan.fingerprint,
    vertices: plan.vertices.map(({ id, parallelism }) => ({
      id,
      parallelism,
      subtasks: Array.from({ length: parallelism }, () => ({ watermarkMs: 7, finished: false })),
    })),
    operators: plan.vertices.flatMap(({ operators, parallelism }) =>
      operators.map(({ uid }) => ({ ...operator!, uid, parallelism })),
    ),
  })
}

const records = (...values: number[]): InFlightElement => ({
  kind: 'records',
  values,
  timestamps: values.map(() => 1),
})
const WATERMARK: InFlightElement = { kind: 'watermark', timestampMs: 1 }

function run(sender: number, ...elements: readonly InFlightElement[]): InFlightRun {
  return { sourceUid: 'source', tagId: undefined, targetUid: 'to', inputIndex: 0, sender, elements }
}

/** What tasks of `to` are given of what was under way to its first, from the last subtask of the source. */
function dealt(before: readonly [Build, Parallelism], after: readonly [Build, Parallelism]): Stashed[][] {
  const underWay = run(before[1][0] - 1, records(1, 2, 3, 4), WATERMARK)
  const runs = new Map([[taskId('to', 0), [underWay]]])
  const plan = planOf(...after)
  const stashes = dealtStashes(takenBy(planOf(...before)), plan, runs, { allowNonRestoredState: false })
  const target = plan.vertices.find(({ operators }) => operators.some(({ uid }) => uid === 'to'))!
  return Array.from({ length: target.parallelism }, (_, i) => [...stashes.get(taskId(target.id, i))!])
}

const from = (sender: number) => taskActor(taskId('source', sender))
const valuesOf = (stashes: readonly Stashed[]): unknown[] =>
  stashes.flatMap(({ elements }) =>
    elements.flatMap((one) => (one.kind === 'records' ? one.values : [one.kind])),
  )

describe('what was under way', () => {
  test('is given to the same tasks on its own channels where the shape is the same', () => {
    const plan = planOf(hash, [2, 2])
    const stashes = stashesOf(plan, new Map([[taskId('to', 1), [run(1, records(1), WATERMARK)]]]))
    expect(stashes.get(taskId('to', 1))).toEqual([
      { from: from(1), edge: 0, elements: [records(1)] },
      { from: from(1), edge: 0, elements: [WATERMARK] },
    ])
    expect(stashes.get(taskId('to', 0))).toEqual([])
  })

  test('of keys goes to who owns them now, on a channel that there is, without watermarks', () => {
    const tasks = dealt([hash, [3, 1]], [hash, [2, 2]])
    expect(tasks.map((one) => one.length)).toEqual([1, 1])
    expect(new Set(tasks.flatMap(valuesOf))).toEqual(new Set([1, 2, 3, 4]))
    for (const [stashed] of tasks) expect(stashed).toMatchObject({ from: from(0), edge: 0 })
  })

  test('goes into the chain where nobody sends to the operator any more', () => {
    const [only] = dealt([plain, [1, 2]], [plain, [1, 1]])
    expect(valuesOf(only!)).toEqual([1, 2, 3, 4])
    expect(only).toMatchObject([{ at: { sourceUid: 'source', targetUid: 'to' } }])
  })

  test('from one subtask to one is refused at another parallelism, naming both operators and the one they had', () => {
    expect(() => dealt([forward, [2, 2]], [forward, [3, 3]])).toThrow(
      /from 'source' to 'to'.*at the parallelism that they had \(here 2\)/,
    )
    expect(() => dealt([forward, [2, 2]], [forward, [1, 2]])).toThrow(/from 'source' to 'to'/)
  })

  test('from one subtask to one is refused where what feeds them is read by others now', () => {
    const plan = planOf(twice, [3, 2])
    const underWay = { ...run(0, records(1)), sourceUid: 'first' }
    const deal = (source: number): unknown =>
      dealtStashes(takenBy(planOf(twice, [source, 2])), plan, new Map([[taskId('to', 0), [underWay]]]), {
        allowNonRestoredState: false,
      })
    expect(() => deal(2)).toThrow(/from 'first' to 'to'/)
    // The source gave them to all before as well.
    expect(() => deal(1)).not.toThrow()
  })

  test('from one subtask to one is refused as well where the sender is gone', () => {
    const underWay = { ...run(0, records(1)), sourceUid: 'first' }
    const runs = new Map([[taskId('to', 0), [underWay]]])
    const deal = (parallelism: number): unknown =>
      dealtStashes(takenBy(planOf(twice, [2, 2])), planOf(forward, [parallelism, parallelism]), runs, {
        allowNonRestoredState: false,
      })
    expect(() => deal(3)).toThrow(/from 'first' to 'to'/)
    expect(() => deal(2)).not.toThrow()
  })

  test('from one subtask to one stays where these two are as they were, chained or not', () => {
    for (const after of [forward, plain]) {
      const tasks = dealt([forward, [2, 2]], [after, [2, 2]])
      expect(tasks.map((one) => valuesOf(one).length > 0)).toEqual([true, false])
    }
  })

  test('from all to all is dealt in turn', () => {
    const tasks = dealt([rebalance, [2, 2]], [rebalance, [4, 4]])
    expect(tasks.map(valuesOf)).toEqual([[1], [2], [3], [4]])
  })
})
