import assert from 'node:assert/strict'
import { PlayedJob } from './played-job.ts'

export async function running(job: PlayedJob = new PlayedJob()): Promise<PlayedJob> {
  job.start()
  await job.settle()
  assert.equal(job.status, 'RUNNING')
  return job
}

/** A job with a completed checkpoint, and work done before and after it. */
export async function checkpointed(job: PlayedJob = new PlayedJob()): Promise<PlayedJob> {
  await running(job)
  job.work('numbers')
  for (const keyGroup of [0, 1, 2, 3]) job.work('count', keyGroup)
  await job.after(10_000)
  assert.equal(job.image.coordinator.completed.length, 1)
  job.work('count', 1)
  return job
}

/** As {@link checkpointed}, with a savepoint of what was done since. */
export async function savepointed(job: PlayedJob = new PlayedJob()): Promise<PlayedJob> {
  await checkpointed(job)
  job.ask({ type: 'trigger-savepoint', target: undefined })
  await job.settle()
  assert.ok(job.image.coordinator.lastSavepoint !== undefined)
  job.work('count', 1)
  return job
}

/** Every task tells that it has no more input, and all is done that comes of it. */
export async function inputsEnd(job: PlayedJob): Promise<void> {
  for (const task of job.running) job.report(task, [{ type: 'input-ended' }])
  await job.settle()
}
