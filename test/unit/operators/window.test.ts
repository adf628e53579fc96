import * as fc from '../../fast-check.ts'
import { describe, expect, test } from 'vitest'
import {
  boundedOutOfOrderness,
  outputTag,
  tumblingEventTimeWindows,
  type AggregateFunction,
  type DataStream,
  type TimeWindow,
  type WindowedStream,
} from '../../../lib/index.ts'
import { testHarness, SeededRandom } from '../../../lib/testing/index.ts'
import { faultOf } from './fixtures.ts'

interface Sale {
  readonly shop: string
  readonly amount: number
  readonly at: number
}

const sale = (shop: string, at: number, amount = 1): Sale => ({ shop, at, amount })
const late = outputTag<Sale>('late')

type Windowed = WindowedStream<string, Sale>

/** What is in each window, as `shop [start,end) amounts`. */
function contents(size: number | string, settings: (windows: Windowed) => Windowed = (w) => w, offset = 0) {
  return (sales: DataStream<Sale>): DataStream<string> =>
    settings(sales.keyBy((s) => s.shop).window(tumblingEventTimeWindows(size, { offset }))).process(
      'windows',
      (shop, { start, end }, all) => `${shop} [${start},${end}) ${all.map((s) => s.amount).join(',')}`,
    )
}

async function harnessOf(
  build: (sales: DataStream<Sale>) => DataStream<string>,
  options: Parameters<typeof testHarness<Sale, string>>[1] = {},
) {
  const harness = await testHarness(build, options)
  return Object.assign(harness, {
    sales: (...sales: Sale[]) => harness.pushAll(sales, (one) => one.at),
  })
}

describe('tumbling windows', () => {
  test('hold start <= timestamp < end, and fire at the watermark of their last millisecond', async () => {
    const harness = await harnessOf(contents(10))
    await harness.sales(sale('a', 0, 1), sale('a', 9, 2), sale('a', 10, 3))
    await harness.watermark(8)
    expect(harness.output()).toEqual([])
    await harness.watermark(9)
    expect(harness.outputWithTimestamps()).toEqual([{ value: 'a [0,10) 1,2', timestamp: 9 }])
    await harness.watermark(19)
    expect(harness.output().slice(1)).toEqual(['a [10,20) 3'])
  })

  test.for<[offset: number, at: number, window: string]>([
    [0, -1, '[-10,0)'],
    [0, -10, '[-10,0)'],
    [0, -11, '[-20,-10)'],
    [3, 2, '[-7,3)'],
    [3, 3, '[3,13)'],
    [3, -8, '[-17,-7)'],
    [3, -7, '[-7,3)'],
  ])('offset %i: a record at %i is in %s', async ([offset, at, window]) => {
    const harness = await harnessOf(contents(10, undefined, offset))
    await harness.sales(sale('a', at))
    await harness.endInput()
    expect(harness.output()).toEqual([`a ${window} 1`])
  })

  test('several are open at once; they fire in order of their end, by key', async () => {
    const harness = await harnessOf(contents(10))
    await harness.sales(sale('b', 25), sale('a', 15), sale('a', 5), sale('b', 5), sale('a', 25))
    await harness.watermark(22)
    expect(harness.output()).toEqual(['a [0,10) 1', 'b [0,10) 1', 'a [10,20) 1'])
    await harness.endInput()
    expect(harness.output().slice(3).toSorted()).toEqual(['a [20,30) 1', 'b [20,30) 1'])
  })

  test('a window without records does not fire', async () => {
    const harness = await harnessOf(contents(10))
    await harness.sales(sale('a', 5), sale('a', 35))
    await harness.endInput()
    expect(harness.output()).toEqual(['a [0,10) 1', 'a [30,40) 1'])
  })

  test('a record without a timestamp is a fault that says what to do', async () => {
    const harness = await harnessOf(contents(10))
    expect(await faultOf(harness.push(sale('a', 5)))).toMatchObject({
      origin: { operatorUid: 'windows', key: 'a' },
      message: expect.stringContaining('add .withTimestamps(…) before .keyBy(…)') as string,
    })
  })
})

describe('late records', () => {
  test('are dropped and counted', async () => {
    const harness = await harnessOf(contents(10))
    await harness.sales(sale('a', 5, 1))
    await harness.watermark(9)
    await harness.sales(sale('a', 6, 2), sale('b', 9, 3), sale('a', 10, 4))
    await harness.endInput()
    expect(harness.output()).toEqual(['a [0,10) 1', 'a [10,20) 4'])
    expect(harness.lateRecordsDropped).toBe(2)
  })

  test('a record behind the watermark is not late while its window is open', async () => {
    const harness = await harnessOf(contents(10))
    await harness.watermark(8)
    await harness.sales(sale('a', 2))
    await harness.watermark(9)
    expect(harness.output()).toEqual(['a [0,10) 1'])
    expect(harness.lateRecordsDropped).toBe(0)
  })

  test('go to the side output where there is one, with their timestamp, and are not counted', async () => {
    const harness = await harnessOf(
      contents(10, (w) => w.sideOutputLateData(late)),
      { sideOutputs: [late] },
    )
    await harness.watermark(15)
    await harness.sales(sale('a', 5), sale('a', 12))
    await harness.endInput()
    expect(harness.sideOutputWithTimestamps(late)).toEqual([{ value: sale('a', 5), timestamp: 5 }])
    expect(harness.output()).toEqual(['a [10,20) 1'])
    expect(harness.lateRecordsDropped).toBe(0)
  })

  test('are still late after a restore', async () => {
    const first = await harnessOf(contents(10))
    await first.sales(sale('a', 5), sale('a', 15, 7))
    await first.watermark(9)
    const snapshot = await first.barrier()
    for (const parallelism of [1, 3]) {
      const restored = await first.restore(snapshot, { parallelism })
      await restored.push(sale('a', 5), 5)
      await restored.watermark(4)
      await restored.push(sale('b', 5), 5)
      expect(restored.lateRecordsDropped).toBe(2)
      await restored.endInput()
      expect(restored.output()).toEqual(['a [10,20) 7'])
    }
  })
})

describe('allowed lateness', () => {
  const lenient = contents(10, (w) => w.allowedLateness(5).sideOutputLateData(late))

  test('a late record fires its window again until the lateness is over, then it is forgotten', async () => {
    const harness = await harnessOf(lenient, { sideOutputs: [late] })
    await harness.sales(sale('a', 5, 1))
    await harness.watermark(9)
    await harness.sales(sale('a', 6, 2))
    await harness.watermark(13)
    await harness.sales(sale('a', 7, 3))
    expect(harness.output()).toEqual(['a [0,10) 1', 'a [0,10) 1,2', 'a [0,10) 1,2,3'])
    await harness.watermark(14)
    await harness.sales(sale('a', 8, 4))
    expect(harness.output()).toHaveLength(3)
    expect(harness.sideOutput(late)).toEqual([sale('a', 8, 4)])
  })

  test('the first record of a window may come after its end', async () => {
    const harness = await harnessOf(lenient, { sideOutputs: [late] })
    await harness.watermark(12)
    await harness.sales(sale('a', 5, 1))
    expect(harness.outputWithTimestamps()).toEqual([{ value: 'a [0,10) 1', timestamp: 9 }])
    await harness.watermark(100)
    expect(harness.output()).toHaveLength(1)
  })

  test('elements emitted before do not change', async () => {
    const harness = await testHarness((sales: DataStream<Sale>) =>
      sales
        .keyBy((s) => s.shop)
        .window(tumblingEventTimeWindows(10))
        .allowedLateness(10)
        .process('windows', (_, __, all) => all),
    )
    await harness.push(sale('a', 5), 5)
    await harness.watermark(9)
    await harness.push(sale('a', 6), 6)
    expect(harness.output()).toEqual([[sale('a', 5)], [sale('a', 5), sale('a', 6)]])
  })

  test('a lateness of whole windows: the end of one is the firing of another', async () => {
    const harness = await harnessOf(contents(10, (w) => w.allowedLateness(20)))
    await harness.sales(sale('a', 5, 1), sale('a', 25, 2))
    await harness.watermark(28)
    await harness.sales(sale('a', 5, 3))
    await harness.watermark(29)
    await harness.sales(sale('a', 5, 4), sale('a', 25, 5))
    expect(harness.output()).toEqual(['a [0,10) 1', 'a [0,10) 1,3', 'a [20,30) 2', 'a [20,30) 2,5'])
    expect(harness.lateRecordsDropped).toBe(1)
  })

  test.for([0, 5, 10])(
    'with a lateness of %i ms, windows and their timers are forgotten',
    async (lateness) => {
      const harness = await harnessOf(contents(10, (w) => w.allowedLateness(lateness)))
      await harness.sales(sale('a', 5), sale('b', 5), sale('b', 15))
      await harness.watermark(9 + lateness)
      // The key at hand is never forgotten: from here on it is another one.
      await harness.sales(sale('a', 5), sale('open', 1_000))
      expect(harness.lateRecordsDropped).toBe(1)
      expect(harness.keysWithState('windows')).toBe(2)
      await harness.watermark(19 + lateness)
      await harness.sales(sale('open', 1_000))
      expect(harness.keysWithState('windows')).toBe(1)
    },
  )

  test('a window that begins after its end is forgotten too', async () => {
    const harness = await harnessOf(contents(10, (w) => w.allowedLateness(5)))
    await harness.watermark(12)
    await harness.sales(sale('a', 5), sale('open', 1_000))
    expect(harness.keysWithState('windows')).toBe(2)
    await harness.watermark(14)
    await harness.sales(sale('open', 1_000))
    expect(harness.keysWithState('windows')).toBe(1)
  })

  test('the state of a window survives between its firings', async () => {
    const first = await harnessOf(lenient, { sideOutputs: [late] })
    await first.sales(sale('a', 5, 1))
    await first.watermark(9)
    const snapshot = await first.barrier()
    const restored = await first.restore(snapshot, { parallelism: 2 })
    await restored.push(sale('a', 6, 2), 6)
    expect(restored.output()).toEqual(['a [0,10) 1,2'])
    await restored.watermark(14)
    await restored.push(sale('a', 7, 3), 7)
    expect(restored.sideOutput(late)).toEqual([sale('a', 7, 3)])
  })
})

const labelled = (shop: string, { start, end }: TimeWindow, value: unknown): string =>
  `${shop} ${start}-${end} ${JSON.stringify(value)}`

describe('what a window emits', () => {
  const average: AggregateFunction<Sale, { sum: number; count: number }, number> = {
    createAccumulator: () => ({ sum: 0, count: 0 }),
    add(s, accumulator) {
      accumulator.sum += s.amount
      accumulator.count++
      return accumulator
    },
    getResult: ({ sum, count }) => sum / count,
  }
  test.for<[string, (windows: Windowed) => DataStream<unknown>, unknown[]]>([
    [
      'reduce',
      (w) => w.reduce('w', (a, b) => ({ ...a, amount: a.amount + b.amount })),
      [sale('a', 1, 6), sale('b', 2, 10)],
    ],
    [
      'reduce with a window function',
      (w) =>
        w.reduce(
          'w',
          (a, b) => ({ ...a, amount: a.amount + b.amount }),
          (_, window, { amount }) => [window, amount],
        ),
      [
        [{ start: 0, end: 10 }, 6],
        [{ start: 0, end: 10 }, 10],
      ],
    ],
    ['aggregate', (w) => w.aggregate('w', average), [2, 10]],
    [
      'aggregate with a window function',
      (w) => w.aggregate('w', average, labelled),
      ['a 0-10 2', 'b 0-10 10'],
    ],
    ['sum', (w) => w.sum('w', 'amount'), [sale('a', 1, 6), sale('b', 2, 10)]],
    ['max', (w) => w.max('w', 'amount'), [sale('a', 1, 3), sale('b', 2, 10)]],
    ['minBy', (w) => w.minBy('w', 'amount'), [sale('a', 1, 1), sale('b', 2, 10)]],
    ['maxBy', (w) => w.maxBy('w', 'amount'), [sale('a', 4, 3), sale('b', 2, 10)]],
  ])('%s', async ([, apply, expected]) => {
    const harness = await testHarness((sales: DataStream<Sale>) =>
      apply(sales.keyBy((s) => s.shop).window(tumblingEventTimeWindows(10))),
    )
    for (const one of [sale('a', 1, 1), sale('b', 2, 10), sale('a', 3, 2), sale('a', 4, 3)]) {
      await harness.push(one, one.at)
    }
    const snapshot = await harness.barrier()
    await harness.watermark(9)
    expect(harness.output()).toEqual(expected)
    const restored = await harness.restore(snapshot)
    await restored.watermark(9)
    expect(restored.output()).toEqual(expected)
  })

  test('a window function that throws is a fault with the key', async () => {
    const harness = await testHarness((sales: DataStream<Sale>) =>
      sales
        .keyBy((s) => s.shop)
        .window(tumblingEventTimeWindows(10))
        .process('w', () => {
          throw new Error('boom')
        }),
    )
    await harness.push(sale('a', 5), 5)
    expect(await faultOf(harness.watermark(9))).toMatchObject({ origin: { operatorUid: 'w', key: 'a' } })
  })
})

describe('against a naive computation', () => {
  const input = fc.record({
    sales: fc.array(
      fc.record({
        shop: fc.constantFrom('a', 'b', 'c'),
        at: fc.integer({ min: -50, max: 100 }),
        amount: fc.nat(9),
      }),
      { maxLength: 60 },
    ),
    size: fc.integer({ min: 1, max: 30 }),
    offset: fc.nat(29),
    bound: fc.nat(20),
    seed: fc.integer(),
    snapshotAt: fc.nat(60),
    parallelisms: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
  })

  test('input shuffled within its bound gives every window once, whole, also across a rescale', async () => {
    await fc.assert(
      fc.asyncProperty(input, async ({ sales, size, offset, bound, seed, snapshotAt, parallelisms }) => {
        const shift = offset % size
        const random = new SeededRandom(seed)
        // A record is held up by at most the bound.
        const shuffled = sales
          .map((one) => ({ one, arrival: one.at + random.next() * bound }))
          .toSorted((a, b) => a.arrival - b.arrival)
          .map(({ one }) => one)
        const build = (stream: DataStream<Sale>) =>
          contents(
            size,
            undefined,
            shift,
          )(stream.withTimestamps((s) => s.at, boundedOutOfOrderness(bound), { uid: 'time' }))

        const first = await testHarness(build, { parallelism: parallelisms[0] })
        for (const one of shuffled.slice(0, snapshotAt)) await first.push(one)
        const snapshot = await first.barrier()
        const second = await first.restore(snapshot, { parallelism: parallelisms[1] })
        for (const one of shuffled.slice(snapshotAt)) await second.push(one)
        await second.endInput()

        const windows = new Map<string, number[]>()
        for (const { shop, at, amount } of shuffled) {
          const start = Math.floor((at - shift) / size) * size + shift
          const name = `${shop} [${start},${start + size})`
          windows.set(name, [...(windows.get(name) ?? []), amount])
        }
        const expected = [...windows].map(([name, amounts]) => `${name} ${amounts.join(',')}`)
        expect([...first.output(), ...second.output()].toSorted()).toEqual(expected.toSorted())
        expect(first.lateRecordsDropped + second.lateRecordsDropped).toBe(0)
      }),
      { numRuns: 150 },
    )
  })
})
