import { describe, expect, it } from 'vitest'
import { CheckpointStorage } from '../../../../lib/checkpoint/checkpoint-storage.ts'
import type { ActorId } from '../../../../lib/model/ids.ts'
import { decodeEntry } from '../../../../lib/serverless/actor/log-entry.ts'
import { sha256 } from '../../../../lib/node/sha256.ts'
import type { TaskGenesis } from '../../../../lib/serverless/protocol.ts'
import { decodeValue, encodeValue } from '../../../../lib/state/codec.ts'
import { handle, recordOf } from '../../checkpoint/record-fixtures.ts'
import { PlayedJob } from './played-job.ts'
import { checkpointed, running, savepointed } from './played-stories.ts'

async function cancelled(job: PlayedJob): Promise<PlayedJob> {
  job.ask({ type: 'cancel' })
  await job.settle()
  await job.after(5 * 60_000)
  expect(job.status).toBe('CANCELED')
  return job
}

async function started(job: PlayedJob, from?: string): Promise<PlayedJob> {
  const asked = job.start(from)
  await job.settle()
  expect(job.answer(asked)).toEqual({ type: 'accepted' })
  expect(job.status).toBe('RUNNING')
  return job
}

async function refused(job: PlayedJob, from?: string): Promise<string> {
  const before = job.image.coordinator
  const asked = job.start(from)
  await job.settle()
  const answer = job.answer(asked)
  expect(answer?.type).toBe('refused')
  expect(job.image.coordinator).toEqual(before)
  return answer?.type === 'refused' ? answer.message : ''
}

/** By key group, over all tasks. */
function counts(job: PlayedJob): Record<string, number> {
  const all = job.running.filter(({ isSource }) => !isSource).flatMap((task) => [...task.counts])
  return Object.fromEntries(all.toSorted(([a], [b]) => a - b))
}

const AT_CHECKPOINT = { 0: 1, 1: 1, 2: 1, 3: 1 }
const AT_SAVEPOINT = { 0: 1, 1: 2, 2: 1, 3: 1 }

/** The lineage that the latest genesis of a task names. */
async function lineageOf(job: PlayedJob): Promise<string> {
  const { entries } = await job.runtime.log.read('task:count#0' as ActorId, undefined)
  const items = await Promise.all(entries.map((entry) => decodeEntry(entry, job.runtime.blobs)))
  const genesis = items.findLast((item) => item.type === 'genesis')
  return (genesis!.genesis.content as TaskGenesis).lineage
}

describe('the lineage of what tasks write', () => {
  it('is that of the first run, whatever the job is started from: attempts are counted on', async () => {
    const job = await savepointed()
    const lineage = await lineageOf(job)
    expect(lineage).toBe(job.image.run!.runId)
    await cancelled(job)
    await started(job, job.image.coordinator.lastSavepoint!.location)
    expect(job.of('count#0').attempt).toBe(2)
    expect(await lineageOf(job)).toBe(lineage)
    await cancelled(job)
    await started(job)
    expect(job.of('count#0').attempt).toBe(3)
    expect(job.image.run!.runId).not.toBe(lineage)
    expect(await lineageOf(job)).toBe(lineage)
  })
})

describe('a start from a checkpoint of the job', () => {
  it('at the same parallelism goes on with the tasks’ logs, in their namespace; ids and attempts count on', async () => {
    const job = await cancelled(await checkpointed())
    const { namespace } = job.of('count#0')
    const { runId } = job.image.run!
    await started(job, 'latest')
    expect(counts(job)).toEqual(AT_CHECKPOINT)
    expect(job.of('count#0')).toMatchObject({ attempt: 2, namespace })
    expect(job.image.run!.runId).toBe(runId)
    job.work('numbers')
    await job.after(10_000)
    expect(job.image.coordinator.completed.map(({ checkpointId }) => checkpointId)).toEqual([2])
  })

  it.each([1, 3])('at parallelism %i reads the rows where they are', async (parallelism) => {
    const job = await cancelled(await checkpointed())
    const { namespace, position } = job.of('count#0')
    job.deploy({ parallelism })
    await started(job, 'latest')
    expect(counts(job)).toEqual(AT_CHECKPOINT)
    expect(job.of('count#0').namespace).toBe(namespace)
    expect(job.of('count#0').position).toBeGreaterThanOrEqual(position)
    expect(job.of('numbers#0').counts).toEqual(new Map([[0, 1]]))
  })

  it('at another parallelism is refused where a task did not bring its rows up to it', async () => {
    const job = await checkpointed()
    job.of('count#1').isLost = true
    await cancelled(job)
    job.deploy({ parallelism: 3 })
    expect(await refused(job, 'latest')).toBe(
      'checkpoint 1: a start at another parallelism, or with operators chained otherwise, reads rows alone, and count#1 has ' +
        'not brought all rows up to it when the job ended. Start it as it was, take a savepoint, and start from that',
    )
    job.deploy({ parallelism: 2 })
    job.of('count#1').isLost = false
    await started(job, 'latest')
    expect(counts(job)).toEqual(AT_CHECKPOINT)
  })

  it('at another parallelism needs the oldest one retained, and gives the others up', async () => {
    const job = await checkpointed(
      new PlayedJob({ parallelism: 2, options: { checkpointing: { numRetained: 2 } } }),
    )
    await job.after(10_000)
    const [oldest, newest] = (await job.record()).checkpoints
    await cancelled(job)
    job.deploy({ parallelism: 1, options: { checkpointing: { numRetained: 2 } } })
    expect(await refused(job, newest!.location)).toContain(
      `needs the oldest checkpoint retained, ${oldest!.location}`,
    )
    await started(job, oldest!.location)
    expect(counts(job)).toEqual(AT_CHECKPOINT)
    expect(await job.runtime.blobs.list('played/')).toEqual([expect.stringMatching(/chk-1\//)])
  })

  it('fails over to it again, as long as there is no newer one', async () => {
    const job = await cancelled(await checkpointed())
    job.deploy({ parallelism: 3 })
    await started(job, 'latest')
    for (const keyGroup of [0, 1]) job.work('count', keyGroup)
    job.report(job.of('count#2'), job.of('count#2').fail('boom'))
    await job.settle()
    await job.after(5_000)
    expect(counts(job)).toEqual(AT_CHECKPOINT)
    await job.after(10_000)
    job.work('count', 0)
    job.report(job.of('count#2'), job.of('count#2').fail('boom'))
    await job.settle()
    await job.after(5_000)
    expect(job.of('count#0').attempt).toBe(4)
    expect(counts(job)).toEqual(AT_CHECKPOINT)
  })

  it('whose state the job has gone beyond is refused, with what there is instead', async () => {
    const job = await checkpointed()
    const [first] = (await job.record()).checkpoints
    const record = await job.runtime.blobs.get(`${first!.location.slice('memory/'.length)}/_metadata`)
    await job.after(10_000)
    await cancelled(job)
    await job.runtime.blobs.putIfAbsent(`${first!.location.slice('memory/'.length)}/_metadata`, record!)
    const { latest } = await job.record()
    expect(await refused(job, first!.location)).toBe(
      `${first!.location}: expected a checkpoint that is retained, but the job has gone on since, and the state of this one ` +
        `is overwritten. There are ${latest!.location}`,
    )
  })

  it('is refused where periodic checkpoints are off', async () => {
    const job = await cancelled(await checkpointed())
    job.deploy({ parallelism: 2, options: { checkpointing: { interval: 'off' } } })
    expect(await refused(job, 'latest')).toContain('needs periodic checkpoints')
  })

  it('with operators of other uids is refused, with each by its uid', async () => {
    const job = await cancelled(await checkpointed())
    job.deploy({ parallelism: 2, uid: 'tally' })
    expect(await refused(job, 'latest')).toContain("operator 'count' (count)")
  })

  it('that is damaged is refused', async () => {
    const job = await cancelled(await checkpointed())
    const { location } = (await job.record()).latest!
    const name = `${location.slice('memory/'.length)}/_metadata`
    const bytes = (await job.runtime.blobs.get(name))!
    bytes[60]! ^= 1
    await job.runtime.blobs.delete(name)
    await job.runtime.blobs.putIfAbsent(name, bytes)
    expect(await refused(job, 'latest')).toContain('damaged: expected SHA-256')
  })
})

describe('a start from a savepoint', () => {
  it.each([1, 2, 3])(
    'at parallelism %i imports it into a namespace of its own, and waits until it is there',
    async (parallelism) => {
      const job = await savepointed()
      const { location } = (await job.record()).lastSavepoint!
      await cancelled(job)
      const { namespace } = job.of('count#0')
      job.deploy({ parallelism })
      job.start(location)
      await job.turn()
      await job.turn()
      for (const task of job.running) await task.catchUp(job.runtime)
      expect(job.orders.filter(({ order, attempt }) => order.type === 'start' && attempt === 2)).toEqual([])
      await job.settle()
      expect(counts(job)).toEqual(AT_SAVEPOINT)
      expect(job.of('count#0').namespace).not.toBe(namespace)
    },
  )

  it('that another job’s embedded run took names its segments by where they are', async () => {
    const job = new PlayedJob({ parallelism: 1 })
    const bytes = encodeValue([[2, 7]], { operatorUid: 'count', state: 'count' }).slice()
    const segment = { ...handle('0-jump-0-3', 0, 3), sha256: sha256(bytes), lengthBytes: bytes.length }
    const [source, keyed] = recordOf(40, [segment]).operators
    const record = recordOf(40, [segment], {
      kind: 'savepoint',
      vertices: [{ id: 'count', parallelism: 1, subtasks: [{ watermarkMs: 3, finished: false }] }],
      operators: [
        { ...keyed!, uid: 'count', maxParallelism: 4, states: [] },
        { ...source!, operatorState: [{}] },
      ],
    })
    const name = await new CheckpointStorage(job.runtime.blobs, sha256).store(record)
    const metadata = await job.runtime.blobs.get(`${name}/_metadata`)
    await job.runtime.blobs.putIfAbsent('brought/here/_metadata', metadata!)
    await job.runtime.blobs.putIfAbsent('brought/here/0-jump-0-3', bytes)
    expect(decodeValue(bytes)).toEqual([[2, 7]])
    job.expect('memory/brought/here', new Map([[2, 7]]))
    job.start('brought/here/', true)
    await job.settle()
    expect(job.status).toBe('RUNNING')
    expect(counts(job)).toEqual({ 2: 7 })
    expect(job.image.coordinator.nextCheckpointId).toBe(41)
  })

  it('is refused from a checkpoint of one process whose records under way are missing', async () => {
    const job = new PlayedJob({ parallelism: 1 })
    const inFlight = { blob: 'under-way', offsetBytes: 0, lengthBytes: 3, sha256: sha256('x'), records: 1 }
    const record = recordOf(40, [], {
      vertices: [{ id: 'count', parallelism: 1, subtasks: [{ watermarkMs: 3, finished: false, inFlight }] }],
      operators: [],
    })
    const name = await new CheckpointStorage(job.runtime.blobs, sha256).store(record)
    const asked = job.start(name, true)
    await job.settle()
    const message = expect.stringContaining('under-way: a segment of the checkpoint is missing') as string
    expect(job.answer(asked)).toMatchObject({ type: 'refused', message })
  })

  it('goes on from its logs where it is the newest of the run, and moves no state', async () => {
    const job = await savepointed()
    const { namespace } = job.of('count#0')
    job.report(job.of('count#0'), job.of('count#0').fail('boom'))
    await job.settle()
    await job.after(5_000)
    expect(counts(job)).toEqual(AT_SAVEPOINT)
    expect(job.of('count#0')).toMatchObject({ attempt: 2, namespace })
  })

  it('is what latest means after a stop', async () => {
    const job = await checkpointed()
    job.ask({ type: 'stop', target: undefined, drain: false })
    await job.settle()
    expect(job.status).toBe('FINISHED')
    job.deploy({ parallelism: 3 })
    await started(job, 'latest')
    expect(counts(job)).toEqual(AT_SAVEPOINT)
  })
})

describe('a start from nothing', () => {
  it('leaves the checkpoint of the run before, until there is a new one', async () => {
    const job = await cancelled(await checkpointed())
    const { location } = (await job.record()).latest!
    await started(job)
    expect(counts(job)).toEqual({})
    await cancelled(job)
    await started(job, location)
    expect(counts(job)).toEqual(AT_CHECKPOINT)
    await cancelled(job)
    await started(job)
    job.work('count', 3)
    await job.after(10_000)
    const { namespace } = job.of('count#0')
    expect(await job.runtime.blobs.list('played/')).toHaveLength(1)
    expect([...job.rows.keys()].filter((key) => !key.startsWith(`${namespace}/`))).toEqual([])
    await cancelled(job)
    expect(await refused(job, location)).toContain('expected a checkpoint or savepoint, found none')
  })
})

describe('latest', () => {
  it('is refused where there is nothing', async () => {
    const job = await cancelled(await running())
    expect(await refused(job, 'latest')).toContain(
      'expected a retained checkpoint or a savepoint of this job, found none',
    )
  })

  it('is never older than what is committed', async () => {
    const job = await savepointed(
      new PlayedJob({ parallelism: 2, options: { checkpointing: { retentionOnCancel: 'delete' } } }),
    )
    const { location } = (await job.record()).lastSavepoint!
    await job.after(10_000)
    await cancelled(job)
    expect(await refused(job, 'latest')).toContain(
      `the newest that is kept, ${location}, is older than what the job has committed`,
    )
    await started(job, location)
    expect(counts(job)).toEqual(AT_SAVEPOINT)
  })
})
