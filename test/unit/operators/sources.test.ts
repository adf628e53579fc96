import { describe, expect, test } from 'vitest'
import { buildStreamGraph } from '../../../lib/graph/build-stream-graph.ts'
import { planJob } from '../../../lib/graph/plan-job.ts'
import {
  defineJob,
  operatorListState,
  sinkFunction,
  sourceFunction,
  type Source,
  type SplitSource,
} from '../../../lib/index.ts'
import { MIN_WATERMARK } from '../../../lib/model/elements.ts'
import { LIMITS } from '../../../lib/model/limits.ts'
import { heapBackends } from '../../../lib/state/heap-backend.ts'
import type { DeadLetter } from '../../../lib/stream/source.ts'
import { restoreFrom, SnapshotStore, type HarnessSnapshot } from '../../../lib/testing/harness-snapshot.ts'
import { HarnessTasks } from '../../../lib/testing/harness-tasks.ts'
import { ManualClock } from '../../../lib/testing/index.ts'
import { faultOf } from './fixtures.ts'

interface Range {
  readonly name: string
  readonly next: number
  readonly end: number
}

/** Counts through ranges: odd numbers that end in 3 cannot be parsed. */
function ranges(splits: readonly Range[], log: string[] = []): SplitSource<string, Range> {
  return {
    type: 'splits',
    kind: 'ranges',
    bounded: true,
    enumerateSplits: ({ parallelism }) => {
      log.push(`enumerate for ${parallelism}`)
      return splits
    },
    createReader: (ctx) => {
      let own: Range[] = []
      let position = ''
      return {
        open: (given) => {
          own = [...given]
          log.push(`${ctx.subtaskIndex}: ${given.map(({ name, next }) => `${name}@${next}`).join(' ')}`)
        },
        read: (out, recordsMax) => {
          for (let count = 0; count < recordsMax; count++) {
            const [first, ...rest] = own
            if (first === undefined) return 'end'
            position = `${first.name}:${first.next}`
            own = first.next + 1 < first.end ? [{ ...first, next: first.next + 1 }, ...rest] : rest
            if (first.next % 10 === 3) out.deadLetter(position, 'ends in 3', 'x'.repeat(100_000))
            else out.collect(position, first.next)
          }
          return 'more'
        },
        snapshot: () => own,
        position: () => position,
        close: () => void log.push(`${ctx.subtaskIndex}: close`),
      }
    },
  }
}

async function start(
  source: Source<string>,
  { parallelism = 1, from = undefined as HarnessSnapshot | undefined, fail = '' } = {},
) {
  const output: string[] = []
  const timestamps: (number | undefined)[] = []
  const letters: DeadLetter[] = []
  const job = defineJob({ name: 'job' }, (env) => {
    const stream = env.source('source', source)
    stream
      .map(
        (value) => {
          if (value === fail) throw new Error('bad record')
          return value
        },
        { uid: 'check' },
      )
      .sinkTo(
        'out',
        sinkFunction({ invoke: (value, ctx) => void (output.push(value), timestamps.push(ctx.timestamp)) }),
      )
    if (source.type === 'splits') {
      stream.deadLetters.sinkTo('letters', sinkFunction({ invoke: (letter) => void letters.push(letter) }))
    }
  })
  const plan = planJob(buildStreamGraph(job), { name: 'job', parallelism, maxParallelism: 128 })
  const clock = new ManualClock(1_000)
  const tasks = new HarnessTasks({
    plan,
    attempt: 1,
    clock,
    mode: 'exactly-once',
    autoWatermarkIntervalMs: 0,
    stateBackends: heapBackends,
    restoreOf: restoreFrom(from, plan),
  })
  await tasks.open()
  return {
    output,
    timestamps,
    letters,
    tasks,
    clock,
    read: async (recordsMax: number) => {
      const statuses: unknown[] = []
      await tasks.run(
        tasks.tasks.filter((task) => task.spec.inputChannels === 0),
        async (task) => {
          const status = await task.read(recordsMax)
          statuses.push(status)
          if (status === 'end') await task.endInput()
        },
      )
      return statuses
    },
    snapshot: async () => {
      return new SnapshotStore(plan, 1, from).add(1, clock.now(), await tasks.checkpoint(1))
    },
  }
}

const three = [
  { name: 'a', next: 0, end: 3 },
  { name: 'b', next: 0, end: 3 },
  { name: 'c', next: 0, end: 3 },
]
const everything = three.flatMap(({ name }) => [0, 1, 2].map((at) => `${name}:${at}`))

describe('split source', () => {
  test('reads its splits with their timestamps; event time ends with them', async () => {
    const { output, timestamps, read, tasks } = await start(ranges(three.slice(0, 1)))
    expect(await read(2)).toEqual(['more'])
    expect(output).toEqual(['a:0', 'a:1'])
    expect(await read(10)).toEqual(['end'])
    expect(output).toEqual(['a:0', 'a:1', 'a:2'])
    expect(timestamps).toEqual([0, 1, 2])
    expect(tasks.tasks.every((task) => task.inputEnded)).toBe(true)
    expect(tasks.tasks.map((task) => task.watermarkMs)).toEqual([Number.POSITIVE_INFINITY])
  })

  test('splits are listed once and dealt in turn', async () => {
    const log: string[] = []
    const { read, output, tasks } = await start(ranges(three, log), { parallelism: 2 })
    expect(log).toEqual(['enumerate for 2', '1: b@0', '0: a@0 c@0'])
    await read(100)
    expect(output.toSorted()).toEqual(everything)
    await tasks.close()
    expect(log.slice(3)).toEqual(['0: close', '1: close'])
  })

  test('a subtask without splits ends at once', async () => {
    const { read } = await start(ranges(three.slice(0, 1)), { parallelism: 2 })
    expect(await read(1)).toEqual(['more', 'end'])
  })

  test.for([1, 2, 3, 4])(
    'goes on in the middle, at parallelism %i, without listing again',
    async (parallelism) => {
      const log: string[] = []
      const first = await start(ranges(three, log), { parallelism: 2 })
      await first.read(2)
      const snapshot = await first.snapshot()
      const before = [...first.output]
      await first.read(1)
      log.length = 0

      const second = await start(ranges([], log), { parallelism, from: snapshot })
      expect(log.some((line) => line.startsWith('enumerate'))).toBe(false)
      await second.read(100)
      expect([...before, ...second.output].toSorted()).toEqual(everything)
    },
  )

  test('what was read to the end is not read again', async () => {
    const first = await start(ranges(three))
    await first.read(100)
    const second = await start(ranges(three), { from: await first.snapshot(), parallelism: 2 })
    expect(await second.read(100)).toEqual(['end', 'end'])
    expect(second.output).toEqual([])
  })

  test('dead letters go to their own stream, cut at the limit, and are counted', async () => {
    const { output, letters, read, tasks } = await start(ranges([{ name: 'a', next: 12, end: 15 }]))
    await read(100)
    expect(output).toEqual(['a:12', 'a:14'])
    expect(letters).toEqual([
      {
        operatorUid: 'source',
        position: 'a:13',
        reason: 'ends in 3',
        raw: 'x'.repeat(LIMITS.deadLetterChars),
      },
    ])
    expect(tasks.tasks[0]!.operatorStates[0]!.operator.metrics.numDeadLetters).toBe(1)
  })

  test('a fault in the chain says where its record came from', async () => {
    const { read } = await start(ranges(three), { fail: 'b:1' })
    const fault = await faultOf(read(100))
    expect(fault).toMatchObject({
      origin: { operatorUid: 'check', position: 'b:1', timestampMs: 1 },
      message: 'check (check), subtask 0: bad record',
    })
  })

  test.for<[string, () => never | Promise<never>]>([
    [
      'at once',
      () => {
        throw new Error('disk gone')
      },
    ],
    ['later', () => Promise.reject(new Error('disk gone'))],
  ])('a reader that throws %s is a fault of the source', async ([, read]) => {
    const source: SplitSource<string, Range> = {
      ...ranges(three),
      createReader: () => ({ open() {}, read, snapshot: () => [], position: () => 'a:7' }),
    }
    const started = await start(source)
    expect(await faultOf(started.read(1))).toMatchObject({
      origin: { operatorUid: 'source', position: 'a:7' },
      message: 'source (source), subtask 0: disk gone',
    })
  })

  test('a listing that fails is a fault of the source', async () => {
    const source: SplitSource<string, Range> = {
      ...ranges(three),
      enumerateSplits: () => Promise.reject(new Error('no such directory')),
    }
    expect(await faultOf(start(source))).toMatchObject({ origin: { operatorUid: 'source' } })
  })
})

const counting = (end: number): Source<string> => {
  let next = 0
  return sourceFunction({
    bounded: true,
    operatorState: { next: operatorListState<number>() },
    initializeState: (ctx) => void (next = ctx.operatorState.next.get()[0] ?? 0),
    poll(ctx) {
      if (next === end) return 'end'
      ctx.collect(`${next}/${ctx.parallelism}`, next === 0 ? undefined : ctx.now() + next)
      next++
      return next % 2 === 0 ? { waitUntilMs: ctx.now() + 10 } : 'more'
    },
    snapshotState: (ctx) => ctx.operatorState.next.update([next]),
  })
}

describe('function source', () => {
  test('emits what poll collects, and passes its status on', async () => {
    const { output, timestamps, read } = await start(counting(3))
    const statuses = [...(await read(9)), ...(await read(9)), ...(await read(9)), ...(await read(9))]
    expect(statuses).toEqual(['more', { waitUntilMs: 1_010 }, 'more', 'end'])
    expect(output).toEqual(['0/1', '1/1', '2/1'])
    expect(timestamps).toEqual([undefined, 1_001, 1_002])
  })

  test('goes on from its operator state', async () => {
    const first = await start(counting(4))
    await first.read(1)
    await first.read(1)
    const snapshot = await first.snapshot()
    await first.read(1)
    const second = await start(counting(4), { from: snapshot })
    await second.read(1)
    await second.read(1)
    expect(second.output).toEqual(['2/1', '3/1'])
  })

  test('a barrier can pass after the end', async () => {
    const { read, snapshot, tasks } = await start(counting(0))
    await read(1)
    expect((await snapshot()).watermarksMs).toEqual({ source: Number.POSITIVE_INFINITY })
    expect(tasks.tasks[0]!.watermarkMs).not.toBe(MIN_WATERMARK)
  })
})
