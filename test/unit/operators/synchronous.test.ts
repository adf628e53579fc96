import { describe, expect, test } from 'vitest'
import { sinkFunction, type DataStream, type KeyedContext } from 'millrace'
import { testHarness } from '../../../lib/testing/index.ts'

/** An async function where the types ask for another one: what a user's cast, or a JavaScript job, can bring. */
function asyncFunction(value: unknown): never {
  return (async () => value) as never
}

const fragments: Record<string, (stream: DataStream<number>) => DataStream<unknown>> = {
  filter: (stream) => stream.filter(asyncFunction(true), { uid: 'late' }),
  map: (stream) => stream.map((n) => Promise.resolve(n), { uid: 'late' }),
  'flat map': (stream) => stream.flatMap(asyncFunction([1]), { uid: 'late' }),
  process: (stream) => stream.process('late', { processElement: asyncFunction(undefined) }),
  'keyed process': (stream) =>
    stream.keyBy((n) => n).process('late', { processElement: asyncFunction(undefined) }),
  'keyed map': (stream) => stream.keyBy((n) => n).map('late', { map: asyncFunction(1) }),
  'keyed flat map': (stream) => stream.keyBy((n) => n).flatMap('late', { flatMap: asyncFunction([1]) }),
  'keyed filter': (stream) => stream.keyBy((n) => n).filter('late', { filter: asyncFunction(true) }),
  reduce: (stream) => stream.keyBy(() => 'one').reduce('late', asyncFunction(1)),
  'timer function': (stream) =>
    stream
      .keyBy((n) => n)
      .process('late', {
        processElement: (_: number, ctx: KeyedContext<number, never, Record<never, never>>) =>
          ctx.timers.registerProcessingTimeTimer(0),
        onTimer: asyncFunction(undefined),
      }),
}

describe('a function that returns a promise is refused, with its operator', () => {
  test.each(Object.entries(fragments))('%s', async (_, fragment) => {
    const harness = await testHarness(fragment)
    const run = async (): Promise<void> => {
      await harness.push(1)
      await harness.push(2)
      await harness.advanceProcessingTime(1)
    }
    await expect(run()).rejects.toThrow("Operator 'late': expected a function that returns its result")
  })

  test('sink function', async () => {
    const sink = sinkFunction<number>({ invoke: asyncFunction(undefined) })
    const harness = await testHarness((stream: DataStream<number>) => {
      stream.sinkTo('late', sink)
      return stream.map((n) => n)
    })
    await expect(harness.push(1)).rejects.toThrow(
      "Operator 'late': expected a function that returns its result",
    )
  })
})
