import { describe, expect, test } from 'vitest'
import { operatorListState, outputTag, type, type DataStream } from '../../../lib/index.ts'
import { testHarness } from '../../../lib/testing/index.ts'

describe('process', () => {
  test('knows timestamp, watermark and processing time', async () => {
    const harness = await testHarness(
      (words: DataStream<string>) =>
        words.process('op', {
          emits: type<unknown>(),
          processElement: (word, ctx) =>
            ctx.collect([word, ctx.timestamp, ctx.currentWatermark(), ctx.currentProcessingTime()]),
        }),
      { startMs: 1_000 },
    )
    await harness.push('a')
    await harness.watermark(5)
    await harness.advanceProcessingTime(10)
    await harness.push('b', 7)
    expect(harness.output()).toEqual([
      ['a', undefined, Number.NEGATIVE_INFINITY, 1_000],
      ['b', 7, 5, 1_010],
    ])
  })

  test('finish emits what was held back, before the end of the input passes on', async () => {
    const harness = await testHarness((words: DataStream<string>) =>
      words.process('pairs', () => {
        let held: string[] = []
        return {
          emits: type<string>(),
          processElement(word, ctx) {
            held.push(word)
            if (held.length < 2) return
            ctx.collect(held.join('+'))
            held = []
          },
          finish(ctx) {
            for (const word of held) ctx.collect(word)
          },
        }
      }),
    )
    await harness.pushAll(['a', 'b', 'c'])
    expect(harness.output()).toEqual(['a+b'])
    await harness.endInput()
    expect(harness.output()).toEqual(['a+b', 'c'])
  })

  test('several side outputs, each used as often as one likes', async () => {
    const [long, short] = [outputTag<string>('long'), outputTag<string>('short')]
    const harness = await testHarness(
      (words: DataStream<string>) => {
        const split = words.process('split', {
          emits: type<number>(),
          processElement(word, ctx) {
            ctx.output(word.length > 3 ? long : short, word)
            ctx.collect(word.length)
          },
        })
        split
          .getSideOutput(long)
          .process('shout', {
            emits: type<string>(),
            processElement: (word, ctx) => ctx.collect(word.toUpperCase()),
          })
          .sinkTo('nowhere', { type: 'function', kind: 'none', fn: { invoke() {} } })
        return split
      },
      { sideOutputs: [long, short] },
    )
    await harness.pushAll(['a', 'long one', 'b'])
    expect(harness.output()).toEqual([1, 8, 1])
    expect(harness.sideOutput(long)).toEqual(['long one'])
    expect(harness.sideOutput(short)).toEqual(['a', 'b'])
    expect(harness.metrics('shout').numRecordsOut).toBe(1)
  })
})

/** Keeps words in operator state; logs what each subtask begins with. */
const buffer = (redistribution: 'split' | 'union', log: unknown[] = []) => {
  return (words: DataStream<string>) =>
    words.process('buffer', () => {
      let held: string[] = []
      return {
        operatorState: { held: operatorListState<string>({ redistribution }) },
        emits: type<string>(),
        initializeState(ctx) {
          held = [...ctx.operatorState.held.get()]
          log.push([ctx.isRestored, ctx.subtaskIndex, held])
        },
        processElement(word, ctx) {
          held = [...held, word]
          ctx.collect(word)
        },
        snapshotState(ctx) {
          ctx.operatorState.held.update(held)
        },
      }
    })
}

describe('operator state', () => {
  test('initializeState comes first, and says whether state was restored', async () => {
    const log: unknown[] = []
    const first = await testHarness(buffer('split', log))
    expect(log).toEqual([[false, 0, []]])
    await first.pushAll(['a', 'b'])
    const snapshot = await first.barrier()
    await first.push('c')
    await first.restore(snapshot)
    expect(log.slice(1)).toEqual([[true, 0, ['a', 'b']]])
  })

  test.for<['split' | 'union', number, string[][]]>([
    ['split', 1, [['a', 'b', 'c', 'd', 'e']]],
    [
      'split',
      2,
      [
        ['a', 'c', 'e'],
        ['b', 'd'],
      ],
    ],
    ['split', 3, [['a', 'd'], ['b', 'e'], ['c']]],
    [
      'union',
      2,
      [
        ['a', 'b', 'c', 'd', 'e'],
        ['a', 'b', 'c', 'd', 'e'],
      ],
    ],
  ])('%s to %i subtasks', async ([redistribution, parallelism, expected]) => {
    const log: [boolean, number, string[]][] = []
    const first = await testHarness(buffer(redistribution, log))
    await first.pushAll(['a', 'b', 'c', 'd', 'e'])
    const snapshot = await first.barrier()
    log.length = 0
    await first.restore(snapshot, { parallelism })
    const bySubtask = log.toSorted((a, b) => a[1] - b[1])
    expect(bySubtask.map(([isRestored]) => isRestored)).toEqual(expected.map(() => true))
    expect(bySubtask.map(([, , held]) => held)).toEqual(expected)
  })

  test('a snapshot without records is restored as empty state', async () => {
    const log: unknown[] = []
    const first = await testHarness(buffer('split', log))
    await first.restore(await first.barrier(), { parallelism: 2 })
    expect(log.slice(1)).toEqual([
      [true, 1, []],
      [true, 0, []],
    ])
  })

  test('names that begin with millrace. are refused', async () => {
    await expect(
      testHarness((words: DataStream<string>) =>
        words.process('op', {
          operatorState: { 'millrace.x': operatorListState<string>() },
          processElement() {},
        }),
      ),
    ).rejects.toThrow("expected the name of an operator state not to begin with 'millrace.'")
  })
})
