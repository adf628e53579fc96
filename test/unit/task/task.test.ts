import { describe, expect, test } from 'vitest'
import { operatorListState, sinkFunction, type, valueState, type WriterSink } from '../../../lib/index.ts'
import { MAX_WATERMARK, MIN_WATERMARK } from '../../../lib/model/elements.ts'
import { barrier, end, FRESH, planOf, records, status, taskOf, watermark } from './fixtures.ts'

const discard = sinkFunction<number>({ invoke() {} })

/** source | sum per parity | out */
const sums = planOf((stream) => {
  stream
    .keyBy((n) => n % 2)
    .process('sum', {
      state: { sum: valueState({ default: 0 }) },
      emits: type<number>(),
      processElement(n, ctx) {
        ctx.state.sum.update(ctx.state.sum.value() + n)
        ctx.collect(ctx.state.sum.value())
        ctx.timers.registerEventTimeTimer(1_000)
      },
      onTimer: (_, ctx) => ctx.collect(-ctx.state.sum.value()),
    })
    .rebalance()
    .sinkTo('out', discard)
})

describe('a task at a barrier', () => {
  test('sends the records before it, then the barrier, then takes its state', async () => {
    const { task, log } = await taskOf(sums, 'sum')
    task.beginBatch()
    for (const element of [records(1, 3), barrier(1, 77), records(5)]) await task.accept(0, element)
    await task.endBatch()
    expect(log).toEqual(['1>0 1,4', '1>0 barrier 1', 'snapshot 1', '1>0 9'])
  })

  test('its state excludes what came after', async () => {
    const first = await taskOf(sums, 'sum')
    first.task.beginBatch()
    for (const element of [records(1, 3), watermark(50), barrier(1), records(5), watermark(60)]) {
      await first.task.accept(0, element)
    }
    await first.task.endBatch()
    const [snapshot] = first.snapshots
    expect(snapshot).toMatchObject({ checkpointId: 1, watermarkMs: 50, finished: false })

    const { keyed, operatorState } = snapshot!.operators[0]!
    const segments = [{ name: 'one', bytes: keyed!.segment }]
    const second = await taskOf(sums, 'sum', {
      restore: {
        ...FRESH,
        isRestored: true,
        watermarkMs: snapshot!.watermarkMs,
        operators: new Map([['sum', { segments, operatorState }]]),
      },
    })
    expect(second.task.watermarkMs).toBe(50)
    await second.give(0, records(10, 1))
    await second.give(0, watermark(2_000))
    // Event time goes on where it was.
    expect(second.log).toEqual(['1>0 watermark 50', '1>0 10,5', '1>0 -5,-10', '1>0 watermark 2000'])
  })

  test('a later snapshot holds what changed since', async () => {
    const { give, snapshots } = await taskOf(sums, 'sum')
    await give(0, records(1, 2))
    await give(0, barrier(1))
    await give(0, barrier(2))
    await give(0, records(1))
    await give(0, barrier(3))
    expect(snapshots.map(({ operators }) => operators[0]!.keyed?.rows)).toEqual([2, undefined, 1])
  })

  test('waits for all channels, and says how long', async () => {
    let nowMs = 100
    const { task, give, log, snapshots } = await taskOf(sums, 'sum', { channels: 2, nowMs: () => nowMs })
    await give(0, barrier(1))
    expect([task.isBlocked(0), task.isBlocked(1)]).toEqual([true, false])
    nowMs = 130
    await give(1, records(1))
    await give(1, barrier(1))
    expect([task.isBlocked(0), task.isBlocked(1)]).toEqual([false, false])
    expect(log).toEqual(['1>0 1', '1>0 barrier 1', 'snapshot 1'])
    expect(snapshots[0]!.alignmentMs).toBe(30)
  })

  test('an abort lets the channels go on', async () => {
    const { task, give, log } = await taskOf(sums, 'sum', { channels: 2 })
    await give(0, barrier(1))
    await task.checkpointAborted(1)
    expect(task.isBlocked(0)).toBe(false)
    await give(1, barrier(1))
    expect(log).toEqual([])
  })

  test('operators finish, head first, what belongs before the barrier', async () => {
    const log: string[] = []
    const sink = (name: string): WriterSink<number> => ({
      type: 'writer',
      kind: name,
      createWriter: () => ({
        write: async (values) => {
          await Promise.resolve()
          log.push(`${name} ${values.join(',')}`)
        },
        flush: () => void log.push(`${name} flush`),
      }),
    })
    const plan = planOf((stream) => {
      const counted = stream.rebalance().process('count', {
        operatorState: { count: operatorListState<number>() },
        emits: type<number>(),
        processElement: (n, ctx) => ctx.collect(n),
        snapshotState: () => void log.push('count snapshot'),
      })
      counted.sinkTo('a', sink('a'))
      counted.sinkTo('b', sink('b'))
    })
    const { task } = await taskOf(plan, 'count')
    task.beginBatch()
    for (const element of [records(1, 2), barrier(1), records(3)]) await task.accept(0, element)
    await task.endBatch()
    expect(log).toEqual(['a 1,2', 'a flush', 'b 1,2', 'b flush', 'count snapshot', 'a 3', 'b 3'])
  })

  test('a source sends it when it is told to', async () => {
    const { task, log, snapshots } = await taskOf(sums, 'source', { channels: 0 })
    await task.injectBarrier(1, 5)
    expect(log).toEqual(['0>0 barrier 1', 'snapshot 1'])
    expect(snapshots[0]).toMatchObject({ watermarkMs: MIN_WATERMARK, finished: false, alignmentMs: 0 })
  })
})

describe('the end of the input', () => {
  test('comes when all channels have ended, after what timers still emit', async () => {
    const { task, give, log } = await taskOf(sums, 'sum', { channels: 2 })
    await give(0, records(1))
    await give(0, watermark(MAX_WATERMARK))
    await give(0, end)
    expect(task.inputEnded).toBe(false)
    await give(1, watermark(MAX_WATERMARK))
    await give(1, end)
    expect(task.inputEnded).toBe(true)
    expect(log).toEqual(['1>0 1', '1>0 -1', '1>0 watermark Infinity', '1>0 end', 'ended'])
  })

  test('checkpoints go on after it', async () => {
    const { give, log, snapshots } = await taskOf(sums, 'sum', { channels: 2 })
    for (const channel of [0, 1]) await give(channel, watermark(MAX_WATERMARK))
    for (const channel of [0, 1]) await give(channel, end)
    log.length = 0
    for (const channel of [0, 1]) await give(channel, barrier(1))
    expect(log).toEqual(['1>0 barrier 1', 'snapshot 1'])
    expect(snapshots[0]).toMatchObject({ finished: true, watermarkMs: MAX_WATERMARK })
  })

  test('a channel that has ended still delivers barriers for the others to wait for', async () => {
    const { task, give, log } = await taskOf(sums, 'sum', { channels: 2 })
    await give(0, end)
    await give(1, barrier(1))
    expect(task.isBlocked(1)).toBe(true)
    await give(0, barrier(1))
    expect(log).toEqual(['1>0 barrier 1', 'snapshot 1'])
  })

  test('of a source ends event time', async () => {
    const { task, log } = await taskOf(sums, 'source', { channels: 0 })
    await task.endInput()
    await task.injectBarrier(1, 0)
    expect(log).toEqual(['0>0 watermark Infinity', '0>0 end', 'ended', '0>0 barrier 1', 'snapshot 1'])
    expect(task.watermarkMs).toBe(MAX_WATERMARK)
  })

  test('a drained source has ended event time, not its input', async () => {
    const { task, log } = await taskOf(sums, 'source', { channels: 0 })
    task.drain()
    await task.injectBarrier(1, 0)
    expect(log).toEqual(['0>0 watermark Infinity', '0>0 barrier 1', 'snapshot 1'])
    expect(task.inputEnded).toBe(false)
  })

  test('timers of processing time that are not due by then never fire: nothing follows the end', async () => {
    let nowMs = 0
    const plan = planOf((stream) => {
      stream
        .keyBy((n) => n)
        .process('later', {
          emits: type<number>(),
          processElement: (n, ctx) => ctx.timers.registerProcessingTimeTimer(n),
          onTimer: (timeMs, ctx) => ctx.collect(timeMs),
        })
        .rebalance()
        .sinkTo('out', discard)
    })
    const { task, give, log } = await taskOf(plan, 'later', { nowMs: () => nowMs })
    await give(0, records(5))
    await give(0, end)
    nowMs = 10
    expect(task.nextProcessingTime()).toBeUndefined()
    task.beginBatch()
    task.onProcessingTime()
    await task.endBatch()
    expect(log).toEqual(['1>0 end', 'ended'])
  })

  test('a channel cannot end twice', async () => {
    const { give } = await taskOf(sums, 'sum', { channels: 2 })
    await give(0, end)
    await expect(give(0, end)).rejects.toThrow('ends once')
  })
})

describe('restored operator state that nothing declares', () => {
  test.each([MIN_WATERMARK, 50])('is refused at watermark %d', async (watermarkMs) => {
    const operatorState = { gone: { redistribution: 'split', items: [Uint8Array.of(1)] } } as const
    const operators = new Map([['sum', { segments: [], operatorState }]])
    const restore = { ...FRESH, isRestored: true, watermarkMs, operators }
    await expect(taskOf(sums, 'sum', { restore })).rejects.toThrow(/operator state 'gone'/)
  })
})

describe('time', () => {
  test('does not go back when the clock does', async () => {
    let nowMs = 100
    const seen: number[] = []
    const plan = planOf((stream) => {
      stream
        .rebalance()
        .process('now', { processElement: (_, ctx) => void seen.push(ctx.currentProcessingTime()) })
        .sinkTo('out', discard as never)
    })
    const { give } = await taskOf(plan, 'now', { nowMs: () => nowMs })
    await give(0, records(1))
    nowMs = 50
    await give(0, records(1))
    nowMs = 150
    await give(0, records(1))
    expect(seen).toEqual([100, 100, 150])
  })

  test('is constant within a batch', async () => {
    let nowMs = 0
    const seen: number[] = []
    const plan = planOf((stream) => {
      stream
        .rebalance()
        .process('now', { processElement: (_, ctx) => void seen.push(ctx.currentProcessingTime()) })
        .sinkTo('out', discard as never)
    })
    const { give } = await taskOf(plan, 'now', { nowMs: () => ++nowMs })
    await give(0, records(1, 2, 3))
    expect(new Set(seen).size).toBe(1)
  })

  test('status and watermarks of several inputs become one', async () => {
    const { give, log } = await taskOf(sums, 'sum', { channels: 2 })
    await give(0, watermark(10))
    await give(1, status(true))
    await give(0, status(true))
    await give(1, status(false))
    await give(1, watermark(30))
    expect(log).toEqual(['1>0 watermark 10', '1>0 idle', '1>0 active', '1>0 watermark 30'])
  })
})
