import * as fc from '../../fast-check.ts'
import { describe, expect, test } from 'vitest'
import {
  aggregatingState,
  listState,
  mapState,
  outputTag,
  reducingState,
  tumblingEventTimeWindows,
  type,
  valueState,
  type DataStream,
} from '../../../lib/index.ts'
import { testHarness, type OperatorHarness } from '../../../lib/testing/index.ts'

interface Input {
  readonly key: string
  readonly value: number
}

interface Line {
  readonly key: string
  readonly text: string
}

const late = outputTag<Line>('late')

/** Every kind of state, time-to-live, timers of both kinds and windows, of which everything is told. */
function pipeline(inputs: DataStream<Input>): DataStream<Line> {
  const lines = inputs
    .keyBy((input) => input.key)
    .process('all-states', {
      state: {
        count: valueState({ default: 0 }),
        fleeting: valueState<number>({ ttl: '20 ms' }),
        last: listState<number>(),
        seen: mapState<number, number>({ ttl: '50 ms' }),
        most: reducingState<number>((a, b) => Math.max(a, b)),
        mean: aggregatingState({
          createAccumulator: () => ({ sum: 0, count: 0 }),
          add: (value: number, { sum, count }) => ({ sum: sum + value, count: count + 1 }),
          getResult: ({ sum, count }) => sum / count,
        }),
      },
      emits: type<Line>(),
      processElement({ key, value }, { state, timers, collect }) {
        state.count.update(state.count.value() + 1)
        state.last.add(value)
        if (value % 7 === 0) state.last.clear()
        state.seen.put(value, (state.seen.get(value) ?? 0) + 1)
        if (value % 11 === 0) state.seen.remove(value - 11)
        state.most.add(value)
        state.mean.add(value)
        const text = [
          'record',
          value,
          state.count.value(),
          state.fleeting.value(),
          state.last.get(),
          [...state.seen.entries()].toSorted(([a], [b]) => a - b),
          state.most.get(),
          state.mean.get(),
        ]
        if (value % 2 === 0) state.fleeting.update(value)
        timers.registerEventTimeTimer(value * 2)
        if (value % 3 === 0) timers.registerProcessingTimeTimer(timers.currentProcessingTime() + value)
        if (value % 5 === 0) timers.deleteEventTimeTimer((value - 1) * 2)
        collect({ key, text: JSON.stringify(text) })
      },
      onTimer(at, ctx) {
        const text = ['timer', at, ctx.timeDomain, ctx.state.count.value(), ctx.state.fleeting.value()]
        // A processing time is no event time: a window would have no place for it.
        if (ctx.timeDomain === 'event') ctx.collect({ key: ctx.key, text: JSON.stringify(text) })
        else ctx.output(late, { key: ctx.key, text: JSON.stringify(text) })
        if (at % 8 === 0 && at < 200) ctx.timers.registerEventTimeTimer(at + 4)
        if (ctx.state.count.value() > 12) ctx.state.count.clear()
      },
    })
  const windows = lines
    .keyBy((line) => line.key)
    .window(tumblingEventTimeWindows(10))
    .allowedLateness(15)
    .sideOutputLateData(late)
    .process('windows', (key, { start }, all) => ({
      key,
      text: `window ${start}: ${all.map(({ text }) => text).join(' ')}`,
    }))
  const told = (stream: DataStream<Line>, what: string) =>
    stream.map(({ key, text }): Line => ({ key, text: `${what} ${text}` }))
  return told(lines, 'line').union(
    told(lines.getSideOutput(late), 'processing time'),
    told(windows, 'window'),
    told(windows.getSideOutput(late), 'late'),
  )
}

type Step =
  | { readonly type: 'push'; readonly input: Input; readonly timestampMs: number }
  | { readonly type: 'watermark'; readonly timestampMs: number }
  | { readonly type: 'advance'; readonly ms: number }
  /** A checkpoint; with `parallelism`, the job fails later and goes on from this one. */
  | { readonly type: 'barrier'; readonly parallelism: number | undefined; readonly lost: readonly Input[] }

const input = fc.record({
  key: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
  value: fc.integer({ min: 0, max: 60 }),
})
const time = fc.integer({ min: 0, max: 120 })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ type: fc.constant('push' as const), input, timestampMs: time }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('watermark' as const), timestampMs: time }) },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant('advance' as const), ms: fc.integer({ min: 0, max: 30 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('barrier' as const),
      parallelism: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
      lost: fc.array(input, { maxLength: 3 }),
    }),
  },
)

type Harness = OperatorHarness<Input, Line>

/** Does `steps`, failing and going on where they say so, and returns all that came of what was not lost. */
async function run(steps: readonly Step[], parallelism: number, failing: boolean): Promise<Line[]> {
  let harness: Harness = await testHarness(pipeline, { parallelism })
  const output: Line[] = []
  for (const one of steps) {
    if (one.type === 'push') await harness.push(one.input, one.timestampMs)
    else if (one.type === 'watermark') await harness.watermark(one.timestampMs)
    else if (one.type === 'advance') await harness.advanceProcessingTime(one.ms)
    else if (failing) {
      const snapshot = await harness.barrier()
      if (one.parallelism === undefined) continue
      output.push(...harness.output())
      for (const lost of one.lost) await harness.push(lost, 60)
      await harness.watermark(100)
      await harness.fail()
      // What a checkpoint holds is plain data: it survives the process.
      harness = await harness.restore(structuredClone(snapshot), { parallelism: one.parallelism })
    }
  }
  await harness.advanceProcessingTime(1_000)
  await harness.endInput()
  await harness.close()
  return [...output, ...harness.output()]
}

/** Order is kept within a key and a kind of output: between the branches of the pipeline there is none. */
function byKey(lines: readonly Line[]): Record<string, string[]> {
  const grouped: Record<string, string[]> = {}
  for (const { key, text } of lines) (grouped[`${key} ${text.split(' ')[0]}`] ??= []).push(text)
  return grouped
}

describe('recovery', () => {
  test('output is as if nothing had failed, at any parallelism (invariants 4, 6, 10)', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 50, size: 'max' }),
        fc.integer({ min: 1, max: 3 }),
        async (steps, parallelism) => {
          const expected = await run(steps, 1, false)
          expect(byKey(await run(steps, parallelism, true))).toEqual(byKey(expected))
        },
      ),
      { numRuns: 150 },
    )
  })
})
