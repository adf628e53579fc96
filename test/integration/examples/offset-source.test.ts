import { setImmediate } from 'node:timers/promises'
import { collect, transactionalCollect } from 'millrace'
import { expect, test } from 'vitest'
import { offsets, offsetSource } from '../../../examples/offset-source.ts'
import { TestJob, until } from './support.ts'

const offset = (number: number): string => `subtask 0: offset ${number}`
const offsetsTo = (last: number): string[] => Array.from({ length: last }, (_, index) => offset(index + 1))

test('each restart goes on behind the offset of the last checkpoint; the third failure ends the job', async () => {
  const read: string[] = []
  const job = await TestJob.start(offsetSource(offsets(), collect(read)), {
    set: { 'execution.checkpointing.interval': 'off' },
  })
  const readUpTo = async (count: number): Promise<void> => {
    await until(() => read.length === count, `${count} offsets are read`)
  }
  const second = async (countAfter: number): Promise<void> => {
    job.clock.advance(1_000)
    await readUpTo(countAfter)
  }

  await readUpTo(1)
  await second(2)
  await second(3)
  const { path } = await job.handle.triggerCheckpoint()
  await second(4)
  await second(5)
  job.clock.advance(1_000) // the first failure

  expect(await job.restart()).toEqual({ delayMs: 3_000, restoredFrom: path })
  await readUpTo(6)
  await second(7)
  const later = await job.handle.triggerCheckpoint()
  job.clock.advance(1_000) // the second

  expect(await job.restart()).toEqual({ delayMs: 3_000, restoredFrom: later.path })
  await readUpTo(8)
  for (let count = 9; count <= 12; count++) await second(count)
  job.clock.advance(1_000) // the third

  const result = await job.handle.result
  expect(result).toMatchObject({
    status: 'FAILED',
    restarts: 2,
    cause: {
      message: 'Lost the connection after offset 10',
      operatorUid: 'offsets',
      notRestartedBecause: 'fixed-delay: all 2 restarts are used up',
    },
  })
  expect(read).toEqual([1, 2, 3, 4, 5, 4, 5, 6, 7, 8, 9, 10].map(offset))
})

test('with periodic checkpoints no offset is lost or repeated', async () => {
  const committed = transactionalCollect<string>()
  const job = await TestJob.start(offsetSource(offsets(), committed))
  const results: string[] = []
  void job.handle.result.then(({ status }) => results.push(status))
  await job.next('deployed')
  // Half a second at a time, each checkpoint within its time, until the job has failed for good.
  while (results.length === 0) {
    await until(() => job.checkpointsUnderWay === 0, 'no checkpoint is under way')
    if (job.handle.status === 'RUNNING') job.clock.advance(500)
    if (job.handle.status === 'RESTARTING') await job.restart()
    await setImmediate()
  }
  expect(results).toEqual(['FAILED'])
  expect(committed.values).toEqual(offsetsTo(15))
})
