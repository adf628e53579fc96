import { expect, test } from 'vitest'
import { barrier, forever, OneTask, records } from './one-task.ts'

test('a process that copies a savepoint goes on from what others have done since it last had a turn', async () => {
  const one = new OneTask()
  await one.begin(1)
  const first = one.process()
  await first.handle([one.order({ type: 'start' })], forever)
  await first.handle([one.elements(0, records('a'))], forever)

  // Another process takes the next turns, up to the barrier; the first one finds the copying to do.
  const hurried = { remainingMs: () => 0 }
  const second = one.process()
  await second.handle([one.elements(0, records('a', 'a')), one.elements(0, barrier(1, true))], forever)
  await second.handle([one.elements(1, barrier(1, true))], hurried)
  one.counts()
  await first.handle([one.elements(0, records('a'))], forever)
  expect(one.counts()).toEqual(['a:4'])
})
