import * as fc from '../../fast-check.ts'
import { describe, expect, test } from 'vitest'
import {
  listState,
  outputTag,
  type,
  valueState,
  type DataStream,
  type OnTimerContext,
} from '../../../lib/index.ts'
import { testHarness, type OperatorHarness } from '../../../lib/testing/index.ts'
import { faultOf } from './fixtures.ts'

interface Reading {
  readonly sensor: string
  readonly value: number
}

describe('keyed process', () => {
  test('state is of the key alone', async () => {
    const harness = await testHarness((readings: DataStream<Reading>) =>
      readings
        .keyBy((r) => r.sensor)
        .process('sum', {
          state: { sum: valueState({ default: 0 }) },
          emits: type<string>(),
          processElement(r, ctx) {
            ctx.state.sum.update(ctx.state.sum.value() + r.value)
            ctx.collect(`${ctx.key}=${ctx.state.sum.value()}`)
          },
        }),
    )
    await harness.push({ sensor: 'a', value: 1 })
    await harness.push({ sensor: 'b', value: 10 })
    await harness.push({ sensor: 'a', value: 2 })
    expect(harness.output()).toEqual(['a=1', 'b=10', 'a=3'])
  })

  test('keys are the same if their contents are', async () => {
    const harness = await testHarness(
      (readings: DataStream<Reading>) =>
        readings
          .keyBy((r) => (r.value > 5 ? { value: 1, sensor: r.sensor } : { sensor: r.sensor, value: 1 }))
          .process('count', {
            state: { count: valueState({ default: 0 }) },
            emits: type<number>(),
            processElement(_, ctx) {
              ctx.state.count.update(ctx.state.count.value() + 1)
              ctx.collect(ctx.state.count.value())
            },
          }),
      { parallelism: 4 },
    )
    await harness.push({ sensor: 'a', value: 1 })
    await harness.push({ sensor: 'a', value: 9 })
    expect(harness.output()).toEqual([1, 2])
  })

  test("a context's methods can be taken out of it", async () => {
    const small = outputTag<number>('small')
    const harness = await testHarness(
      (numbers: DataStream<number>) =>
        numbers
          .keyBy((n) => n)
          .process('op', {
            emits: type<number>(),
            processElement(n, { collect, output, currentWatermark, timers: { registerEventTimeTimer } }) {
              if (n < 10) output(small, n)
              else collect(currentWatermark())
              registerEventTimeTimer(n)
            },
            onTimer: (at, { collect }) => collect(at),
          }),
      { sideOutputs: [small] },
    )
    await harness.pushAll([1, 20])
    await harness.watermark(30)
    expect(harness.output()).toEqual([Number.NEGATIVE_INFINITY, 1, 20])
    expect(harness.sideOutput(small)).toEqual([1])
  })

  test('a fault names the key, of whatever type', async () => {
    for (const [key, text] of [
      ['a', 'a'],
      [7, '7'],
      [[1, 'x'], '[1,"x"]'],
      [12n, '"12n"'],
    ] as const) {
      const harness = await testHarness((numbers: DataStream<number>) =>
        numbers
          .keyBy(() => key)
          .process('op', {
            processElement() {
              throw new Error('boom')
            },
          }),
      )
      expect(await faultOf(harness.push(1, 3))).toMatchObject({
        origin: { operatorUid: 'op', key: text, timestampMs: 3 },
      })
    }
  })

  test('a key selector that throws, or gives no key, is a fault without a key', async () => {
    const bad = await testHarness((numbers: DataStream<number>) =>
      numbers.keyBy(() => undefined as unknown as string).process('op', { processElement() {} }),
    )
    const fault = await faultOf(bad.push(1))
    expect(fault.origin).toMatchObject({ operatorUid: 'op', key: undefined })
    expect(fault.message).toContain('Expected key to be text')
  })

  test('side outputs carry the timestamp; watermarks pass to both', async () => {
    const odd = outputTag<number>('odd')
    const harness = await testHarness(
      (numbers: DataStream<number>) =>
        numbers
          .keyBy((n) => n % 2)
          .process('split', {
            emits: type<number>(),
            processElement(n, ctx) {
              if (n % 2 === 0) ctx.collect(n)
              else ctx.output(odd, n)
            },
          }),
      { sideOutputs: [odd] },
    )
    await harness.pushAll([1, 2, 3], (n) => n * 10)
    await harness.watermark(25)
    expect(harness.output()).toEqual([2])
    expect(harness.sideOutputWithTimestamps(odd)).toEqual([
      { value: 1, timestamp: 10 },
      { value: 3, timestamp: 30 },
    ])
    expect(harness.metrics('harness-output:odd').currentWatermark).toBe(25)
    expect(harness.outputWatermark).toBe(25)
  })

  test('what goes to a side output that nobody takes is dropped', async () => {
    const nobody = outputTag<number>('nobody')
    const harness = await testHarness((numbers: DataStream<number>) =>
      numbers
        .keyBy((n) => n)
        .process('op', {
          emits: type<number>(),
          processElement: (n, ctx) => ctx.output(nobody, n),
        }),
    )
    await harness.push(1)
    expect(harness.output()).toEqual([])
  })
})

interface Order {
  readonly key: string
  readonly register?: readonly number[]
  readonly remove?: readonly number[]
}

/** Registers timers as told; says when they fire, as `key@time domain`. */
function timers(
  domain: 'event' | 'processing',
  onTimer: (at: number, ctx: OnTimerContext<string, string, never>) => void = () => {},
) {
  return (orders: DataStream<Order>): DataStream<string> =>
    orders
      .keyBy((order) => order.key)
      .process('timers', {
        emits: type<string>(),
        state: { seen: valueState<string>() },
        processElement(order, { timers: service }) {
          for (const at of order.register ?? []) {
            if (domain === 'event') service.registerEventTimeTimer(at)
            else service.registerProcessingTimeTimer(at)
          }
          for (const at of order.remove ?? []) {
            if (domain === 'event') service.deleteEventTimeTimer(at)
            else service.deleteProcessingTimeTimer(at)
          }
        },
        onTimer(at, ctx) {
          ctx.collect(`${ctx.key}@${at} ${ctx.timeDomain}`)
          onTimer(at, ctx as never)
        },
      })
}

describe('event-time timers', () => {
  test('fire when the watermark reaches them, in order of time, once each', async () => {
    const harness = await testHarness(timers('event'))
    await harness.push({ key: 'a', register: [30, 10, 20, 10] })
    await harness.push({ key: 'b', register: [15, 10] })
    await harness.watermark(9)
    expect(harness.output()).toEqual([])
    await harness.watermark(10)
    expect(harness.output()).toEqual(['a@10 event', 'b@10 event'])
    await harness.watermark(25)
    expect(harness.output().slice(2)).toEqual(['b@15 event', 'a@20 event'])
    await harness.watermark(100)
    expect(harness.output().slice(4)).toEqual(['a@30 event'])
  })

  test('emit with their own time, before the watermark passes on', async () => {
    const seen: number[] = []
    const harness = await testHarness((orders: DataStream<Order>) =>
      timers('event')(orders).process('after', {
        emits: type<string>(),
        processElement(text, ctx) {
          seen.push(ctx.currentWatermark())
          ctx.collect(text)
        },
      }),
    )
    await harness.push({ key: 'a', register: [10] }, 3)
    await harness.watermark(50)
    expect(harness.outputWithTimestamps()).toEqual([{ value: 'a@10 event', timestamp: 10 }])
    expect(seen).toEqual([Number.NEGATIVE_INFINITY])
    expect(harness.outputWatermark).toBe(50)
  })

  test('a deleted one does not fire', async () => {
    const harness = await testHarness(timers('event'))
    await harness.push({ key: 'a', register: [10, 20] })
    await harness.push({ key: 'b', remove: [20] })
    await harness.push({ key: 'a', remove: [10, 99] })
    await harness.watermark(100)
    expect(harness.output()).toEqual(['a@20 event'])
  })

  test('one in the past fires at the next watermark', async () => {
    const harness = await testHarness(timers('event'))
    await harness.watermark(100)
    await harness.push({ key: 'a', register: [50] })
    expect(harness.output()).toEqual([])
    await harness.watermark(101)
    expect(harness.output()).toEqual(['a@50 event'])
  })

  test('one registered by another fires with the same watermark if it is due', async () => {
    const harness = await testHarness(
      timers('event', (at, ctx) => {
        if (at < 40) ctx.timers.registerEventTimeTimer(at + 10)
      }),
    )
    await harness.push({ key: 'a', register: [10] })
    await harness.push({ key: 'b', register: [25] })
    await harness.watermark(30)
    expect(harness.output()).toEqual(['a@10 event', 'a@20 event', 'b@25 event', 'a@30 event'])
    await harness.watermark(45)
    expect(harness.output().slice(4)).toEqual(['b@35 event', 'a@40 event', 'b@45 event'])
  })

  test('see the watermark that fires them', async () => {
    const seen: number[] = []
    const harness = await testHarness(
      timers('event', (_, ctx) => {
        seen.push(ctx.timers.currentWatermark())
      }),
    )
    await harness.push({ key: 'a', register: [10, 20] })
    await harness.watermark(30)
    expect(seen).toEqual([30, 30])
  })

  test('all of them fire when event time ends, those at the end of time too', async () => {
    const harness = await testHarness(timers('event'))
    await harness.push({ key: 'a', register: [Number.POSITIVE_INFINITY, 1e15] })
    await harness.endInput()
    expect(harness.output()).toEqual(['a@1000000000000000 event', 'a@Infinity event'])
    expect(harness.outputWatermark).toBe(Number.POSITIVE_INFINITY)
  })

  test('what is no time is refused', async () => {
    const harness = await testHarness(timers('event'))
    expect(await faultOf(harness.push({ key: 'a', register: [Number.NaN] }))).toMatchObject({
      message: 'timers (timers), subtask 0: Expected the time of a timer to be epoch milliseconds, got NaN',
    })
  })

  test('a fault in one names its key and time', async () => {
    const harness = await testHarness(
      timers('event', () => {
        throw new Error('late')
      }),
    )
    await harness.push({ key: 'a', register: [10] })
    await harness.push({ key: 'b', register: [5] })
    expect(await faultOf(harness.watermark(20))).toMatchObject({ origin: { key: 'b', timestampMs: 5 } })
  })
})

describe('processing-time timers', () => {
  test('fire at their time, in order, with the clock there, and emit without a timestamp', async () => {
    const times: number[] = []
    const harness = await testHarness(
      timers('processing', (_, ctx) => {
        times.push(ctx.currentProcessingTime())
      }),
    )
    await harness.push({ key: 'a', register: [30, 10, 10] }, 1)
    await harness.push({ key: 'b', register: [20] }, 2)
    await harness.watermark(Number.POSITIVE_INFINITY)
    expect(harness.output()).toEqual([])
    await harness.advanceProcessingTime(25)
    expect(harness.outputWithTimestamps()).toEqual([
      { value: 'a@10 processing', timestamp: undefined },
      { value: 'b@20 processing', timestamp: undefined },
    ])
    await harness.advanceProcessingTime(5)
    expect(harness.output().slice(2)).toEqual(['a@30 processing'])
    expect(times).toEqual([10, 20, 30])
  })

  test('one in the past fires with the next thing that happens', async () => {
    const harness = await testHarness(timers('processing'), { startMs: 1_000 })
    await harness.push({ key: 'a', register: [5] })
    await harness.advanceProcessingTime(0)
    expect(harness.output()).toEqual(['a@5 processing'])
  })

  test('one may register the next', async () => {
    const harness = await testHarness(
      timers('processing', (at, ctx) => ctx.timers.registerProcessingTimeTimer(at + 10)),
    )
    await harness.push({ key: 'a', register: [10] })
    await harness.advanceProcessingTime(35)
    expect(harness.output()).toEqual(['a@10 processing', 'a@20 processing', 'a@30 processing'])
  })

  test('are apart from event-time timers of the same time', async () => {
    const harness = await testHarness((orders: DataStream<Order>) =>
      orders
        .keyBy((order) => order.key)
        .process('both', {
          emits: type<string>(),
          processElement(_, ctx) {
            ctx.timers.registerEventTimeTimer(10)
            ctx.timers.registerProcessingTimeTimer(10)
          },
          onTimer: (at, ctx) => ctx.collect(`${at} ${ctx.timeDomain}`),
        }),
    )
    await harness.push({ key: 'a' })
    await harness.advanceProcessingTime(10)
    expect(harness.output()).toEqual(['10 processing'])
    await harness.watermark(10)
    expect(harness.output()).toEqual(['10 processing', '10 event'])
  })
})

describe('timers and checkpoints', () => {
  test.for(['event', 'processing'] as const)('%s-time timers survive, at any parallelism', async (domain) => {
    const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g']
    const first = await testHarness(timers(domain), { parallelism: 2 })
    for (const [index, key] of keys.entries()) await first.push({ key, register: [10 + index, 100] })
    await first.push({ key: 'a', remove: [100] })
    const snapshot = await first.barrier()
    await first.push({ key: 'z', register: [1] })
    await first.fail()

    for (const parallelism of [1, 2, 3]) {
      const restored = await first.restore(snapshot, { parallelism })
      if (domain === 'event') await restored.watermark(1_000)
      else await restored.advanceProcessingTime(1_000)
      const expected = keys.flatMap((key, index) => [
        `${key}@${10 + index} ${domain}`,
        ...(key === 'a' ? [] : [`${key}@100 ${domain}`]),
      ])
      expect(restored.output().toSorted()).toEqual(expected.toSorted())
      for (const key of keys) {
        const own = restored.output().filter((text) => text.startsWith(key))
        expect(own[0]).toBe(`${key}@${10 + keys.indexOf(key)} ${domain}`)
      }
    }
  })

  test('one that fired before the snapshot does not fire again', async () => {
    const first = await testHarness(timers('event'))
    await first.push({ key: 'a', register: [10, 20] })
    await first.watermark(10)
    await first.barrier()
    await first.watermark(20)
    const snapshot = await first.barrier()
    const restored = await first.restore(snapshot)
    await restored.watermark(100)
    expect(restored.output()).toEqual([])
  })
})

describe('against a model', () => {
  type Step =
    | { readonly key: string; readonly register?: number; readonly remove?: number }
    | { readonly to: number }
  const key = fc.constantFrom('a', 'b', 'c')
  const time = fc.integer({ min: 0, max: 30 })
  const steps: fc.Arbitrary<readonly Step[]> = fc.array(
    fc.oneof(fc.record({ key, register: time }), fc.record({ key, remove: time }), fc.record({ to: time })),
  )

  test('timers fire exactly as a sorted set would have them', async () => {
    await fc.assert(
      fc.asyncProperty(steps, fc.integer({ min: 0, max: 60 }), async (all, snapshotAfter) => {
        let harness: OperatorHarness<Order, string> = await testHarness(timers('event'))
        let output: string[] = []
        const due = new Set<string>()
        const fired: string[] = []
        let watermark = Number.NEGATIVE_INFINITY
        for (const [index, step] of [...all, { to: 31 }].entries()) {
          if ('to' in step) {
            await harness.watermark(step.to)
            if (step.to > watermark) {
              watermark = step.to
              const now = [...due].filter((one) => Number(one.split('@')[1]) <= step.to)
              fired.push(...now)
              for (const one of now) due.delete(one)
            }
          } else if (step.register !== undefined) {
            await harness.push({ key: step.key, register: [step.register] })
            due.add(`${step.key}@${step.register}`)
          } else if (step.remove !== undefined) {
            await harness.push({ key: step.key, remove: [step.remove] })
            due.delete(`${step.key}@${step.remove}`)
          }
          if (index === snapshotAfter) {
            const snapshot = await harness.barrier()
            output = [...output, ...harness.output()]
            harness = await harness.restore(snapshot)
          }
        }
        output = [...output, ...harness.output()]
        expect(output.map((text) => text.replace(' event', '')).toSorted()).toEqual(fired.toSorted())
      }),
    )
  })
})

describe('state handles', () => {
  test('a list read before an add does not show it', async () => {
    const harness = await testHarness((numbers: DataStream<number>) =>
      numbers
        .keyBy(() => 'k')
        .process('lists', {
          state: { all: listState<number>() },
          emits: type<readonly number[]>(),
          processElement(n, ctx) {
            const before = ctx.state.all.get()
            ctx.state.all.add(n)
            ctx.collect(before)
          },
        }),
    )
    await harness.pushAll([1, 2, 3])
    expect(harness.output()).toEqual([[], [1], [1, 2]])
  })
})
