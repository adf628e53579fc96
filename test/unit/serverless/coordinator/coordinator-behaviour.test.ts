import { describe, expect, it, vi } from 'vitest'
import { fixedDelay } from '../../../../lib/index.ts'
import { ingestActor, taskActor } from '../../../../lib/model/actors.ts'
import { taskId, type ActorId } from '../../../../lib/model/ids.ts'
import { BlobStoreError } from '../../../../lib/ports/blob-store.ts'
import { PlatformFault } from '../../../../lib/ports/platform-fault.ts'
import { StaleView } from '../../../../lib/serverless/actor/behaviour.ts'
import { actorFolder, sortOf } from '../../../../lib/serverless/actor/log-entry.ts'
import { savepointDirectory } from '../../../../lib/serverless/savepoint-place.ts'
import type { JobRequest, TaskOrder } from '../../../../lib/serverless/protocol.ts'
import { checkpointed, inputsEnd, running, savepointed } from './played-stories.ts'
import { PlayedJob } from './played-job.ts'

const TICK: JobRequest = { type: 'tick' }
const VISIT: JobRequest = { type: 'visit' }
const INLINE_HEAD = 0

function ordersOf(job: PlayedJob, type: TaskOrder['type']) {
  return job.orders.filter(({ order }) => order.type === type)
}

function denial(action: string): PlatformFault {
  return new PlatformFault(`not allowed: ${action}`, { passes: false })
}

/** And the delay of the restart is over. */
async function failed(job: PlayedJob, task: string): Promise<void> {
  job.report(job.of(task), job.of(task).fail('boom'))
  await job.settle()
  await job.after(5_000)
}

async function asleep(): Promise<PlayedJob> {
  const job = await running()
  await job.after(10_000)
  expect(job.image.coordinator.idle).toBe(true)
  return job
}

/** A savepoint that was asked for: one task has copied its rows, and another cannot. */
async function oneDeclines(job: PlayedJob, checkpointId: number): Promise<void> {
  await job.turn()
  await job.obey(job.of('numbers#0'))
  // Its barrier, then the copy of its rows.
  await job.acknowledge(job.of('count#0'))
  await job.acknowledge(job.of('count#0'))
  job.report(job.of('count#1'), [{ type: 'decline', checkpointId, reason: 'task-error', message: 'full' }])
  await job.settle()
}

const record = (job: PlayedJob, id: number): string => `played/${job.image.run!.runId}/chk-${id}/_metadata`

/** What a process that stalled writes when nobody expects it any more. */
async function comesLate(job: PlayedJob, from: string, to: string): Promise<void> {
  const bytes = await job.runtime.blobs.get(from)
  await job.runtime.blobs.putIfAbsent(to, bytes!)
}

describe('a job that is started', () => {
  it('has the genesis of every task, sinks first, before any task is ordered to go', async () => {
    const job = new PlayedJob()
    const append = vi.spyOn(job.runtime.log, 'append')
    job.start()
    while (append.mock.calls.length === 0) await job.turn({ dies: job.position > 0 })
    expect(job.orders).toEqual([])
    await job.settle()
    expect(append.mock.calls.slice(0, 3).map(([actor]) => actor)).toEqual([
      'task:count#0',
      'task:count#1',
      'task:numbers#0',
    ])
    expect(ordersOf(job, 'start')).toHaveLength(3)
    expect(await job.record()).toMatchObject({ status: 'RUNNING', attempt: 1, restarts: 0 })
  })

  it('is begun once, also where whoever began it died before anybody knew', async () => {
    const job = new PlayedJob()
    job.start()
    await job.turn()
    await job.turn({ dies: true })
    await job.turn({ dies: true })
    await job.settle()
    expect(job.running.map(({ attempt, phase }) => [attempt, phase])).toEqual([
      [1, 'running'],
      [1, 'running'],
      [1, 'running'],
    ])
    expect(job.position).toBeLessThan(6)
  })

  it('has in the next turn what there was no time for in one', async () => {
    const job = new PlayedJob()
    job.start()
    while (job.image.effects.length > 0 || job.inbox.length > 0) await job.turn({ remainingMs: 0 })
    expect(job.status).toBe('RUNNING')
    expect(job.world.wakeUps.scheduleEnabled).toBe(true)
    expect(await job.record()).toMatchObject({ status: 'RUNNING' })
  })

  it('is started once, however often the request comes, and not while it runs', async () => {
    const job = new PlayedJob()
    const requestId = job.start()
    job.request({ type: 'start', requestId, from: undefined, allowNonRestoredState: false })
    await job.settle()
    expect(job.image.coordinator.attempt).toBe(1)
    const again = job.start()
    await job.settle()
    expect(job.answer(requestId)).toEqual({ type: 'accepted' })
    expect(job.answer(again)).toEqual({
      type: 'refused',
      message: 'the job is RUNNING: end it first, with stop, suspend or cancel',
    })
  })

  it('takes checkpoints a second apart at the least', () => {
    const job = new PlayedJob({ parallelism: 1, options: { checkpointing: { interval: '100 ms' } } })
    expect(job.image.coordinator.settings.checkpointing.intervalMs).toBe(1_000)
  })

  it('and cancelled before it is deployed has its tasks begun, fenced and never started', async () => {
    const job = new PlayedJob()
    job.start()
    job.ask({ type: 'cancel' })
    await job.settle()
    expect(job.status).toBe('CANCELED')
    expect(ordersOf(job, 'start')).toEqual([])
    expect(job.running.every(({ isFenced }) => isFenced)).toBe(true)
  })

  it('has tasks fenced that were begun by one who did not live to tell, and with code that is gone', async () => {
    const job = new PlayedJob({ parallelism: 3 })
    job.start()
    await job.turn()
    await job.turn({ dies: true })
    job.deploy({ parallelism: 1 })
    await job.settle()
    expect(job.status).toBe('FAILED')
    expect(job.of('count#2')).toMatchObject({ attempt: 1, isFenced: true })
  })
})

describe('a checkpoint', () => {
  it('is recorded with where each task stood, and every task is told what it may fold', async () => {
    const job = await checkpointed()
    const { checkpoints, positions } = await job.record()
    expect(checkpoints).toMatchObject([{ checkpointId: 1, location: expect.stringMatching(/chk-1$/) }])
    expect(positions).toEqual({
      'numbers#0': { attempt: 1, position: 3 },
      'count#0': { attempt: 1, position: 4 },
      'count#1': { attempt: 1, position: 4 },
    })
    expect(ordersOf(job, 'complete').map(({ order }) => order)).toEqual([
      { type: 'complete', checkpointId: 1, restorableFrom: 4 },
      { type: 'complete', checkpointId: 1, restorableFrom: 4 },
      { type: 'complete', checkpointId: 1, restorableFrom: 3 },
    ])
  })

  it('whose record a predecessor wrote is complete all the same', async () => {
    const job = await running()
    job.work('numbers')
    job.clock.advance(10_000)
    job.inbox.push({ type: 'nudge' })
    await job.turn()
    for (const task of job.running) await job.obey(task)
    for (const task of job.running) await job.acknowledge(task)
    await job.turn()
    expect(job.image.effects).toEqual([{ type: 'store', checkpointId: 1 }])
    await job.turn({ dies: true })
    expect(job.image.coordinator.completed).toEqual([])
    await job.settle()
    expect(job.image.coordinator.completed).toMatchObject([{ checkpointId: 1 }])
  })

  it('is recorded as its run took it, also where other code was deployed meanwhile', async () => {
    const job = await running()
    job.work('numbers')
    job.clock.advance(10_000)
    job.inbox.push({ type: 'nudge' })
    await job.turn()
    await job.obey(job.of('numbers#0'))
    for (const task of job.running) await job.acknowledge(task)
    job.deploy({ parallelism: 3 })
    await job.settle()
    expect(Object.keys(job.image.coordinator.completed[0]!.logs!)).toHaveLength(3)
    expect(await job.runtime.blobs.list('played/')).toHaveLength(1)
  })

  it('in whose place is another record is a defect, and nothing is overwritten', async () => {
    const job = await running()
    const name = `played/${job.image.run!.runId}/chk-1/_metadata`
    await job.runtime.blobs.putIfAbsent(name, new Uint8Array([1]))
    await expect(job.after(10_000)).rejects.toThrow(/never reused/)
    expect(await job.runtime.blobs.get(name)).toEqual(new Uint8Array([1]))
  })

  it('whose record is removed while it is stored again is that of an old view, not of a reused id', async () => {
    const job = await running()
    vi.spyOn(job.runtime.blobs, 'putIfAbsent').mockResolvedValue('exists')
    await expect(job.after(10_000)).rejects.toThrow(StaleView)
  })

  it('that cannot be stored has failed, and the job with it where none may fail', async () => {
    const job = await checkpointed()
    vi.spyOn(job.runtime.blobs, 'putIfAbsent').mockRejectedValue(new BlobStoreError('access denied'))
    await job.after(10_000)
    expect(job.happenings).toContainEqual({
      type: 'checkpoint-failed',
      checkpointId: 2,
      reason: 'store-failed',
      message: 'access denied',
    })
    expect(job.status).toBe('RESTARTING')
  })

  it('beyond the number retained is removed', async () => {
    const job = await checkpointed()
    job.work('count', 2)
    await job.after(10_000)
    const names = await job.runtime.blobs.list('played/')
    expect(names).toEqual([expect.stringMatching(/chk-2\/_metadata$/)])
  })

  it('that may not be removed stays and is told of, and the job goes on', async () => {
    const job = await checkpointed()
    const cause = new PlatformFault('not allowed: s3:DeleteObject', { passes: false })
    vi.spyOn(job.runtime.blobs, 'delete').mockRejectedValueOnce(new BlobStoreError(cause.message, { cause }))
    job.work('numbers')
    await job.after(10_000)
    expect(job.happenings).toContainEqual({
      type: 'warning',
      message: 'remove-checkpoint: not allowed: s3:DeleteObject',
    })
    expect(await job.runtime.blobs.list('played/')).toEqual([record(job, 1), record(job, 2)])
    job.request(VISIT)
    await job.settle()
    expect(await job.runtime.blobs.list('played/')).toEqual([record(job, 2)])
  })

  it('is told to the observer once its turn is committed', async () => {
    const job = await checkpointed()
    await job.turn({ dies: true })
    const told = job.happenings.filter(({ type }) => type === 'checkpoint-completed')
    expect(told).toHaveLength(1)
  })

  it('asked for by hand is refused where periodic ones are off: nothing could be restored from it', async () => {
    const job = await running(
      new PlayedJob({ parallelism: 1, options: { checkpointing: { interval: 'off' } } }),
    )
    const asked = job.ask({ type: 'trigger-checkpoint' })
    await job.settle()
    expect(job.answer(asked)).toMatchObject({ type: 'refused', message: expect.stringContaining('off') })
  })
})

describe('a suspension', () => {
  it('is refused where nothing could be started from again', async () => {
    const job = await running(new PlayedJob({ parallelism: 2, checkpoints: 'off' }))
    const asked = job.ask({ type: 'suspend' })
    await job.settle()
    expect(job.answer(asked)).toMatchObject({
      type: 'refused',
      message: expect.stringContaining('Stop it with a savepoint, or cancel it'),
    })
    expect(job.status).toBe('RUNNING')
    job.ask({ type: 'cancel' })
    await job.settle()
    const late = job.ask({ type: 'suspend' })
    await job.settle()
    expect(job.answer(late)).toEqual({ type: 'refused', message: 'the job is CANCELED' })
  })
})

describe('a failure', () => {
  it('takes every task back to its position in the last checkpoint, and moves no state', async () => {
    const job = await checkpointed()
    const blobs = await job.runtime.blobs.list('')
    await failed(job, 'count#0')
    expect(job.status).toBe('RUNNING')
    expect(job.running.map(({ attempt }) => attempt)).toEqual([2, 2, 2])
    expect(await job.runtime.blobs.list('')).toEqual(blobs)
    expect(await job.record()).toMatchObject({ restarts: 1, attempt: 2 })
  })

  it('of an attempt that is over is not heard', async () => {
    const job = await checkpointed()
    await failed(job, 'count#0')
    job.report(job.of('count#0'), [{ type: 'failed', cause: { message: 'late' } }], 1)
    await job.settle()
    expect(job.status).toBe('RUNNING')
  })

  it('before the first checkpoint begins anew, in a namespace of its own', async () => {
    const job = await running()
    const { namespace } = job.of('count#0')
    job.work('count', 0)
    await failed(job, 'numbers#0')
    expect(job.of('count#0')).toMatchObject({ attempt: 2, counts: new Map() })
    expect(job.of('count#0').namespace).not.toBe(namespace)
  })

  it('of a commit after the final checkpoint goes back to that, also where no others are taken', async () => {
    const job = await running(new PlayedJob({ parallelism: 2, checkpoints: 'off', commits: true }))
    for (const keyGroup of [0, 1, 2, 3]) job.work('count', keyGroup)
    const committing = job.of('count#0')
    const obey = committing.obey.bind(committing)
    vi.spyOn(committing, 'obey').mockImplementation((pass) =>
      committing.orders[0]?.order.type === 'complete' && committing.attempt === 1
        ? [...obey(pass), ...committing.fail('boom')]
        : obey(pass),
    )
    await inputsEnd(job)
    expect(job.status).toBe('RESTARTING')
    await job.after(5_000)
    expect(job.status).toBe('RUNNING')
    expect(committing).toMatchObject({ attempt: 2, begunWith: committing.counts })
    expect([...committing.counts.values()]).toEqual([1, 1])
    // Nor is that folded over until it is over.
    job.request(TICK)
    await job.settle()
    expect(ordersOf(job, 'tell-quiescence')).toEqual([])
    await inputsEnd(job)
    expect(job.status).toBe('FINISHED')
  })

  it('before the final checkpoint is complete anew, and after a savepoint, leaves nothing that a start could take for whole', async () => {
    const job = await running(new PlayedJob({ parallelism: 2, checkpoints: 'off', commits: true }))
    const { namespace } = job.of('count#0')
    job.work('count', 0)
    let isFailed = false
    const committing = job.of('count#0')
    const obey = committing.obey.bind(committing)
    vi.spyOn(committing, 'obey').mockImplementation((pass) => {
      if (committing.orders[0]?.order.type !== 'complete' || isFailed) return obey(pass)
      isFailed = true
      return [...obey(pass), ...committing.fail('boom')]
    })
    await inputsEnd(job)
    await job.after(5_000)
    expect(job.image.coordinator.completed).toHaveLength(1)
    job.work('count', 0)
    job.ask({ type: 'trigger-savepoint', target: undefined })
    await job.settle()
    await failed(job, 'numbers#0')
    expect(job.status).toBe('RUNNING')
    expect(job.of('count#0').namespace).not.toBe(namespace)
    expect(job.image.coordinator.completed).toEqual([])
    job.ask({ type: 'cancel' })
    await job.settle()
    expect(job.image.lineage?.retained ?? []).toEqual([])
    expect(await job.runtime.blobs.list(`played/${job.image.run!.runId}/`)).toEqual([])
  })

  it('is what a dead letter is, with what and why', async () => {
    const job = await checkpointed()
    job.ask({ type: 'dead-letter', actor: 'task:count#1', reason: 'received 10 times' })
    await job.settle()
    expect(job.status).toBe('RESTARTING')
    const { cause } = await job.record()
    expect(cause?.message).toMatch(
      /^a message to task:count#1 came to the dead-letter queue: received 10 times/,
    )
  })

  it('is one for many dead letters of an attempt, however late they come', async () => {
    const options = { restart: fixedDelay({ attempts: 1, delay: '5 s' }) }
    const job = await checkpointed(new PlayedJob({ parallelism: 2, options }))
    const dies = (attempt: number, reason: string) =>
      job.ask({ type: 'dead-letter', actor: 'task:count#1', attempt, reason })
    dies(1, 'the first')
    dies(1, 'the second')
    await job.settle()
    expect(job.status).toBe('RESTARTING')
    dies(1, 'the third')
    await job.after(5_000)
    expect(job.status).toBe('RUNNING')
    const late = dies(1, 'the fourth')
    await job.settle()
    expect(job.status).toBe('RUNNING')
    expect(job.answer(late)).toEqual({ type: 'accepted' })
    expect(job.happenings).toContainEqual({
      type: 'warning',
      message: expect.stringMatching(
        /^task:count#1: .*: the fourth\. It was of attempt 1, and nobody waits for it$/,
      ),
    })
    dies(2, 'the fifth')
    await job.settle()
    expect(job.status).toBe('FAILED')
  })
})

describe('a job at its end', () => {
  it('shows it once its tasks brought their rows up to the checkpoint that is kept, and fences them', async () => {
    const job = await checkpointed()
    job.ask({ type: 'cancel' })
    await job.turn()
    expect(ordersOf(job, 'materialize')).toHaveLength(3)
    expect(job.status).toBe('CANCELLING')
    await job.settle()
    expect(job.running.every(({ isFenced }) => isFenced)).toBe(true)
    expect([...job.rows.values()].map(({ position }) => position)).toEqual([4, 4, 4, 4])
    expect(await job.record()).toMatchObject({ status: 'CANCELED', unmaterialized: [] })
  })

  it('does not wait for ever for a task that is lost', async () => {
    const job = await checkpointed()
    job.of('count#1').isLost = true
    job.ask({ type: 'cancel' })
    await job.settle()
    expect(job.status).toBe('CANCELLING')
    await job.after(5 * 60_000)
    expect(await job.record()).toMatchObject({ status: 'CANCELED', unmaterialized: ['count#1'] })
  })

  it('that keeps nothing drops its rows', async () => {
    const job = await checkpointed(
      new PlayedJob({ parallelism: 2, options: { checkpointing: { retentionOnCancel: 'delete' } } }),
    )
    expect(job.rows.size).toBeGreaterThan(0)
    job.ask({ type: 'cancel' })
    await job.settle()
    expect([...job.rows.keys()]).toEqual([])
    expect(await job.runtime.blobs.list('')).toEqual([])
  })

  it('by its restart strategy shows why', async () => {
    const job = await checkpointed(new PlayedJob({ parallelism: 1, options: { restart: { type: 'none' } } }))
    job.report(job.of('count#0'), job.of('count#0').fail('boom'))
    await job.settle()
    expect(await job.record()).toMatchObject({
      status: 'FAILED',
      cause: { message: 'boom', notRestartedBecause: 'the restart strategy is none' },
      latest: { checkpointId: 1 },
    })
  })

  it('answers every request, and one that is repeated not again', async () => {
    const job = await checkpointed()
    const cancel = job.ask({ type: 'cancel' })
    await job.settle()
    const stop = job.ask({ type: 'stop', target: undefined, drain: false })
    await job.settle()
    const { answers } = await job.record()
    expect(answers[cancel]).toMatchObject({ type: 'accepted' })
    expect(answers[stop]).toMatchObject({ type: 'refused', message: 'the job is CANCELED, not RUNNING' })
    const before = job.turns
    job.request({ type: 'cancel', requestId: cancel })
    await job.settle()
    expect(job.turns).toBe(before)
  })
})

describe('a savepoint', () => {
  it('is whole in a directory of its own, and refers to no log', async () => {
    const job = await savepointed()
    const { lastSavepoint } = await job.record()
    const { runId } = job.image.run!
    const directory = savepointDirectory({ jobName: 'played', runId }, lastSavepoint!.checkpointId)
    expect(lastSavepoint!.location).toBe(`memory/${directory}`)
    expect(await job.runtime.blobs.list('savepoints/')).toHaveLength(3)
  })

  it('is taken one at a time: another is refused while rows are copied', async () => {
    const job = await running()
    const first = job.ask({ type: 'trigger-savepoint', target: undefined })
    await job.turn()
    const second = job.ask({ type: 'trigger-savepoint', target: undefined })
    await job.turn()
    expect(job.answer(first)).toBeUndefined()
    expect(job.answer(second)).toMatchObject({
      type: 'refused',
      message: expect.stringContaining('under way'),
    })
    await job.settle()
    expect(job.answer(first)).toMatchObject({ type: 'completed' })
  })

  it('holds what may be folded while its rows are copied', async () => {
    const options = { checkpointing: { maxConcurrent: 2 } }
    const job = await checkpointed(new PlayedJob({ parallelism: 2, options }))
    job.ask({ type: 'trigger-savepoint', target: undefined })
    await job.turn()
    await job.obey(job.of('numbers#0'))
    for (const task of job.running) await job.acknowledge(task)
    job.ask({ type: 'trigger-checkpoint' })
    await job.turn()
    await job.obey(job.of('numbers#0'))
    for (const task of job.running) await job.acknowledge(task)
    while (job.image.coordinator.completed[0]!.checkpointId === 1) await job.turn()
    expect(job.image.coordinator.pending).toMatchObject([{ kind: 'savepoint' }])
    expect(job.image.restorable).toEqual({ 'numbers#0': 3, 'count#0': 4, 'count#1': 4 })
    await job.settle()
    const positions = Object.entries(job.image.coordinator.completed[0]!.logs!)
    expect(job.image.restorable).toEqual(
      Object.fromEntries(positions.map(([task, log]) => [task, log.position])),
    )
    expect(ordersOf(job, 'restorable-from')).toHaveLength(3)
  })

  it('goes where its user wants it', async () => {
    const job = await checkpointed()
    const asked = job.ask({ type: 'trigger-savepoint', target: 'memory/mine/first' })
    await job.settle()
    expect(job.answer(asked)).toEqual({ type: 'completed', checkpointId: 2, location: 'memory/mine/first' })
    expect(await job.runtime.blobs.list('mine/first/')).toHaveLength(3)
    expect(await job.runtime.blobs.list('savepoints/')).toEqual([])
  })

  it('leaves what is in the place of another as it is, and puts nothing beside it', async () => {
    const job = await checkpointed()
    job.ask({ type: 'trigger-savepoint', target: 'mine' })
    await job.settle()
    const before = await job.runtime.blobs.list('')
    job.work('count', 1)
    const asked = job.ask({ type: 'trigger-savepoint', target: 'mine' })
    await job.settle()
    expect(job.answer(asked)).toEqual({
      type: 'failed',
      reason: 'store-failed',
      message: 'memory/mine: expected a free place for a savepoint, found another one there',
    })
    await job.after(10_000)
    expect((await job.runtime.blobs.list('')).filter((name) => !name.startsWith('played/'))).toEqual(
      before.filter((name) => !name.startsWith('played/')),
    )
    expect(job.status).toBe('RUNNING')
  })

  it.each(['s3://elsewhere/there', '../up', '/root', 'a//b'])('cannot go to %s', async (target) => {
    const job = await checkpointed()
    const asked = job.ask({ type: 'trigger-savepoint', target })
    await job.settle()
    expect(job.answer(asked)).toEqual({
      type: 'refused',
      message: `target: expected a directory within memory/, got ${target}`,
    })
  })

  it('that a task declines leaves nothing once a later checkpoint is complete', async () => {
    const job = await checkpointed()
    const asked = job.ask({ type: 'trigger-savepoint', target: undefined })
    await oneDeclines(job, 2)
    expect(job.answer(asked)).toEqual({ type: 'failed', reason: 'task-error', message: 'full' })
    expect(await job.runtime.blobs.list('savepoints/')).toHaveLength(1)
    await job.after(10_000)
    expect(await job.runtime.blobs.list('savepoints/')).toEqual([])
  })

  it('that a task declines leaves nothing either where no checkpoints are taken, once a later savepoint is complete', async () => {
    const job = await running(new PlayedJob({ parallelism: 2, checkpoints: 'off' }))
    job.ask({ type: 'trigger-savepoint', target: undefined })
    await oneDeclines(job, 1)
    const pieces = (id: number) =>
      job.runtime.blobs.list(`${savepointDirectory({ jobName: 'played', runId: job.image.run!.runId }, id)}/`)
    expect(await pieces(1)).toHaveLength(1)
    job.ask({ type: 'trigger-savepoint', target: undefined })
    await job.settle()
    expect([await pieces(1), (await pieces(2)).length, job.image.spoiled]).toEqual([[], 3, []])
  })

  it('that is given up as soon as it is triggered leaves nothing of what tasks had begun', async () => {
    const checkpointing = { maxConcurrent: 2, tolerableFailures: 0 }
    const job = await checkpointed(new PlayedJob({ parallelism: 2, options: { checkpointing } }))
    // Checkpoint 2 is nobody's, and has expired when the savepoint is asked for: that is too much for the job.
    job.clock.advance(10_000)
    job.inbox.push({ type: 'nudge' })
    await job.turn()
    job.clock.advance(61_000)
    const asked = job.ask({ type: 'trigger-savepoint', target: undefined })
    await job.turn()
    expect(job.answer(asked)).toMatchObject({ type: 'failed', reason: 'job-failing' })
    const runId = job.image.run!.runId
    const directory = savepointDirectory({ jobName: 'played', runId }, 3)
    await job.runtime.blobs.putIfAbsent(`${directory}/piece`, new Uint8Array(1))
    await job.after(10_000)
    await job.after(10_000)
    expect(job.status).toBe('RUNNING')
    expect(await job.runtime.blobs.list('savepoints/')).toEqual([])
  })

  it('ends the job that is stopped with it', async () => {
    const job = await checkpointed()
    const asked = job.ask({ type: 'stop', target: undefined, drain: false })
    await job.settle()
    expect(job.status).toBe('FINISHED')
    expect(job.answer(asked)).toMatchObject({ type: 'completed', checkpointId: 2 })
    expect(job.rows.size).toBe(0)
  })
})

describe('an idle job', () => {
  it('takes no checkpoints, asks for no wake-up, and has the schedule off', async () => {
    const job = await asleep()
    const { turns } = job
    await job.after(100_000)
    expect(job.turns).toBe(turns)
    expect(job.image.coordinator.wakeAtMs).toBeUndefined()
    expect(job.world.wakeUps.scheduleEnabled).toBe(false)
    expect(await job.record()).toMatchObject({ status: 'RUNNING', idle: true })
  })

  it('wakes with the first thing that is done, and takes a checkpoint one interval later', async () => {
    const job = await asleep()
    await job.after(100_000)
    job.work('count', 1)
    await job.settle()
    expect(job.world.wakeUps.scheduleEnabled).toBe(true)
    const atMs = job.clock.now()
    expect(job.image.coordinator.wakeAtMs).toBe(atMs + 10_000)
    await job.after(10_000)
    expect(job.image.coordinator.completed).toMatchObject([{ checkpointId: 2 }])
  })

  it('takes a savepoint when it is asked to', async () => {
    const job = await asleep()
    const asked = job.ask({ type: 'trigger-savepoint', target: undefined })
    await job.settle()
    expect(job.answer(asked)).toMatchObject({ type: 'completed' })
    expect(job.world.wakeUps.scheduleEnabled).toBe(false)
  })
})

describe('the safety tick', () => {
  it('starts a job that was deployed and never started', async () => {
    const job = new PlayedJob()
    job.request(TICK)
    await job.settle()
    expect(job.status).toBe('RUNNING')
  })

  it('starts nothing where somebody asked for something else', async () => {
    const job = new PlayedJob()
    const asked = job.start('savepoints/none')
    await job.settle()
    job.request(TICK)
    await job.settle()
    expect(job.status).toBe('CREATED')
    expect(job.answer(asked)).toMatchObject({
      type: 'refused',
      message: expect.stringContaining(
        'memory/savepoints/none/_metadata: expected a checkpoint or savepoint',
      ),
    })
  })

  it('makes up for a wake-up that was lost, and nudges the tasks', async () => {
    const job = await running()
    job.work('numbers')
    await job.settle()
    job.clock.advance(60_000)
    job.request(TICK)
    const outcome = await job.step(job.view(), job.inbox)
    expect(outcome.outgoing.map(({ to, payload }) => [to, (payload as TaskOrder).type])).toEqual([
      ['task:numbers#0', 'trigger'],
    ])
    expect(outcome.nudges.toSorted()).toEqual(['task:count#0', 'task:count#1', 'task:numbers#0'])
  })

  it('that comes although it was switched off switches it off again', async () => {
    const job = await asleep()
    await job.world.ports().schedule.enable()
    job.request(TICK)
    await job.settle()
    expect(job.world.wakeUps.scheduleEnabled).toBe(false)
  })

  it('fails a job under which other code was deployed, and says what to do', async () => {
    const job = await checkpointed()
    job.deploy({ parallelism: 3 })
    job.request(TICK)
    await job.settle()
    await job.after(5 * 60_000)
    const { status, cause } = await job.record()
    expect(status).toBe('FAILED')
    expect(cause?.message).toMatch(/the deployed code is not that of the run .*start it again/)
  })

  it('fails it as well under settings by which its tasks would take other checkpoints, and under no others', async () => {
    const job = await checkpointed()
    job.deploy({ parallelism: 2, options: { checkpointing: { interval: '1 min' } } })
    job.request(TICK)
    await job.settle()
    expect(job.status).toBe('RUNNING')
    job.deploy({ parallelism: 2, options: { checkpointing: { unaligned: true } } })
    job.request(TICK)
    await job.settle()
    await job.after(5 * 60_000)
    const { status, cause } = await job.record()
    expect(status).toBe('FAILED')
    expect(cause?.message).toContain('settings differ: execution.checkpointing.unaligned.enabled')
  })
})

describe('a job without checkpoints', () => {
  it('goes on under other settings: it has nothing to go back to', async () => {
    const job = await running(new PlayedJob({ parallelism: 2, checkpoints: 'off' }))
    job.work('count', 0)
    job.deploy({ parallelism: 2, options: { checkpointing: { unaligned: true } } })
    job.request(TICK)
    await job.settle()
    expect(job.status).toBe('RUNNING')
    const stopped = job.ask({ type: 'stop', target: undefined, drain: false })
    await job.settle()
    expect(job.answer(stopped)).toMatchObject({ type: 'completed' })
  })
})

describe('the weekly visit', () => {
  it('removes the record of a checkpoint that came late, and none that is retained', async () => {
    const job = await checkpointed()
    const [kept] = await job.runtime.blobs.list('played/')
    job.work('numbers')
    await job.after(10_000)
    const [next] = await job.runtime.blobs.list('played/')
    expect([kept, next]).toEqual([record(job, 1), record(job, 2)])
    await comesLate(job, next!, kept!)
    job.request(VISIT)
    await job.settle()
    expect(await job.runtime.blobs.list('')).toEqual([record(job, 2)])
  })

  it('leaves a record that somebody else has just written, or is about to', async () => {
    const job = await checkpointed()
    const [first] = await job.runtime.blobs.list('played/')
    await comesLate(job, first!, record(job, job.image.coordinator.nextCheckpointId))
    job.request(VISIT)
    await job.settle()
    expect(await job.runtime.blobs.list('played/')).toHaveLength(2)
  })

  it('to a job that is over leaves nothing of it, whoever was late', async () => {
    const job = await savepointed()
    const [first] = await job.runtime.blobs.list('played/')
    const bytes = await job.runtime.blobs.get(first!)
    const asked = job.ask({ type: 'stop', target: 'memory/mine/last', drain: false })
    await job.settle()
    expect(job.answer(asked)).toMatchObject({ type: 'completed' })
    const before = await job.runtime.blobs.list('')
    const { runId } = job.image.run!
    await job.runtime.blobs.putIfAbsent(first!, bytes!)
    const copies = savepointDirectory({ jobName: 'played', runId }, 3)
    await job.runtime.blobs.putIfAbsent(`${copies}/segment`, bytes!)
    job.rows.set(`${runId}-1/0`, { position: 1, count: 1 })
    await job.world.ports().schedule.enable()
    job.request(VISIT)
    await job.settle()
    expect(await job.runtime.blobs.list('')).toEqual(before)
    expect(job.rows.size).toBe(0)
    expect(job.world.wakeUps.scheduleEnabled).toBe(false)
  })

  it('removes copies of what was under way at checkpoints that are not kept, and no others', async () => {
    const job = await checkpointed()
    const [kept] = await job.runtime.blobs.list('played/')
    const ofKept = kept!.replace('_metadata', 'in-flight-a')
    for (const name of [ofKept, ofKept.replace('chk-1', 'chk-7')])
      await job.runtime.blobs.putIfAbsent(name, new Uint8Array())
    job.work('numbers')
    await job.after(10_000)
    job.request(VISIT)
    await job.settle()
    // That of a checkpoint which is to come stays as well: whoever wrote it knows more.
    expect(await job.runtime.blobs.list('played/')).toEqual(
      [record(job, 2), ofKept.replace('chk-1', 'chk-7')].toSorted(),
    )
  })

  it('looks again for what was removed until nobody can be so late', async () => {
    const job = await savepointed()
    job.ask({ type: 'stop', target: undefined, drain: false })
    await job.settle()
    expect(job.image.removed).toMatchObject([{ removal: { type: 'drop-rows' } }])
    job.request(VISIT)
    await job.settle()
    expect(job.image.removed).toHaveLength(1)
    job.clock.advance(24 * 3_600_000)
    job.request(VISIT)
    await job.settle()
    expect(job.image.removed).toEqual([])
  })

  it('switches on again what somebody switched off late', async () => {
    const job = await running()
    await job.world.ports().schedule.disable()
    job.request(VISIT)
    await job.settle()
    expect(job.world.wakeUps.scheduleEnabled).toBe(true)
  })

  it('leaves to the next what there is no time for, and does not hold up what else is to be done', async () => {
    const job = await checkpointed()
    const [kept] = await job.runtime.blobs.list('played/')
    job.work('numbers')
    await job.after(10_000)
    await comesLate(job, record(job, 2), kept!)
    const list = vi.spyOn(job.runtime.blobs, 'list')
    job.request(VISIT)
    await job.turn()
    while (job.image.effects.length > 0) await job.turn({ remainingMs: 0 })
    expect(list).not.toHaveBeenCalled()
    expect(job.happenings).toContainEqual({
      type: 'warning',
      message: 'what is of no use any more is left to the next visit: there was no more time',
    })
    job.request(VISIT)
    await job.settle()
    expect(await job.runtime.blobs.list('')).toEqual([record(job, 2)])
  })

  it('removes what is left of the heads of an operator that began a chain at another parallelism', async () => {
    const job = await checkpointed()
    const out = taskActor(taskId('out', 0))
    const version = sortOf({ attempt: 1, position: 3 })
    const body = Uint8Array.of(INLINE_HEAD)
    await job.runtime.log.putHead(out, { version, body })
    const left = `heads/${actorFolder(out)}/${version.replaceAll('#', '-')}-late`
    await job.runtime.blobs.putIfAbsent(left, body)
    job.request(VISIT)
    await job.settle()
    expect(await job.runtime.blobs.list('heads/')).toEqual([])
  })

  it('leaves to the next what cannot be removed now', async () => {
    const job = await checkpointed()
    vi.spyOn(job.runtime.blobs, 'list').mockRejectedValueOnce(new BlobStoreError('AccessDenied'))
    job.request(VISIT)
    await job.settle()
    expect(job.happenings).toContainEqual({
      type: 'warning',
      message: 'what is of no use any more is left to the next visit: AccessDenied',
    })
  })
})

describe('what the platform refuses', () => {
  const task: ActorId = taskActor(taskId('count', 1))

  it('to a task fails the attempt, and the status says what is to be mended', async () => {
    const job = await running()
    job.ask({ type: 'denied', actor: task, attempt: 1, message: 'not allowed: dynamodb:PutItem' })
    await job.settle()
    expect(await job.record()).toMatchObject({
      status: 'RESTARTING',
      cause: { message: 'not allowed: dynamodb:PutItem' },
    })
  })

  it('to a task of which nothing can be read fails the attempt that runs', async () => {
    const job = await running()
    job.ask({ type: 'denied', actor: task, attempt: undefined, message: 'not allowed: dynamodb:Query' })
    await job.settle()
    expect(job.status).toBe('RESTARTING')
  })

  it('to a task of an attempt that is over is no failure of the next', async () => {
    const job = await running()
    await failed(job, 'count#1')
    job.ask({ type: 'denied', actor: task, attempt: 1, message: 'not allowed: dynamodb:PutItem' })
    await job.settle()
    expect(job.status).toBe('RUNNING')
  })

  it('to ingest is told of and shown in the status, and the job goes on with what it has', async () => {
    const job = await running()
    const partition = ingestActor('lines', 0)
    const denied = () => {
      job.ask({ type: 'denied', actor: partition, attempt: 0, message: 'not allowed: dynamodb:PutItem' })
      return job.settle()
    }
    await denied()
    await job.turn()
    const message = 'ingest:lines#0: not allowed: dynamodb:PutItem'
    expect(job.happenings).toContainEqual({ type: 'warning', message })
    job.clock.advance(1_000)
    await denied()
    // Once, and as of the last time.
    const warnings = [{ atMs: job.clock.now(), message }]
    expect(await job.record()).toMatchObject({ status: 'RUNNING', warnings })
  })

  it('of the status itself is in the log, and not tried for ever', async () => {
    const job = await running()
    vi.spyOn(job.runtime.log, 'putHead').mockRejectedValue(denial('dynamodb:UpdateItem'))
    job.ask({ type: 'trigger-savepoint', target: undefined })
    await job.settle()
    const message = 'publish: not allowed: dynamodb:UpdateItem'
    expect(job.happenings).toContainEqual({ type: 'warning', message })
    expect(job.image.effects).toEqual([])
  })

  it('to the coordinator at a start is the answer to whoever asked for it', async () => {
    const job = await checkpointed()
    job.ask({ type: 'cancel' })
    await job.settle()
    const cause = denial('s3:GetObject')
    vi.spyOn(job.runtime.blobs, 'get').mockRejectedValueOnce(new BlobStoreError(cause.message, { cause }))
    const asked = job.start('latest')
    await job.settle()
    expect(job.answer(asked)).toEqual({ type: 'refused', message: 'not allowed: s3:GetObject' })
  })

  it('where tasks begin fails the attempt', async () => {
    const job = new PlayedJob()
    vi.spyOn(job.runtime.log, 'append').mockRejectedValue(denial('dynamodb:PutItem'))
    job.start()
    await job.settle()
    expect(await job.record()).toMatchObject({
      status: 'RESTARTING',
      cause: { message: 'not allowed: dynamodb:PutItem' },
    })
  })

  it('of a fence is tried until the tasks are fenced: none goes on with a job that is over', async () => {
    const job = await running()
    const append = vi.spyOn(job.runtime.log, 'append').mockRejectedValueOnce(denial('dynamodb:PutItem'))
    job.ask({ type: 'cancel' })
    await job.turn()
    await expect(job.turn()).rejects.toThrow('not allowed: dynamodb:PutItem')
    await job.settle()
    expect(append.mock.calls.length).toBeGreaterThan(1)
    expect(job.status).toBe('CANCELED')
  })

  it('of its schedule is told of once, and tried again at a visit', async () => {
    const job = new PlayedJob()
    const enable = vi.spyOn(job.runtime.schedule, 'enable').mockRejectedValue(denial('events:EnableRule'))
    job.start()
    await job.settle()
    await job.turn()
    const warning = { type: 'warning', message: 'schedule: not allowed: events:EnableRule' }
    expect(job.happenings.filter(({ type }) => type === 'warning')).toEqual([warning])
    job.request(VISIT)
    await job.settle()
    expect(enable).toHaveBeenCalledTimes(2)
    const asked = job.ask({ type: 'cancel' })
    await job.settle()
    expect(job.answer(asked)).toEqual({ type: 'accepted' })
  })
})

describe('what may be folded', () => {
  it('leaves turns whose orders may have to be sent again', async () => {
    const job = await running()
    const { foldable } = job
    expect(foldable()).toBe(0)
    for (let minute = 0; minute < 12; minute++) {
      job.work('numbers')
      await job.after(60_000)
    }
    const folded = foldable()
    expect(folded).toBeGreaterThan(0)
    expect(folded).toBeLessThan(job.position - 10)
  })

  it('counts from when orders were sent, and not from when they were decided on', async () => {
    const job = await running()
    job.clock.advance(60_000)
    job.request({ type: 'tick' })
    await job.turn()
    const decided = job.position
    // A turn begins once all orders of those before it are sent: this time it took so long.
    job.clock.advance(10 * 60_000)
    job.request({ type: 'tick' })
    await job.turn()
    expect(job.foldable()).toBeLessThan(decided)
    for (let minute = 0; minute < 7; minute++) {
      job.work('numbers')
      await job.after(60_000)
    }
    expect(job.foldable()).toBeGreaterThanOrEqual(decided)
  })
})
