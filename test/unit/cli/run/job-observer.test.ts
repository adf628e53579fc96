import { expect, test } from 'vitest'

import { JobObserver } from '../../../../cli/run/job-observer.ts'
import { cause, completed, metrics, operator } from './fake-job.ts'

const observe = () =>
  new JobObserver({
    jobName: 'job',
    status: 'CREATED',
    startedAtMs: 0,
    sourceUids: new Set(['lines', 'more']),
  })

const read = (count: number, attempt = 1) =>
  metrics([operator('lines', { numRecordsIn: count })], { attempt })

test('rates are those of the last two seconds', () => {
  const observer = observe()
  observer.sample(read(0), 0)
  expect(observer.view().operators[0]!.inPerSecond).toBe(0)

  observer.sample(read(100), 500)
  expect(observer.view().operators[0]!.inPerSecond).toBe(200)

  for (let atMs = 1_000; atMs <= 10_000; atMs += 500) observer.sample(read(100 + atMs / 10), atMs)
  expect(observer.view().operators[0]!.inPerSecond).toBe(100)
})

test('a rate starts anew with each attempt, and is never negative', () => {
  const observer = observe()
  observer.sample(read(1_000), 0)
  observer.sample(read(10, 2), 1_000)
  expect(observer.view().operators[0]!.inPerSecond).toBe(0)

  observer.sample(read(30, 2), 2_000)
  expect(observer.view().operators[0]!.inPerSecond).toBe(20)
})

test('records read are those of all sources, over all attempts', () => {
  const observer = observe()
  const operators = [
    operator('lines', { numRecordsIn: 10 }),
    operator('more', { numRecordsIn: 5 }),
    operator('count', { numRecordsIn: 15 }),
  ]
  observer.sample(metrics(operators), 0)
  expect(observer.view().recordsRead).toBe(15)

  observer.sample(read(3, 2), 1)
  expect(observer.view().recordsRead).toBe(18)
})

test('a failure is remembered over the restart that it causes', () => {
  const observer = observe()
  observer.onEvent({ type: 'status', atMs: 5, from: 'RUNNING', to: 'FAILING', cause })
  observer.onEvent({ type: 'status', atMs: 6, from: 'FAILING', to: 'RESTARTING', cause })
  observer.onEvent({ type: 'restarting', atMs: 6, attempt: 2, delayMs: 1_000 })
  expect(observer.view()).toMatchObject({
    status: 'RESTARTING',
    restartAtMs: 1_006,
    lastFailure: { atMs: 5, cause },
  })

  observer.onEvent({ type: 'status', atMs: 1_006, from: 'RESTARTING', to: 'RUNNING', cause: undefined })
  expect(observer.view()).toMatchObject({
    status: 'RUNNING',
    restartAtMs: undefined,
    lastFailure: { atMs: 5 },
  })
})

test('checkpoints are counted; those that an end cut short are no failures', () => {
  const observer = observe()
  const failed = (reason: string) =>
    observer.onEvent({
      type: 'checkpoint-failed',
      atMs: 1,
      checkpointId: 3,
      reason,
      message: 'no space left',
    })
  observer.onEvent(completed(1))
  observer.onEvent(completed(2))
  failed('job-suspended')
  failed('subsumed')
  expect(observer.view().checkpoints).toMatchObject({
    completed: 2,
    failed: 0,
    last: { path: '/checkpoints/chk-2' },
  })

  failed('store-failed')
  expect(observer.view().checkpoints).toMatchObject({ failed: 1, lastFailure: { message: 'no space left' } })
})
