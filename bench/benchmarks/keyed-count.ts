import { defineJob, discard, textFile, type, valueState, type JobDefinition, type Sink } from 'millrace'
import { wordsOf, writeBook } from '../data/moby-dick.ts'
import { readLines } from '../data/read-lines.ts'
import type { Benchmark } from '../harness/benchmark.ts'
import { compare } from '../harness/compare.ts'
import { compareTable, type ComparedCase } from '../harness/compare-table.ts'
import { dropper } from '../harness/dropper.ts'
import { expectEqual } from '../harness/expect-equal.ts'
import { withScratch } from '../harness/scratch.ts'
import { timeJob } from '../harness/time-job.ts'

const COPIES = 30
const COPIES_QUICK = 4
const TARGET = 0.4

interface WordCount {
  readonly word: string
  readonly count: number
}

export const keyedCount: Benchmark = {
  name: 'keyed-count',
  title: 'Words of Moby Dick counted by key, a checkpoint every second',
  run: (settings) =>
    withScratch(async (directory) => {
      const path = writeBook(directory, settings.quick ? COPIES_QUICK : COPIES)
      const total = new Map<string, number>()
      await readLines(path, (line) => countInto(total, wordsOf(line)))
      const records = [...total.values()].reduce((sum, count) => sum + count, 0)

      const updates = await compare(
        {
          records,
          subject: async () => {
            const sink = discard<WordCount>()
            const tookMs = await timeJob(everyUpdate(path, sink), directory)
            expectEqual('updates', sink.count, records)
            return tookMs
          },
          baseline: () => everyUpdateByHand(path, records),
        },
        settings,
      )
      const totals = await compare(
        {
          records,
          subject: async () => {
            const sink = discard<WordCount>()
            const tookMs = await timeJob(totalsAtTheEnd(path, sink), directory)
            expectEqual('totals', sink.count, total.size)
            return tookMs
          },
          baseline: () => totalsByHand(path, total.size),
        },
        settings,
      )
      const cases: ComparedCase[] = [
        { name: 'every update to the sink', comparison: updates, target: TARGET },
        { name: 'totals to the sink at the end', comparison: totals, target: TARGET },
      ]
      return {
        tables: [
          compareTable(`${records} words, ${total.size} keys`, 'words', cases, [
            'Both read the same file in chunks of 256 KiB, make lines of it, lower-case them and split them at /\\W+/.',
            'Job: textFile → flatMap → keyBy → count in a ValueState → discard; filesystem backend, checkpoint (fsync) every second.',
            'By hand: a Map from word to count, no checkpoint. Every update: makes the same { word, count } and gathers ' +
              'them for a function that drops them, 512 at a time. Totals: one such object a word after the last line.',
          ]),
        ],
        checks: cases.map(({ name, comparison }) => ({
          what: `keyed-count, ${name}: ratio`,
          value: comparison.ratio,
          atLeast: TARGET,
        })),
      }
    }),
}

function everyUpdate(path: string, sink: Sink<WordCount>): JobDefinition {
  return defineJob({ name: 'every-update', checkpointing: { interval: '1 s' } }, (env) => {
    env
      .source('lines', textFile(path))
      .flatMap(wordsOf)
      .keyBy((word) => word)
      .process('count', {
        state: { count: valueState<number>() },
        emits: type<WordCount>(),
        processElement(word, ctx) {
          const count = (ctx.state.count.value() ?? 0) + 1
          ctx.state.count.update(count)
          ctx.collect({ word, count })
        },
      })
      .sinkTo('counts', sink)
  })
}

function totalsAtTheEnd(path: string, sink: Sink<WordCount>): JobDefinition {
  return defineJob({ name: 'totals', checkpointing: { interval: '1 s' } }, (env) => {
    env
      .source('lines', textFile(path))
      .flatMap(wordsOf)
      .keyBy((word) => word)
      .process('count', {
        state: { count: valueState<number>() },
        emits: type<WordCount>(),
        processElement(_word, ctx) {
          const count = ctx.state.count.value()
          // Fires when event time ends with the input.
          if (count === undefined) ctx.timers.registerEventTimeTimer(Number.MAX_SAFE_INTEGER)
          ctx.state.count.update((count ?? 0) + 1)
        },
        onTimer(_timestampMs, ctx) {
          ctx.collect({ word: ctx.key, count: ctx.state.count.value()! })
        },
      })
      .sinkTo('counts', sink)
  })
}

async function everyUpdateByHand(path: string, expected: number): Promise<number> {
  const startedAtMs = performance.now()
  const counts = new Map<string, number>()
  const sink = dropper<WordCount>()
  await readLines(path, (line) => {
    for (const word of wordsOf(line)) {
      const count = (counts.get(word) ?? 0) + 1
      counts.set(word, count)
      sink.add({ word, count })
    }
  })
  sink.flush()
  expectEqual('updates', sink.count, expected)
  return performance.now() - startedAtMs
}

async function totalsByHand(path: string, expected: number): Promise<number> {
  const startedAtMs = performance.now()
  const counts = new Map<string, number>()
  const sink = dropper<WordCount>()
  await readLines(path, (line) => countInto(counts, wordsOf(line)))
  for (const [word, count] of counts) sink.add({ word, count })
  sink.flush()
  expectEqual('totals', sink.count, expected)
  return performance.now() - startedAtMs
}

function countInto(counts: Map<string, number>, words: readonly string[]): void {
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1)
}
