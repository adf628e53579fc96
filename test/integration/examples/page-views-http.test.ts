import { http, transactionalCollect } from 'millrace'
import { expect, test } from 'vitest'
import { pageViewsHttp, view, type PageCount } from '../../../examples/page-views-http.ts'
import { post, urlOf } from './http-support.ts'
import { TestJob, until } from './support.ts'

/** Event time goes on with every record. */
const set = { 'pipeline.auto-watermark-interval': '0' }
const source = () => http({ schema: view, port: 0, recordId: ({ id }) => id })
const MINUTE_MS = 60_000
const nineMs = Date.parse('2024-05-01T09:00:00Z')

const at = (id: string, page: string, time: string) => ({ id, page, time: `2024-05-01T${time}` })

test('views are counted by page and minute of their own time, each once', async () => {
  const counts = transactionalCollect<PageCount>()
  const job = await TestJob.start(pageViewsHttp(source(), counts), { set })
  const url = await urlOf(job)
  const first = [
    at('1', '/home', '09:00:00Z'),
    at('2', '/home', '11:00:59+02:00'),
    at('3', '/docs', '09:00:30Z'),
  ]
  expect(await post(url, first)).toMatchObject({ status: 202, content: { ids: ['1', '2', '3'] } })
  expect((await post(url, first.slice(1))).status).toBe(202)
  expect(await post(url, [at('4', '/home', '09:01:00Z'), at('5', '/home', 'noon')])).toMatchObject({
    status: 400,
    content: { record: 1, error: expect.stringContaining('time') as unknown },
  })
  // Out of order by four seconds.
  await post(url, at('6', '/docs', '09:01:04Z'))
  await post(url, at('7', '/docs', '09:00:59Z'))
  await post(url, at('8', '/home', '09:01:05Z'))
  await job.taken('minutes', 6)
  await job.checkpoint(10_000)
  await until(() => counts.values.length === 2, 'the first minute is counted')
  expect(counts.values.toSorted((a, b) => a.views - b.views || a.page.localeCompare(b.page))).toEqual([
    { page: '/docs', views: 2, minute: nineMs },
    { page: '/home', views: 2, minute: nineMs },
  ])
  await job.handle.stop({ drain: true, directory: job.directory })
  expect(counts.values.slice(2).toSorted((a, b) => a.page.localeCompare(b.page))).toEqual([
    { page: '/docs', views: 1, minute: nineMs + MINUTE_MS },
    { page: '/home', views: 1, minute: nineMs + MINUTE_MS },
  ])
})
