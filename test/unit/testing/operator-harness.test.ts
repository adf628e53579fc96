import { describe, expect, test } from 'vitest'
import { outputTag, sinkFunction, type, UserError, valueState, type DataStream } from '../../../lib/index.ts'
import { heapBackends } from '../../../lib/state/heap-backend.ts'
import { testHarness } from '../../../lib/testing/index.ts'

const counted = (words: DataStream<string>) =>
  words
    .keyBy((word) => word)
    .map('count', {
      state: { count: valueState({ default: 0 }) },
      map(word, { state }) {
        state.count.update(state.count.value() + 1)
        return `${word} ${state.count.value()}`
      },
    })

const uncounted = (words: DataStream<string>) =>
  words.keyBy((word) => word).map('other', { map: (word) => word })

describe('testHarness', () => {
  test('pushes a batch, with or without timestamps', async () => {
    const harness = await testHarness(counted)
    await harness.pushAll(['to', 'be', 'to'])
    await harness.pushAll(['be'], (word) => word.length)
    expect(harness.output()).toEqual(['to 1', 'be 1', 'to 2', 'be 2'])
    expect(harness.outputWithTimestamps().at(-1)).toEqual({ value: 'be 2', timestamp: 2 })
    expect(harness.metrics('count')).toMatchObject({ numRecordsIn: 4, numRecordsOut: 4 })
  })

  test('a snapshot can be restored many times, at any parallelism, and leaves the first harness alone', async () => {
    const first = await testHarness(counted, { parallelism: 2 })
    await first.pushAll(['to', 'be', 'to'])
    const snapshot = structuredClone(await first.barrier())
    for (const parallelism of [1, 3]) {
      const restored = await first.restore(snapshot, { parallelism })
      await restored.pushAll(['to', 'be'])
      expect(restored.output().toSorted()).toEqual(['be 2', 'to 3'])
    }
    await first.push('be')
    expect(first.output().at(-1)).toBe('be 2')
  })

  test('a snapshot after a restore builds on it', async () => {
    const first = await testHarness(counted)
    await first.pushAll(['to', 'be'])
    const second = await first.restore(await first.barrier())
    await second.push('to')
    const third = await second.restore(await second.barrier(), { parallelism: 2 })
    await third.pushAll(['to', 'be'])
    expect(third.output().toSorted()).toEqual(['be 2', 'to 3'])
  })

  test('its clock goes on from the snapshot', async () => {
    const first = await testHarness(counted, { startMs: 100 })
    await first.advanceProcessingTime(50)
    const snapshot = await first.barrier()
    const again = await testHarness(counted, { from: snapshot })
    expect(again.now).toBe(150)
  })

  test('a snapshot of another job is refused', async () => {
    const first = await testHarness(counted)
    await first.push('to')
    const snapshot = await first.barrier()
    await expect(testHarness(uncounted, { from: snapshot })).rejects.toThrow(
      "the snapshot holds state of operator 'count', which the harness's job does not have",
    )
    await expect(testHarness(counted, { from: snapshot, maxParallelism: 64 })).rejects.toThrow(
      "operator 'count': expected maxParallelism 128 as in the snapshot, got 64",
    )
  })

  test('what it cannot do, it says', async () => {
    await expect(
      testHarness((words: DataStream<string>) => words.map((word) => word, { uid: 'a/b' })),
    ).rejects.toThrow(UserError)
    const harness = await testHarness(counted)
    expect(() => harness.sideOutput(outputTag('late'))).toThrow(
      "expected one of the tags given as `sideOutputs`, got 'late'",
    )
    expect(() => harness.metrics('conut')).toThrow(
      "Expected the uid of an operator ('harness-input', 'count'",
    )
    await harness.endInput()
    await expect(harness.push('to')).rejects.toThrow('endInput() was called')
    await harness.barrier()
    await harness.close()
    await expect(harness.barrier()).rejects.toThrow('it is closed')
  })

  test('takes a state backend', async () => {
    const uids: string[] = []
    await testHarness(counted, {
      stateBackend: {
        create(options) {
          uids.push(options.operatorUid)
          return heapBackends.create(options)
        },
      },
    })
    expect(uids).toEqual(['count'])
  })

  test('processing time stops at every timer on the way', async () => {
    const times: number[] = []
    const harness = await testHarness((words: DataStream<string>) =>
      words
        .keyBy((word) => word)
        .process('echo', {
          emits: type<string>(),
          processElement: (_, { timers }) =>
            timers.registerProcessingTimeTimer(timers.currentProcessingTime() + 10),
          onTimer(at, ctx) {
            times.push(at, ctx.currentProcessingTime())
            ctx.collect(ctx.key)
          },
        })
        .keyBy((word) => word)
        .process('echo-again', {
          processElement: (_, { timers }) =>
            timers.registerProcessingTimeTimer(timers.currentProcessingTime() + 5),
          onTimer: (at, ctx) => void times.push(at, ctx.currentProcessingTime()),
        }),
    )
    await harness.push('a')
    await harness.advanceProcessingTime(1_000)
    expect(times).toEqual([10, 10, 15, 15])
    expect(harness.now).toBe(1_000)
  })

  test('a fragment may end in sinks of its own', async () => {
    const seen: string[] = []
    const harness = await testHarness((words: DataStream<string>) => {
      counted(words).sinkTo('out', sinkFunction({ invoke: (word) => void seen.push(word) }))
    })
    await harness.push('to')
    expect(seen).toEqual(['to 1'])
  })
})
