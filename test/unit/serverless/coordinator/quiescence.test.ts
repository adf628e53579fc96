import { describe, expect, it } from 'vitest'
import type { TaskOrder } from '../../../../lib/serverless/protocol.ts'
import { PlayedJob } from './played-job.ts'
import { inputsEnd, running } from './played-stories.ts'

const unchecked = (): Promise<PlayedJob> => running(new PlayedJob({ parallelism: 2, checkpoints: 'off' }))

async function ticked(job: PlayedJob): Promise<void> {
  job.request({ type: 'tick' })
  await job.settle()
}

function ordersOf(job: PlayedJob, type: TaskOrder['type']) {
  return job.orders.filter(({ order }) => order.type === type)
}

describe('a job that takes no checkpoints', () => {
  it('is asked with each tick whether it is quiescent, and sleeps once all of it is', async () => {
    const job = await unchecked()
    job.work('count', 1)
    await ticked(job)
    expect(ordersOf(job, 'tell-quiescence')).toHaveLength(3)
    expect(job.image.coordinator.idle).toBe(false)
    await ticked(job)
    expect(job.image.coordinator).toMatchObject({ idle: true, wakeAtMs: undefined })
    expect(job.world.wakeUps.scheduleEnabled).toBe(false)
    expect(await job.record()).toMatchObject({ status: 'RUNNING', idle: true })
  })

  it('wakes with the first thing that is done', async () => {
    const job = await unchecked()
    await ticked(job)
    job.work('count', 1)
    await job.settle()
    expect(job.image.coordinator.idle).toBe(false)
    expect(job.world.wakeUps.scheduleEnabled).toBe(true)
    expect(await job.record()).toMatchObject({ status: 'RUNNING', idle: false })
  })

  it('has its tasks fold what they had when they were asked, since its logs end after weeks', async () => {
    const job = await unchecked()
    job.work('count', 1)
    await ticked(job)
    const folded = ordersOf(job, 'restorable-from').map(({ to, order }) => [to, order])
    const told = [...job.tasks.values()].map(({ actor, position }) => {
      return [actor, { type: 'restorable-from', position }]
    })
    expect(folded).toEqual(expect.arrayContaining(told))
    expect(folded).toHaveLength(told.length)
  })

  it('is not at rest while something is under way between its tasks, nor folds it', async () => {
    const job = await unchecked()
    job.of('numbers#0').channels = { received: {}, sent: { [job.of('count#0').id]: 3 } }
    job.of('count#0').channels = { received: { [job.of('numbers#0').id]: 2 }, sent: {} }
    await ticked(job)
    expect(job.image.coordinator.idle).toBe(false)
    expect(ordersOf(job, 'restorable-from')).toEqual([])
    job.of('count#0').channels = { received: { [job.of('numbers#0').id]: 3 }, sent: {} }
    await ticked(job)
    expect(job.image.coordinator.idle).toBe(true)
  })

  it('is not at rest where one begins to do something before the last has answered', async () => {
    const job = await unchecked()
    job.of('numbers#0').isLost = true
    await ticked(job)
    job.work('count', 1)
    await ticked(job)
    // Who has not answered is not asked again.
    expect(ordersOf(job, 'tell-quiescence')).toHaveLength(3)
    job.of('numbers#0').isLost = false
    await job.settle()
    expect(job.image.coordinator.idle).toBe(false)
    await ticked(job)
    await ticked(job)
    expect(job.image.coordinator.idle).toBe(true)
  })

  it('is asked anew where one has not answered for long: the order may be lost', async () => {
    const job = await unchecked()
    const orders = (): number => ordersOf(job, 'tell-quiescence').length
    const { world } = job
    await ticked(job)
    const lost = job.of('numbers#0')
    lost.isLost = true
    await ticked(job)
    expect([orders(), job.image.quiescence?.told]).toMatchObject([6, {}])
    job.clock.advance(2 * 60_000)
    await ticked(job)
    expect(orders()).toBe(6)
    job.clock.advance(60_000)
    await ticked(job)
    expect(orders()).toBe(9)
    // Then it gives both answers: the first counts in the round that is open, the second in none.
    lost.isLost = false
    await job.settle()
    expect([job.image.quiescence, job.image.coordinator.idle]).toEqual([undefined, true])
    expect(world.wakeUps.scheduleEnabled).toBe(false)
  })

  it('is asked in each attempt by itself', async () => {
    const job = await unchecked()
    const late = job.of('numbers#0')
    late.isLost = true
    await ticked(job)
    const { attempt } = job.image.coordinator
    job.report(job.of('count#0'), [{ type: 'failed', cause: { message: 'thrown' } }])
    await job.settle()
    late.isLost = false
    job.clock.advance(60_000)
    await ticked(job)
    expect(job.image.coordinator.attempt).toBeGreaterThan(attempt)
    const told = {
      type: 'quiescence',
      active: false,
      position: 1,
      channels: { received: {}, sent: {} },
    } as const
    for (const task of job.tasks.values()) job.report(task, [told], attempt)
    await job.settle()
    expect(job.image.coordinator.idle).toBe(false)
    await ticked(job)
    await ticked(job)
    expect(job.image.coordinator.idle).toBe(true)
  })

  it('does not fold what is behind the final checkpoint, where one answers after it', async () => {
    const job = await running(new PlayedJob({ parallelism: 2, checkpoints: 'off', commits: true }))
    const late = job.of('count#0')
    late.isLost = true
    await ticked(job)
    await inputsEnd(job)
    // The barrier overtakes the order, which came by another channel.
    late.isLost = false
    await job.acknowledge(late)
    await job.settle()
    expect([job.status, job.image.quiescence]).toEqual(['FINISHED', undefined])
    expect(ordersOf(job, 'restorable-from')).toEqual([])
  })

  it('is asked by nobody where checkpoints tell', async () => {
    const job = await running()
    await ticked(job)
    expect(ordersOf(job, 'tell-quiescence')).toEqual([])
  })
})
