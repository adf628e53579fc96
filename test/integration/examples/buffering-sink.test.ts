import { expect, test } from 'vitest'
import { bufferedClicks, bufferingSink, type Click } from '../../../examples/buffering-sink.ts'
import { Log, TestJob } from './support.ts'

const clicks = (from: number, to: number): Click[] =>
  Array.from({ length: to - from + 1 }, (_, index) => ({ user: `user ${from + index}`, url: '/' }))

test('what is buffered at a crash is delivered once after it', async () => {
  const log = new Log<Click>(...clicks(1, 14))
  const batches: (readonly Click[])[] = []
  const job = await TestJob.start(
    bufferedClicks(
      log.source,
      bufferingSink(10, (batch) => batches.push(batch)),
    ),
  )
  await job.taken('batches', 14)
  const { path } = await job.checkpoint(1_000) // four clicks are buffered, and in the checkpoint
  log.append(...clicks(15, 16)) // two more are buffered only
  await job.taken('batches', 16)
  expect(batches).toEqual([clicks(1, 10)])

  log.crash()
  expect(await job.restart()).toMatchObject({ restoredFrom: path })
  await job.taken('batches', 2)
  expect(batches).toEqual([clicks(1, 10)])

  log.append(...clicks(17, 33))
  await job.taken('batches', 19)
  expect(batches).toEqual([clicks(1, 10), clicks(11, 20), clicks(21, 30)])
})

test('a job that starts from nothing starts with an empty buffer', async () => {
  const batches: (readonly Click[])[] = []
  const sink = bufferingSink<Click>(10, (batch) => batches.push(batch))
  for (let run = 1; run <= 2; run++) {
    const job = await TestJob.start(bufferedClicks(new Log<Click>(...clicks(1, 7)).source, sink))
    await job.taken('batches', 7)
    await job.handle.cancel()
  }
  expect(batches).toEqual([])
})

test('several subtasks keep buffers of their own, also through a crash', async () => {
  const log = new Log<Click>(...clicks(1, 37))
  const batches: (readonly Click[])[] = []
  const sink = bufferingSink<Click>(10, (batch) => batches.push(batch))
  const job = await TestJob.start(bufferedClicks(log.source, sink), { parallelism: 3 })
  await job.taken('batches', 37) // three batches, and seven clicks in three buffers
  await job.checkpoint(1_000)
  log.crash()
  await job.restart()
  log.append(...clicks(38, 60))
  await job.taken('batches', 23)
  const delivered = batches.flat().map(({ user }) => user)
  expect(batches.map((batch) => batch.length)).toEqual([10, 10, 10, 10, 10])
  expect(new Set(delivered).size).toBe(50)
})
