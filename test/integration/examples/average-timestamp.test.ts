import { collect, collection } from 'millrace'
import { expect, test } from 'vitest'
import { averageTimestamp, type AverageTime } from '../../../examples/average-timestamp.ts'
import type { PageView } from '../../../examples/page-views.ts'
import { Log, TestJob, until } from './support.ts'

const click = (user: string, time: number): PageView => ({ user, url: '/', time })

test('the average of every five clicks of a user, exactly', async () => {
  const clicks = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8].flatMap((time, index) =>
    index < 7 ? [click('Mary', time), click('Bob', 1_000 * time)] : [click('Mary', time)],
  )
  const averages: AverageTime[] = []
  const job = await TestJob.start(averageTimestamp(collection(clicks), collect(averages)))
  expect((await job.handle.result).status).toBe('FINISHED')
  expect(averages).toEqual([
    { user: 'Mary', average: 2.8 },
    { user: 'Bob', average: 2_800 },
    { user: 'Mary', average: 5 },
  ])
})

test('after each five clicks the state is clear', async () => {
  const log = new Log(...[1, 2, 3, 4].map((time) => click('Mary', time)))
  const averages: AverageTime[] = []
  const job = await TestJob.start(averageTimestamp(log.source, collect(averages)))
  await job.taken('average', 4)
  expect(job.keys('average')).toBe(1)

  log.append(click('Mary', 10))
  await job.taken('average', 5)
  expect(averages).toEqual([{ user: 'Mary', average: 4 }])
  // The key at hand is kept in mind in any case: it has to be another one.
  log.append(click('Bob', 20))
  await job.taken('average', 6)
  await until(() => job.keys('average') === 1, 'Mary is forgotten')
})
