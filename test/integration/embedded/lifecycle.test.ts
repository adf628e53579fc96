import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  collectSink,
  defineJob,
  fixedDelay,
  sinkFunction,
  sourceFunction,
  type JobDefinition,
  type JobOptions,
  type ReadStatus,
  type Sink,
} from '../../../lib/index.ts'
import { refusalOf, Running, temporaryDirectory } from '../bad-input/support.ts'

type Poll = () => ReadStatus | Promise<ReadStatus>

/** A promise that the test settles. */
function gate(): { readonly opened: Promise<void>; open: () => void } {
  let open!: () => void
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { opened, open }
}

function jobOf(
  poll: (collect: (value: number) => void) => ReadStatus | Promise<ReadStatus>,
  sink: Sink<number>,
  options: Partial<JobOptions> = {},
  bounded = false,
): JobDefinition {
  const root = temporaryDirectory()
  const checkpointing = {
    interval: '1 h',
    directory: join(root, 'checkpoints'),
    savepointDirectory: join(root, 'savepoints'),
    ...options.checkpointing,
  }
  return defineJob({ name: 'lifecycle', ...options, checkpointing }, (env) => {
    const source = sourceFunction<number>({ bounded, poll: (ctx) => poll((value) => ctx.collect(value)) })
    env.source('numbers', source).sinkTo('out', sink)
  })
}

const waiting: Poll = () => ({ waitUntilMs: Number.MAX_SAFE_INTEGER })

describe('cancelling', () => {
  test('while functions open: they are closed once', async () => {
    const { opened, open } = gate()
    let closed = 0
    const sink = sinkFunction<number>({ open: () => opened, invoke() {}, close: () => void closed++ })
    const starting = Running.start(jobOf(waiting, sink))
    const { handle } = await Running.start(jobOf(waiting, collectSink<number>()))
    void handle.cancel()
    open()
    const running = await starting
    const { status } = await running.wait(running.handle.cancel())
    expect(status).toBe('CANCELED')
    expect(closed).toBe(1)
  })

  test('while it waits for a restart, when it is over, and twice', async () => {
    const job = jobOf(
      () => {
        throw new Error('down')
      },
      collectSink<number>(),
      { restart: fixedDelay({ attempts: 'unlimited', delay: '1 d' }) },
    )
    const running = await Running.start(job)
    await running.until(() => running.handle.status === 'RESTARTING')
    const [first, second] = [running.handle.cancel(), running.handle.cancel()]
    expect((await running.wait(first)).status).toBe('CANCELED')
    expect((await second).status).toBe('CANCELED')
    expect((await running.handle.cancel()).status).toBe('CANCELED')
    expect((await running.handle.suspend()).status).toBe('CANCELED')
    expect(await refusalOf(running.handle.triggerCheckpoint())).toContain('the job is CANCELED')
    expect(await refusalOf(running.handle.stop())).toContain('the job is CANCELED')
  })

  test('ends a job whose closing throws', async () => {
    const sink = sinkFunction<number>({
      invoke() {},
      close() {
        throw new Error('cannot close')
      },
    })
    const running = await Running.start(jobOf(waiting, sink))
    expect((await running.wait(running.handle.cancel())).status).toBe('CANCELED')
    expect(running.events).toContainEqual(
      expect.objectContaining({
        type: 'warning',
        message: expect.stringContaining('cannot close') as string,
      }),
    )
  })
})

test('suspending a job that waits for a restart ends it', async () => {
  const job = jobOf(
    () => {
      throw new Error('down')
    },
    collectSink<number>(),
    { restart: fixedDelay({ attempts: 'unlimited', delay: '1 d' }) },
  )
  const running = await Running.start(job)
  await running.until(() => running.handle.status === 'RESTARTING')
  expect((await running.wait(running.handle.suspend())).status).toBe('SUSPENDED')
})

test('a function whose opening throws is closed once in each attempt', async () => {
  let opens = 0
  let closes = 0
  const sink = sinkFunction<number>({
    open() {
      opens++
      throw new Error('cannot open')
    },
    invoke() {},
    close: () => void closes++,
  })
  const running = await Running.start(
    jobOf(waiting, sink, { restart: fixedDelay({ attempts: 2, delay: 0 }) }),
  )
  const { status, cause } = await running.wait(running.handle.result)
  expect({ status, opens, closes }).toEqual({ status: 'FAILED', opens: 3, closes: 3 })
  expect(cause).toMatchObject({ operatorUid: 'out', message: 'cannot open' })
})

describe('a stop that comes to nothing', () => {
  test('while its order waits for a source leaves the source going (invariant 9)', async () => {
    const { opened, open } = gate()
    const sink = collectSink<number>()
    let polls = 0
    const job = jobOf(
      async (collect) => {
        if (++polls === 1) await opened
        if (polls <= 3) collect(polls)
        return polls < 3 ? 'more' : { waitUntilMs: Number.MAX_SAFE_INTEGER }
      },
      sink,
      { checkpointing: { timeout: 50 } },
    )
    const running = await Running.start(job)
    await running.until(() => running.handle.status === 'RUNNING' && polls === 1)
    expect(await refusalOf(running.wait(running.handle.stop()))).toContain('not acknowledged by all tasks')
    open()
    await running.until(() => sink.values.length === 3)
    expect(running.handle.status).toBe('RUNNING')
    const { path } = await running.wait(running.handle.stop())
    expect(path).toContain('savepoint-lifecycle')
    expect((await running.wait(running.handle.result)).status).toBe('FINISHED')
  })
})

test('stopping when all input has ended is answered, one way or the other', async () => {
  const running = await Running.start(jobOf(() => 'end', collectSink<number>(), {}, true))
  const answer = await running.wait(
    running.handle.stop().then(
      () => 'stopped',
      (cause: Error) => cause.message,
    ),
  )
  expect(answer).toMatch(/stopped|the job is/)
  expect((await running.wait(running.handle.result)).status).toBe('FINISHED')
})

test('a listener that throws does not harm the job', async () => {
  const running = await Running.start(jobOf(() => 'end', collectSink<number>(), {}, true))
  running.handle.onEvent(() => {
    throw new Error('a defect of the listener')
  })
  expect((await running.wait(running.handle.result)).status).toBe('FINISHED')
})

test('a clock that is set back does not stop a job', async () => {
  let nowMs = 1_000_000
  const callbacks: (() => void)[] = []
  const clock = {
    now: () => (nowMs -= 10),
    schedule(_: number, callback: () => void) {
      callbacks.push(callback)
      return { cancel: () => void callbacks.splice(callbacks.indexOf(callback), 1) }
    },
  }
  let polls = 0
  const sink = collectSink<number>()
  const job = jobOf(
    (collect) => {
      collect(++polls)
      return polls < 20 ? 'more' : 'end'
    },
    sink,
    {},
    true,
  )
  const running = await Running.start(job, { clock })
  await running.wait(running.handle.result)
  expect(running.handle.status).toBe('FINISHED')
  expect(sink.values).toHaveLength(20)
})
