import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test, vi } from 'vitest'
import {
  collect,
  defineJob,
  discard,
  fixedDelay,
  runJob,
  sourceFunction,
  type JobDefinition,
  type JobEvent,
  type RestartStrategy,
  type TwoPhaseCommitSink,
} from '../../../lib/index.ts'
import { ManualClock } from '../../../lib/testing/index.ts'

const directory = mkdtempSync(join(tmpdir(), 'millrace-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))
const set = { 'execution.checkpointing.dir': directory }

/** Throws in its first attempt. */
function failingOnce(restart: RestartStrategy): JobDefinition {
  let attempts = 0
  const source = sourceFunction<number>({
    open: () => void attempts++,
    poll() {
      if (attempts === 1) throw new Error('the first time')
      return 'end'
    },
  })
  return defineJob({ name: 'failing-once', restart }, (env) =>
    env.source('source', source).sinkTo('sink', discard()),
  )
}

test('a restart is told of, also one without delay', async () => {
  const events: JobEvent[] = []
  const job = await runJob(failingOnce(fixedDelay({ attempts: 1, delay: 0 })), {
    set,
    clock: new ManualClock(),
  })
  job.onEvent((event) => events.push(event))
  expect(await job.result).toMatchObject({ status: 'FINISHED', restarts: 1 })
  expect(events.filter(({ type }) => type === 'restarting')).toEqual([
    { type: 'restarting', atMs: 0, attempt: 2, delayMs: 0 },
  ])
})

test('a source is never polled before the time it waits for, by its own clock', async () => {
  const clock = new ManualClock()
  const polledAtMs: number[] = []
  const source = sourceFunction<number>({
    poll(ctx) {
      polledAtMs.push(ctx.now())
      ctx.collect(1)
      return { waitUntilMs: ctx.now() + 1_000 }
    },
  })
  const commits: (() => void)[] = []
  const sink: TwoPhaseCommitSink<number, number> = {
    type: 'two-phase-commit',
    kind: 'slow commit',
    createCommitter: () => ({
      begin: () => 1,
      write() {},
      preCommit: (txn) => txn,
      commit: () => new Promise((resolve) => commits.push(resolve)),
      abort() {},
    }),
  }
  const definition = defineJob({ name: 'polls' }, (env) => env.source('source', source).sinkTo('sink', sink))
  const job = await runJob(definition, { set, clock })
  await vi.waitFor(() => expect(polledAtMs).toEqual([0]))
  await job.triggerCheckpoint()
  await vi.waitFor(() => expect(commits).toHaveLength(1))
  clock.advance(1_000) // while the batch is busy with the commit
  commits[0]!()
  await vi.waitFor(() => expect(polledAtMs).toEqual([0, 1_000]))
  await job.cancel()
})

test('a source function that waits goes on when it wakes itself up', async () => {
  const arrived: string[] = []
  let wakeUp: (() => void) | undefined
  const source = sourceFunction<string>({
    poll(ctx) {
      wakeUp = () => ctx.wakeUp()
      const next = arrived.shift()
      if (next === undefined) return 'wait'
      ctx.collect(next)
      return next === 'last' ? 'end' : 'more'
    },
  })
  const records: string[] = []
  const definition = defineJob({ name: 'wakes' }, (env) =>
    env.source('source', source).sinkTo('sink', collect(records)),
  )
  const job = await runJob(definition, { set, clock: new ManualClock() })
  for (const text of ['first', 'last']) {
    arrived.push(text)
    wakeUp?.()
    await vi.waitFor(() => expect(records.at(-1)).toBe(text))
  }
  expect((await job.result).status).toBe('FINISHED')
  expect(records).toEqual(['first', 'last'])
})
