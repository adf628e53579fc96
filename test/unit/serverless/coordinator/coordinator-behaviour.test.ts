import { describe, expect, it } from 'vitest'
import { PlayedJob } from './played-job.ts'

async function running(job = new PlayedJob()): Promise<PlayedJob> {
  job.start()
  await job.settle()
  expect(job.status).toBe('RUNNING')
  return job
}

/** One with a completed checkpoint, and work done before and after it. */
async function checkpointed(job = new PlayedJob()): Promise<PlayedJob> {
  await running(job)
  job.work('numbers')
  for (const keyGroup of [0, 1, 2, 3]) job.work('count', keyGroup)
  await job.after(10_000)
  expect(job.image.coordinator.completed).toHaveLength(1)
  job.work('count', 1)
  return job
}

describe('a job', () => {
  it('is started: geneses first, then orders', async () => {
    const job = await running()
    expect(job.running.map(({ phase, attempt }) => [phase, attempt])).toEqual([
      ['running', 1],
      ['running', 1],
      ['running', 1],
    ])
    expect(await job.record()).toMatchObject({ status: 'RUNNING', attempt: 1, restarts: 0 })
  })

  it('completes checkpoints', async () => {
    const job = await checkpointed()
    expect((await job.record()).checkpoints).toMatchObject([{ checkpointId: 1, kind: 'checkpoint' }])
  })

  it('that fails goes on from the positions of its last checkpoint', async () => {
    const job = await checkpointed()
    job.report(job.of('count#0'), job.of('count#0').fail('boom'))
    await job.settle()
    expect(job.status).toBe('RESTARTING')
    await job.after(5_000)
    expect(job.status).toBe('RUNNING')
    expect(job.of('count#0').attempt).toBe(2)
  })

  it('that is cancelled settles, and is started again from its checkpoint', async () => {
    const job = await checkpointed()
    job.ask({ type: 'cancel' })
    await job.settle()
    expect(job.status).toBe('CANCELED')
    job.start('latest')
    await job.settle()
    expect(job.status).toBe('RUNNING')
    expect(job.of('count#0').attempt).toBe(2)
  })
})
