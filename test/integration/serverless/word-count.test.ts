import { expect, test } from 'vitest'
import { collection, defineJob, fixedDelay, valueState, type JobDefinition } from '../../../lib/index.ts'
import { deploymentOf } from '../../../lib/serverless/deployment.ts'
import type { Sink } from '../../../lib/stream/sink.ts'
import { ManualClock } from '../../../lib/testing/manual-clock.ts'
import { LocalPlatform } from '../../world/local-platform.ts'
import { MemoryWorld } from '../../world/memory-world.ts'

function wordCount(words: readonly string[], collected: unknown[], options: object = {}): JobDefinition {
  const sink: Sink<{ word: string; count: number }> = {
    type: 'writer',
    kind: 'test',
    createWriter: () => ({
      write: (values) => {
        collected.push(...values)
      },
    }),
  }
  return defineJob(
    {
      name: 'word-count',
      checkpointing: { interval: '10 s' },
      restart: fixedDelay({ attempts: 3, delay: '1 s' }),
      ...options,
    },
    (env) => {
      env
        .source('words', collection(words))
        .keyBy((word) => word)
        .map('count', {
          state: { count: valueState({ default: 0 }) },
          map: (word, { state }) => {
            state.count.update(state.count.value() + 1)
            return { word, count: state.count.value() }
          },
        })
        .sinkTo('out', sink)
    },
  )
}

test('a bounded job runs to its end', async () => {
  const words = Array.from({ length: 5_000 }, (_, i) => `w${i % 97}`)
  const collected: { word: string; count: number }[] = []
  const clock = new ManualClock(1_700_000_000_000)
  const world = new MemoryWorld({ clock })
  const platform = new LocalPlatform({ world, clock, ...deploymentOf(wordCount(words, collected, { parallelism: 2 }), undefined) })
  await platform.request({ type: 'start', requestId: 'r1', from: undefined, allowNonRestoredState: false })
  const ended = () => platform.happenings.some((one) => one.type === 'status' && one.to === 'FINISHED')
  await platform.until(ended)
  const last = new Map(collected.map(({ word, count }) => [word, count]))
  expect(last.get('w0')).toBe(52)
  expect(collected).toHaveLength(5_000)
})
