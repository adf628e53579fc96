import { readFileSync } from 'node:fs'
import { collect, collection, transactionalCollect } from 'millrace'
import { expect, test } from 'vitest'
import { pageViews, parsePageView, type PageView, type ViewReport } from '../../../examples/page-views.ts'
import { Log, TestJob, until } from './support.ts'

const data = new URL('../../../examples/data/page-views.txt', import.meta.url)
/** Event time goes on with every record. */
const set = { 'pipeline.auto-watermark-interval': '0' }

const view = (user: string, time: number): PageView => ({ user, url: '/', time })
const byTime = (a: ViewReport, b: ViewReport): number => a.until - b.until || a.user.localeCompare(b.user)

/** One report for each interval of a user, found without streams: views must be in order of time. */
function reportsOf(views: readonly PageView[]): ViewReport[] {
  const users = [...new Set(views.map(({ user }) => user))]
  return users.flatMap((user) => {
    const reports: { user: string; views: number; until: number }[] = []
    for (const { time } of views.filter((one) => one.user === user)) {
      const last = reports.at(-1)
      if (last !== undefined && time < last.until) last.views++
      else reports.push({ user, views: 1, until: time + 10_000 })
    }
    return reports
  })
}

test('one report for each user and interval', async () => {
  const views = readFileSync(data, 'utf8').trim().split('\n').map(parsePageView)
  const reports: ViewReport[] = []
  const job = await TestJob.start(pageViews(collection(views), collect(reports)), { set })
  expect((await job.handle.result).status).toBe('FINISHED')
  expect(reports.toSorted(byTime)).toEqual(reportsOf(views).toSorted(byTime))
  expect(reports.filter(({ user }) => user === 'Mary').map((report) => report.views)).toEqual([3, 2, 1])
})

test('the timer rings ten seconds after the first view, not later ones', async () => {
  const log = new Log(view('Mary', 0), view('Mary', 9_000), view('Bob', 10_000))
  const reports: ViewReport[] = []
  const job = await TestJob.start(pageViews(log.source, collect(reports)), { set })
  await job.taken('report', 3)
  expect(reports).toEqual([])
  log.append(view('Bob', 10_001)) // the watermark is now 10,000
  await until(() => reports.length > 0, 'the first report')
  expect(reports).toEqual([{ user: 'Mary', views: 2, until: 10_000 }])
})

test('timers survive a restart', async () => {
  const log = new Log(view('Mary', 0), view('Bob', 3_000))
  const reports = transactionalCollect<ViewReport>()
  const job = await TestJob.start(pageViews(log.source, reports), { set })
  await job.taken('report', 2)
  const { path } = await job.checkpoint(1_000)
  log.append(view('Mary', 5_000))
  await job.taken('report', 3)
  log.crash()
  expect(await job.restart()).toMatchObject({ restoredFrom: path })

  log.append(view('Alice', 60_000))
  log.end()
  expect((await job.handle.result).status).toBe('FINISHED')
  expect(reports.values.toSorted(byTime)).toEqual([
    { user: 'Mary', views: 2, until: 10_000 },
    { user: 'Bob', views: 1, until: 13_000 },
    { user: 'Alice', views: 1, until: 70_000 },
  ])
})
