import * as fc from '../../fast-check.ts'
import { expect, test } from 'vitest'
import { generator } from '../../../lib/connectors/index.ts'
import { drain, openReader, output, readAll, readerContext, splitSource } from './drive.ts'

function identity(index: number): number {
  return index
}

test('every index is made once, by whatever number of subtasks, before a restart and after it', async () => {
  const parallelism = fc.integer({ min: 1, max: 5 })
  await fc.assert(
    fc.asyncProperty(fc.nat(40), parallelism, parallelism, fc.nat(10), async (count, before, after, read) => {
      const source = generator({ count, generate: identity })
      const splits = await splitSource(source).enumerateSplits({ parallelism: before })
      const out = output<number>()
      const snapshots: unknown[] = []
      for (const split of splits) {
        const reader = await openReader(source, [split])
        const own = output<number>()
        await drain(reader, own, read, 2)
        for (const value of own.values) out.collect(value)
        snapshots.push(...reader.snapshot())
      }
      for (let subtask = 0; subtask < after; subtask++) {
        const dealt = snapshots.filter((_, index) => index % after === subtask)
        const { values } = await readAll(source, dealt)
        expect(values).toEqual(values.toSorted((a, b) => a - b))
        for (const value of values) out.collect(value)
      }
      expect(out.values.toSorted((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, index) => index))
    }),
  )
})

test('records come at the rate, by the clock of the context', async () => {
  let nowMs = 5_000
  const context = readerContext({ now: () => nowMs })
  const reader = await openReader(generator({ ratePerSecond: 3, generate: identity }), undefined, context)
  const out = output<number>()
  const dueMs: number[] = []
  while (nowMs < 7_000) {
    const status = await drain(reader, out, Infinity, 10)
    if (typeof status === 'string') throw new Error(`expected to wait, got ${status}`)
    expect(status.waitUntilMs).toBeGreaterThan(nowMs)
    dueMs.push(nowMs)
    nowMs = status.waitUntilMs
  }
  expect(dueMs).toEqual([5_000, 5_334, 5_667, 6_000, 6_334, 6_667])
  expect(out.values).toEqual([0, 1, 2, 3, 4, 5])
})

test('the rate is that of all subtasks together, and a pause is made up for by a second at most', async () => {
  let nowMs = 0
  const context = readerContext({ parallelism: 2, now: () => nowMs })
  const source = generator({ ratePerSecond: 100, generate: identity })
  const [split] = await splitSource(source).enumerateSplits({ parallelism: 2 })
  const reader = await openReader(source, [split], context)
  const out = output<number>()
  nowMs = 60_000
  expect(await drain(reader, out)).toEqual({ waitUntilMs: 60_020 })
  expect(out.values).toHaveLength(51)
  expect(out.values.slice(0, 3)).toEqual([0, 2, 4])
})

test('without a count it is unbounded', () => {
  expect(splitSource(generator({ generate: identity })).bounded).toBe(false)
  expect(splitSource(generator({ count: 1, generate: identity })).bounded).toBe(true)
})

test('options are checked', () => {
  expect(() => generator({ count: -1, ratePerSecond: 0, generate: identity })).toThrow(
    'generator: expected count to be at least 0, got -1\ngenerator: expected ratePerSecond to be above 0, got 0',
  )
  // @ts-expect-error: what a job in JavaScript, or one that was not compiled, can bring.
  expect(() => generator(identity)).toThrow('generator: expected generate to be a function, got undefined')
})
