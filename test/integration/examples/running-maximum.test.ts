import { collect, collection } from 'millrace'
import { expect, test } from 'vitest'
import { cityValues, runningMaximum, type CityValue } from '../../../examples/running-maximum.ts'
import { TestJob } from './support.ts'

test('maxBy and the state kept by hand give the same stream', async () => {
  const byMaxBy: CityValue[] = []
  const byHand: CityValue[] = []
  const job = await TestJob.start(runningMaximum(collection(cityValues), collect(byMaxBy), collect(byHand)))
  expect((await job.handle.result).status).toBe('FINISHED')
  expect(byMaxBy).toEqual([
    { city: '北京', value: 1 },
    { city: '上海', value: 2 },
    { city: '北京', value: 6 },
    { city: '上海', value: 8 },
    { city: '北京', value: 6 },
    { city: '上海', value: 8 },
  ])
  expect(byHand).toEqual(byMaxBy)
})
