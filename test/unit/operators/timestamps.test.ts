import { describe, expect, test } from 'vitest'
import {
  boundedOutOfOrderness,
  customWatermarks,
  monotonousTimestamps,
  type,
  type DataStream,
  type WatermarkStrategy,
} from '../../../lib/index.ts'
import { testHarness, type HarnessOptions, type OperatorHarness } from '../../../lib/testing/index.ts'
import { faultOf } from './fixtures.ts'

const NEVER = Number.NEGATIVE_INFINITY

const timed = (
  strategy: WatermarkStrategy,
  options?: HarnessOptions,
): Promise<OperatorHarness<number, number>> =>
  testHarness(
    (times: DataStream<number>) => times.withTimestamps((t) => t, strategy, { uid: 'time' }),
    options,
  )

describe('withTimestamps', () => {
  test('bounded: the greatest timestamp less the bound less 1 ms; it never goes back', async () => {
    const harness = await timed(boundedOutOfOrderness(10))
    expect(harness.outputWatermark).toBe(NEVER)
    await harness.push(100)
    expect(harness.outputWatermark).toBe(89)
    await harness.push(50)
    expect(harness.outputWatermark).toBe(89)
    await harness.push(101)
    expect(harness.outputWatermark).toBe(90)
    expect(harness.outputWithTimestamps().map(({ timestamp }) => timestamp)).toEqual([100, 50, 101])
  })

  test('monotonous: the greatest timestamp less 1 ms', async () => {
    const harness = await timed(monotonousTimestamps())
    await harness.push(100)
    expect(harness.outputWatermark).toBe(99)
  })

  test('custom: what the generator says, but never back', async () => {
    let next: number | undefined
    const seen: number[] = []
    const harness = await timed(
      customWatermarks(() => ({
        onEvent: (t) => void seen.push(t),
        currentWatermark: () => next,
        snapshot: () => 0,
        restore() {},
      })),
    )
    await harness.push(5)
    expect(harness.outputWatermark).toBe(NEVER)
    next = 42
    await harness.push(6)
    expect(harness.outputWatermark).toBe(42)
    next = 41
    await harness.push(7)
    expect(harness.outputWatermark).toBe(42)
    expect(seen).toEqual([5, 6, 7])
  })

  test('replaces the timestamps and watermarks from upstream, but for the last', async () => {
    const harness = await timed(monotonousTimestamps())
    await harness.watermark(1_000)
    await harness.push(10, 5_000)
    expect(harness.outputWithTimestamps()).toEqual([{ value: 10, timestamp: 10 }])
    expect(harness.outputWatermark).toBe(9)
    await harness.endInput()
    expect(harness.outputWatermark).toBe(Number.POSITIVE_INFINITY)
  })

  test('a record never comes after the watermark that it made', async () => {
    const seen: number[] = []
    const harness = await testHarness((times: DataStream<number>) =>
      times
        .withTimestamps((t) => t, monotonousTimestamps())
        .process('see', {
          emits: type<number>(),
          processElement(t, ctx) {
            seen.push(ctx.currentWatermark())
            ctx.collect(t)
          },
        }),
    )
    await harness.pushAll([10, 20, 30])
    await harness.push(40)
    expect(seen).toEqual([NEVER, NEVER, NEVER, 29])
  })

  test.for([
    Number.NaN,
    Number.POSITIVE_INFINITY,
    '2020' as unknown as number,
    undefined as unknown as number,
  ])('a timestamp of %s is a fault', async (timestamp) => {
    const harness = await timed(monotonousTimestamps())
    expect(await faultOf(harness.push(timestamp))).toMatchObject({
      origin: { operatorUid: 'time' },
      message: expect.stringContaining(
        'Expected the timestamp of a record to be epoch milliseconds',
      ) as string,
    })
  })

  test('watermarks are made at most once an interval, the last one too', async () => {
    const harness = await timed(monotonousTimestamps(), { autoWatermarkInterval: '200 ms' })
    await harness.push(10)
    expect(harness.outputWatermark).toBe(9)
    await harness.push(20)
    await harness.advanceProcessingTime(199)
    await harness.push(30)
    expect(harness.outputWatermark).toBe(9)
    await harness.advanceProcessingTime(1)
    expect(harness.outputWatermark).toBe(29)
    await harness.advanceProcessingTime(1_000)
    await harness.push(40)
    expect(harness.outputWatermark).toBe(39)
  })
})

/** Two inputs, told apart by sign, of which the negative one may be idle. */
const twoInputs = (idleness: string | undefined) =>
  testHarness((times: DataStream<number>) => {
    const strategy = boundedOutOfOrderness(0, idleness === undefined ? {} : { idleness })
    const left = times.filter((t) => t >= 0).withTimestamps((t) => t, strategy, { uid: 'left' })
    const right = times.filter((t) => t < 0).withTimestamps((t) => -t, strategy, { uid: 'right' })
    return left.union(right).map((t) => t)
  })

describe('idleness', () => {
  test('without it a silent input holds the watermark back for ever', async () => {
    const harness = await twoInputs(undefined)
    await harness.push(100)
    await harness.advanceProcessingTime(1e9)
    await harness.push(200)
    expect(harness.outputWatermark).toBe(NEVER)
  })

  test('a silent input is left out after a while, and counts again when it speaks', async () => {
    const harness = await twoInputs('1 s')
    await harness.push(100)
    await harness.push(-50)
    expect(harness.outputWatermark).toBe(49)
    await harness.advanceProcessingTime(900)
    await harness.push(200)
    await harness.advanceProcessingTime(99)
    expect(harness.outputWatermark).toBe(49)
    await harness.advanceProcessingTime(1)
    expect(harness.outputWatermark).toBe(199)
    await harness.push(-120)
    await harness.push(300)
    expect(harness.outputWatermark).toBe(199)
    await harness.push(-250)
    expect(harness.outputWatermark).toBe(249)
  })

  test('an input that never spoke is left out too', async () => {
    const harness = await twoInputs('1 s')
    await harness.push(100)
    await harness.advanceProcessingTime(999)
    await harness.push(101)
    expect(harness.outputWatermark).toBe(NEVER)
    await harness.advanceProcessingTime(1)
    expect(harness.outputWatermark).toBe(100)
  })

  test('an idle input of the harness is left out', async () => {
    const harness = await testHarness((times: DataStream<number>) =>
      times.union(times.withTimestamps((t) => t, monotonousTimestamps())).map((t) => t),
    )
    await harness.push(100)
    expect(harness.outputWatermark).toBe(NEVER)
    await harness.idle()
    expect(harness.outputWatermark).toBe(99)
    await harness.push(200)
    expect(harness.outputWatermark).toBe(99)
    await harness.watermark(150)
    expect(harness.outputWatermark).toBe(150)
  })
})

const timedAndSeen = (times: DataStream<number>) =>
  times
    .withTimestamps((t) => t, boundedOutOfOrderness(10), { uid: 'time' })
    .process('seen', {
      emits: type<number>(),
      processElement: (_, ctx) => ctx.collect(ctx.currentWatermark()),
    })

const mappedAndSeen = (times: DataStream<number>) =>
  times
    .map((t) => t)
    .process('seen', {
      emits: type<number>(),
      processElement: (_, ctx) => ctx.collect(ctx.currentWatermark()),
    })

describe('watermarks after a restore', () => {
  test.for([1, 2, 3])('go on from where they were, at parallelism %i', async (parallelism) => {
    const first = await testHarness(timedAndSeen, { parallelism: 2 })
    await first.pushAll([100, 200])
    await first.barrier()
    await first.pushAll([300, 400])
    const snapshot = await first.barrier()
    expect(first.outputWatermark).toBe(289)

    const restored = await first.restore(snapshot, { parallelism })
    await restored.push(5)
    expect(
      restored.output().every((watermark) => watermark >= 289),
      'seen in the chain',
    ).toBe(true)
    for (let i = 0; i < parallelism; i++) await restored.push(1_000)
    expect(restored.outputWatermark).toBe(989)
  })

  test('a custom generator is restored with its state, the least of all when rescaled', async () => {
    const restored: number[] = []
    const build = (times: DataStream<number>) => {
      let count = 0
      const strategy = customWatermarks(() => {
        let own = ++count * 100
        return {
          onEvent: () => void own++,
          currentWatermark: () => own,
          snapshot: () => own,
          restore: (state) => void restored.push((own = state)),
        }
      })
      return times.withTimestamps((t) => t, strategy, { uid: 'time' })
    }
    const first = await testHarness(build, { parallelism: 2 })
    for (const time of [1, 2, 3]) await first.push(time)
    const snapshot = await first.barrier()
    await first.restore(snapshot, { parallelism: 2 })
    expect(restored.splice(0).toSorted((a, b) => a - b)).toEqual([102, 201])
    await first.restore(snapshot, { parallelism: 3 })
    expect(restored).toEqual([102, 102, 102])
  })

  test('a function sees the restored watermark before any other', async () => {
    const first = await testHarness(mappedAndSeen, { parallelism: 2 })
    await first.watermark(70)
    const restored = await first.restore(await first.barrier())
    await restored.pushAll([1, 2])
    expect(restored.output()).toEqual([70, 70])
  })
})
