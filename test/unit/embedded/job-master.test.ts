import { expect, test } from 'vitest'
import { defineJob, discard, runJob, sourceFunction } from '../../../lib/index.ts'
import { ManualClock } from '../../../lib/testing/index.ts'

test('a defect of the runtime leaves nobody waiting for an answer', async () => {
  class BrokenClock extends ManualClock {
    broken = false
    override now(): number {
      if (this.broken) throw new Error('broken')
      return super.now()
    }
  }
  const clock = new BrokenClock()
  const job = await runJob(
    defineJob({ name: 'job' }, (env) =>
      env.source('source', sourceFunction<number>({ poll: () => 'wait' })).sinkTo('sink', discard()),
    ),
    { clock },
  )
  await new Promise<void>((resolve) => {
    job.onEvent((event) => {
      if (event.type === 'status' && event.to === 'RUNNING') resolve()
    })
  })
  clock.broken = true
  await expect(job.triggerCheckpoint()).rejects.toThrow('broken')
  await expect(job.triggerSavepoint()).rejects.toThrow('broken')
  clock.broken = false
  await expect(job.result).rejects.toThrow('broken')
})
