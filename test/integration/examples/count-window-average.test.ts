import { collect, collection } from 'millrace'
import { expect, test } from 'vitest'
import { countWindowAverage, numbers, type KeyedNumber } from '../../../examples/count-window-average.ts'
import { Log, TestJob } from './support.ts'

test('every two values of a key give their average', async () => {
  const averages: KeyedNumber[] = []
  const job = await TestJob.start(countWindowAverage(collection(numbers), collect(averages)))
  expect((await job.handle.result).status).toBe('FINISHED')
  expect(averages).toEqual([
    [1, 4],
    [1, 5],
  ])
})

test('each key counts for itself', async () => {
  const averages: KeyedNumber[] = []
  const values: KeyedNumber[] = [
    [1, 10],
    [2, 100],
    [1, 20],
    [3, 7],
    [2, 200],
  ]
  const job = await TestJob.start(countWindowAverage(collection(values), collect(averages)))
  await job.handle.result
  expect(averages).toEqual([
    [1, 15],
    [2, 150],
  ])
})

test('after ten seconds the count starts again', async () => {
  const log = new Log<KeyedNumber>([1, 3])
  const averages: KeyedNumber[] = []
  const job = await TestJob.start(countWindowAverage(log.source, collect(averages)))
  await job.taken('average', 1)

  job.clock.advance(9_999)
  log.append([1, 5])
  await job.taken('average', 2)
  expect(averages).toEqual([[1, 4]])

  log.append([1, 100])
  await job.taken('average', 3)
  job.clock.advance(10_000)
  log.append([1, 7])
  await job.taken('average', 4)
  expect(averages).toEqual([[1, 4]])

  log.append([1, 9])
  await job.taken('average', 5)
  expect(averages).toEqual([
    [1, 4],
    [1, 8],
  ])
})
