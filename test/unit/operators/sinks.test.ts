import { describe, expect, test } from 'vitest'
import {
  operatorListState,
  sinkFunction,
  type DataStream,
  type Sink,
  type TwoPhaseCommitSink,
  type TwoPhaseCommitter,
  type WriterSink,
} from '../../../lib/index.ts'
import { testHarness, type HarnessOptions } from '../../../lib/testing/index.ts'
import { faultOf } from './fixtures.ts'

const sunk = <T>(sink: Sink<T>, options?: HarnessOptions) =>
  testHarness((stream: DataStream<T>) => stream.sinkTo('sink', sink), options)

const boom = (): never => {
  throw new Error('boom')
}
const rejected = (): Promise<never> => Promise.reject(new Error('boom'))

describe('sink function', () => {
  test('is given each record with its time', async () => {
    const seen: unknown[] = []
    const harness = await sunk(
      sinkFunction<string>({
        invoke: (value, ctx) =>
          void seen.push([value, ctx.timestamp, ctx.currentWatermark(), ctx.currentProcessingTime()]),
      }),
      { startMs: 5 },
    )
    await harness.push('a', 10)
    await harness.watermark(20)
    await harness.push('b')
    expect(seen).toEqual([
      ['a', 10, Number.NEGATIVE_INFINITY, 5],
      ['b', undefined, 20, 5],
    ])
    expect(() => harness.output()).toThrow('expected the fragment to return a stream')
  })

  test('may have operator state', async () => {
    const counted: number[] = []
    const counting = () => {
      let count = 0
      return sinkFunction({
        operatorState: { count: operatorListState<number>() },
        initializeState: (ctx) => void (count = ctx.operatorState.count.get()[0] ?? 0),
        invoke: () => void counted.push(++count),
        snapshotState: (ctx) => ctx.operatorState.count.update([count]),
      })
    }
    const first = await testHarness((words: DataStream<string>) => words.sinkTo('sink', counting()))
    await first.pushAll(['a', 'b'])
    const snapshot = await first.barrier()
    await first.push('c')
    const restored = await first.restore(snapshot)
    await restored.push('c')
    expect(counted).toEqual([1, 2, 3, 3])
  })

  test('finish is called once, after the last record', async () => {
    const seen: string[] = []
    const harness = await sunk(
      sinkFunction<string>({
        invoke: (value) => void seen.push(value),
        finish: (ctx) => void seen.push(`end at ${ctx.currentWatermark()}`),
      }),
    )
    await harness.push('a')
    await harness.endInput()
    await harness.barrier()
    expect(seen).toEqual(['a', 'end at Infinity'])
  })

  test('what it throws is a fault', async () => {
    const harness = await sunk(sinkFunction<string>({ invoke: boom }))
    expect(await faultOf(harness.push('a', 3))).toMatchObject({
      message: 'sink (sink), subtask 0: boom',
      origin: { timestampMs: 3 },
    })
  })
})

function recording(overrides: Partial<ReturnType<WriterSink<string>['createWriter']>> = {}) {
  const log: unknown[] = []
  const sink: WriterSink<string> = {
    type: 'writer',
    kind: 'log',
    createWriter: () => ({
      write: async (values, timestamps) => {
        await Promise.resolve()
        log.push([...values], [...timestamps])
      },
      flush: () => void log.push('flush'),
      close: () => void log.push('close'),
      ...overrides,
    }),
  }
  return { sink, log }
}

describe('writer sink', () => {
  test('is given batches in order, flushed before each barrier and at the end', async () => {
    const { sink, log } = recording()
    const harness = await sunk(sink)
    await harness.pushAll(['a', 'b'], () => 7)
    expect(log.splice(0)).toEqual([
      ['a', 'b'],
      [7, 7],
    ])
    await harness.watermark(10)
    await harness.push('c')
    expect(log.splice(0)).toEqual([['c'], [Number.NEGATIVE_INFINITY]])
    await harness.barrier()
    expect(log.splice(0)).toEqual(['flush'])
    await harness.endInput()
    expect(log.splice(0)).toEqual(['flush'])
    await harness.close()
    expect(log).toEqual(['close'])
  })

  test.for<[string, object, (harness: Awaited<ReturnType<typeof sunk<string>>>) => Promise<unknown>]>([
    ['write', { write: boom }, (harness) => harness.push('a')],
    ['asynchronous write', { write: rejected }, (harness) => harness.push('a')],
    ['flush', { flush: boom }, (harness) => harness.barrier()],
    ['asynchronous flush', { flush: rejected }, (harness) => harness.endInput()],
  ])('what %s throws is a fault', async ([, overrides, act]) => {
    const harness = await sunk(recording(overrides).sink)
    expect(await faultOf(act(harness))).toMatchObject({ message: 'sink (sink), subtask 0: boom' })
  })
})

/** A store of transactions that outlives the attempts which write to it. */
class Ledger {
  readonly log: string[] = []
  readonly published: string[] = []
  #transactions = 0
  readonly #contents = new Map<number, string[]>()
  readonly #committed = new Set<number>()

  sink(overrides: Partial<TwoPhaseCommitter<string, number>> = {}): TwoPhaseCommitSink<string, number> {
    return {
      type: 'two-phase-commit',
      kind: 'ledger',
      createCommitter: () => ({
        open: () => void this.log.push('open'),
        begin: () => {
          const txn = ++this.#transactions
          this.#contents.set(txn, [])
          this.log.push(`begin ${txn}`)
          return txn
        },
        write: async (txn, values) => {
          await Promise.resolve()
          this.#contents.get(txn)!.push(...values)
        },
        preCommit: (txn) => {
          this.log.push(`pre-commit ${txn}`)
          return txn
        },
        commit: (txn) => {
          this.log.push(`commit ${txn}`)
          if (this.#committed.has(txn)) return
          this.#committed.add(txn)
          this.published.push(...this.#contents.get(txn)!)
        },
        abort: (txn) => void this.log.push(`abort ${txn}`),
        close: () => void this.log.push('close'),
        ...overrides,
      }),
    }
  }
}

describe('two-phase-commit sink', () => {
  test('a transaction for each barrier, committed when that is complete', async () => {
    const ledger = new Ledger()
    const harness = await sunk(ledger.sink())
    await harness.push('a')
    await harness.push('b')
    await harness.barrier()
    await harness.push('c')
    expect(ledger.published).toEqual([])
    await harness.completeCheckpoint()
    expect(ledger.published).toEqual(['a', 'b'])
    expect(ledger.log).toEqual(['open', 'begin 1', 'pre-commit 1', 'begin 2', 'commit 1'])
  })

  test('complete(n) commits what was pre-committed up to n, no more', async () => {
    const ledger = new Ledger()
    const harness = await sunk(ledger.sink())
    for (const value of ['a', 'b', 'c']) {
      await harness.push(value)
      await harness.barrier()
    }
    await harness.completeCheckpoint(2)
    expect(ledger.published).toEqual(['a', 'b'])
    await harness.completeCheckpoint(1)
    expect(ledger.published).toEqual(['a', 'b'])
    await harness.completeCheckpoint(3)
    expect(ledger.published).toEqual(['a', 'b', 'c'])
    expect(ledger.log.filter((line) => line.startsWith('commit'))).toEqual([
      'commit 1',
      'commit 2',
      'commit 3',
    ])
  })

  test("an aborted checkpoint's transaction goes with the next complete one", async () => {
    const ledger = new Ledger()
    const harness = await sunk(ledger.sink())
    await harness.push('a')
    await harness.barrier()
    await harness.abortCheckpoint()
    await harness.push('b')
    await harness.barrier()
    expect(ledger.published).toEqual([])
    await harness.completeCheckpoint()
    expect(ledger.published).toEqual(['a', 'b'])
    expect(ledger.log.some((line) => line.startsWith('abort'))).toBe(false)
  })

  test('no transaction for an epoch without records', async () => {
    const ledger = new Ledger()
    const harness = await sunk(ledger.sink())
    await harness.barrier()
    await harness.completeCheckpoint()
    await harness.watermark(5)
    await harness.barrier()
    await harness.completeCheckpoint()
    expect(ledger.log).toEqual(['open'])
  })

  test('restored transactions are committed first thing, and once', async () => {
    const ledger = new Ledger()
    const first = await sunk(ledger.sink())
    await first.push('a')
    const snapshot = await first.barrier()
    await first.push('lost with the attempt')
    await first.fail()
    ledger.log.length = 0

    const second = await first.restore(snapshot)
    expect(ledger.log).toEqual(['commit 1', 'open'])
    await second.push('b')
    const next = await second.barrier()
    await second.completeCheckpoint()
    expect(ledger.published).toEqual(['a', 'b'])
    ledger.log.length = 0
    await first.restore(next)
    expect(ledger.log).toEqual(['commit 3', 'open'])
    expect(ledger.published).toEqual(['a', 'b'])
  })

  test('restored transactions are dealt to any number of subtasks', async () => {
    const ledger = new Ledger()
    const first = await sunk(ledger.sink(), { parallelism: 3 })
    for (const value of ['a', 'b', 'c', 'd']) await first.push(value)
    const snapshot = await first.barrier()
    await first.fail()
    await first.restore(snapshot, { parallelism: 2 })
    expect(ledger.published.toSorted()).toEqual(['a', 'b', 'c', 'd'])
    expect(ledger.log.filter((line) => line.startsWith('commit')).toSorted()).toEqual([
      'commit 1',
      'commit 2',
      'commit 3',
    ])
  })

  test('closing aborts what no checkpoint holds, and only that', async () => {
    const ledger = new Ledger()
    const harness = await sunk(ledger.sink())
    await harness.push('a')
    await harness.barrier()
    await harness.push('b')
    await harness.close()
    expect(ledger.log.slice(-2)).toEqual(['abort 2', 'close'])
    expect(ledger.published).toEqual([])
  })

  test('what came before the end of the input goes with a checkpoint after it', async () => {
    const ledger = new Ledger()
    const harness = await sunk(ledger.sink())
    await harness.push('a')
    await harness.endInput()
    expect(ledger.published).toEqual([])
    await harness.barrier()
    await harness.completeCheckpoint()
    expect(ledger.published).toEqual(['a'])
  })

  test.for<[keyof TwoPhaseCommitter<string, number>, boolean]>([
    ['begin', false],
    ['write', true],
    ['preCommit', false],
    ['preCommit', true],
    ['commit', true],
    ['open', true],
  ])('what %s throws is a fault (asynchronously: %s)', async ([method, asynchronous]) => {
    const sink = new Ledger().sink({ [method]: asynchronous ? rejected : boom })
    const failing = async () => {
      const harness = await sunk(sink)
      await harness.push('a')
      await harness.barrier()
      await harness.completeCheckpoint()
    }
    expect(await faultOf(failing())).toMatchObject({
      message: 'sink (sink), subtask 0: boom',
      origin: { operatorUid: 'sink' },
    })
  })
})
