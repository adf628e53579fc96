import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  collection,
  collectSink,
  defineJob,
  fixedDelay,
  operatorListState,
  runJob,
  sourceFunction,
  transactionalCollect,
  type,
} from 'millrace'

let directory = ''
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-restart-after-end-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

test.each([1, 2])(
  'an input that had ended before a restart does not end again, parallelism %i',
  async (parallelism) => {
    const results = transactionalCollect<string>()
    const ticks = collectSink<string>()
    let crash: 'later' | 'now' | 'over' = 'later'
    let ends = false
    const job = defineJob(
      {
        name: 'job',
        parallelism,
        checkpointing: { interval: '10 ms', directory },
        restart: fixedDelay({ attempts: 1, delay: '1 ms' }),
      },
      (env) => {
        env
          .source('numbers', collection([1, 2, 3]))
          .rebalance()
          .process('total', () => {
            let sum = 0
            return {
              operatorState: { sum: operatorListState<number>() },
              emits: type<string>(),
              initializeState: (ctx) => (sum = ctx.operatorState.sum.get().reduce((a, b) => a + b, 0)),
              processElement: (n: number) => void (sum += n),
              finish: (ctx) => ctx.collect(`total ${sum}`),
              snapshotState: (ctx) => ctx.operatorState.sum.update([sum]),
            }
          })
          .sinkTo('results', results)
        env
          .source(
            'ticks',
            sourceFunction<string>({
              poll(ctx) {
                if (ends) return 'end'
                if (crash === 'now') {
                  crash = 'over'
                  throw new Error('crash')
                }
                ctx.collect('tick')
                return { waitUntilMs: ctx.now() + 5 }
              },
            }),
          )
          .sinkTo('out', ticks)
      },
    )
    const handle = await runJob(job)
    await new Promise<void>((resolve) => {
      handle.onEvent((event) => {
        if (crash === 'later' && results.values.length === parallelism) crash = 'now'
        if (event.type === 'deployed' && event.attempt === 2) resolve()
      })
    })
    ends = true
    expect(await handle.result).toMatchObject({ status: 'FINISHED' })
    const sums = results.values.map((text) => Number(text.replace('total ', '')))
    expect(sums).toHaveLength(parallelism)
    expect(sums.reduce((a, b) => a + b)).toBe(6)
  },
)
