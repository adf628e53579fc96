import { expect, test } from 'vitest'
import {
  collection,
  collectSink,
  defineJob,
  fixedDelay,
  runJob,
  type JobMetrics,
} from '../../../lib/index.ts'

const counts = ({ operators }: JobMetrics) =>
  operators.map(({ uid, numRecordsIn, keys }) => [uid, numRecordsIn, keys])

test('a job that has ended still tells what it came to', async () => {
  const job = await runJob(
    defineJob({ name: 'job' }, (env) => {
      env
        .source('letters', collection(['a', 'b', 'a']))
        .map((letter) => ({ letter, count: 1 }), { uid: 'ones' })
        .keyBy(({ letter }) => letter)
        .sum('count', 'count')
        .sinkTo('out', collectSink())
    }),
  )
  await job.result
  expect(counts(job.metrics())).toEqual([
    ['letters', 3, 0],
    ['ones', 3, 0],
    ['count', 3, 2],
    ['out', 3, 0],
  ])
})

test('between two attempts it tells of the first', async () => {
  const restart = fixedDelay({ attempts: 1, delay: '1 h' })
  const job = await runJob(
    defineJob({ name: 'job', restart }, (env) => {
      env
        .source('letters', collection(['a', 'b', 'bug']))
        .map((letter) => {
          if (letter === 'bug') throw new Error(letter)
          return letter
        })
        .sinkTo('out', collectSink())
    }),
  )
  await new Promise<void>((resolve) => {
    job.onEvent((event) => {
      if (event.type === 'restarting') resolve()
    })
  })
  expect(job.metrics()).toMatchObject({ status: 'RESTARTING', restarts: 0 })
  expect(job.metrics().operators[0]).toMatchObject({ uid: 'letters', numRecordsIn: 3 })
  await job.cancel()
})
