import { readFileSync } from 'node:fs'
import * as fc from '../../fast-check.ts'
import { collect, collection } from 'millrace'
import { expect, test } from 'vitest'
import { manualWindow, type WindowCount } from '../../../examples/manual-window.ts'
import { parsePageView, type PageView } from '../../../examples/page-views.ts'
import { TestJob } from './support.ts'

const data = new URL('../../../examples/data/page-views.txt', import.meta.url)

const sorted = (counts: readonly WindowCount[]): WindowCount[] =>
  counts.toSorted((a, b) => a.start - b.start || a.url.localeCompare(b.url))

async function windowsOf(views: readonly PageView[]) {
  const byHand: WindowCount[] = []
  const builtIn: WindowCount[] = []
  const job = await TestJob.start(manualWindow(collection(views), collect(byHand), collect(builtIn)), {
    set: { 'pipeline.auto-watermark-interval': '0' },
  })
  expect((await job.handle.result).status).toBe('FINISHED')
  const late = job.handle
    .metrics()
    .operators.reduce((sum, { numLateRecordsDropped }) => sum + numLateRecordsDropped, 0)
  return { byHand: sorted(byHand), builtIn: sorted(builtIn), late }
}

test('both windows count what is there', async () => {
  const views = readFileSync(data, 'utf8').trim().split('\n').map(parsePageView)
  const counts = new Map<string, WindowCount>()
  for (const { url, time } of views) {
    const start = Math.floor(time / 10_000) * 10_000
    const key = `${start} ${url}`
    counts.set(key, { url, start, views: (counts.get(key)?.views ?? 0) + 1 })
  }
  const { byHand, builtIn } = await windowsOf(views)
  expect(builtIn).toEqual(sorted([...counts.values()]))
  expect(byHand).toEqual(builtIn)
})

test('the window built by hand equals the built-in one on any input, out of order and late as it may be', async () => {
  const views = fc.array(
    fc.record({
      user: fc.constant('Mary'),
      url: fc.constantFrom('/home', '/cart'),
      time: fc.integer({ min: 0, max: 60_000 }),
    }),
    // More than a batch, so that watermarks come between records and some of these are late.
    { maxLength: 2_000, size: 'max' },
  )
  let lateOfAll = 0
  await fc.assert(
    fc.asyncProperty(views, async (input) => {
      const { byHand, builtIn, late } = await windowsOf(input)
      expect(byHand).toEqual(builtIn)
      lateOfAll += late
    }),
    { numRuns: 20 },
  )
  expect(lateOfAll).toBeGreaterThan(0)
})
