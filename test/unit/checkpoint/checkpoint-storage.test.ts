import { beforeEach, describe, expect, it } from 'vitest'
import { CheckpointStorage } from '../../../lib/checkpoint/checkpoint-storage.ts'
import { MemoryBlobStore } from '../../../lib/embedded/memory-blob-store.ts'
import { UserError } from '../../../lib/model/faults.ts'
import { asCheckpointId } from '../../../lib/model/ids.ts'
import { putSegment, recordOf, RUN, sha256, text } from './record-fixtures.ts'

let blobs: MemoryBlobStore
let storage: CheckpointStorage

beforeEach(() => {
  blobs = new MemoryBlobStore('store')
  storage = new CheckpointStorage(blobs, sha256)
})

/** Puts other bytes in the place of a blob, or none. */
async function damage(name: string, bytes: Uint8Array | undefined): Promise<void> {
  await blobs.delete(name)
  if (bytes !== undefined) await blobs.putIfAbsent(name, bytes)
}

describe('storing', () => {
  it('gives a location from which the record loads again', async () => {
    const record = recordOf(3, [await putSegment(storage, 3, 'state')])
    const location = await storage.store(record)
    expect(location).toBe('jumps/r1/chk-3')
    expect(await storage.load(location)).toEqual(record)
    expect(await storage.load(`${location}/_metadata`)).toEqual(record)
    expect(await storage.load(`${location}/`)).toEqual(record)
  })

  it('under an id that is taken is a defect', async () => {
    await storage.store(recordOf(3))
    await expect(storage.store(recordOf(3))).rejects.toThrow('checkpoint ids are never reused')
  })

  it('keeps names of jobs apart and within the store', async () => {
    expect(await storage.store(recordOf(1, [], { jobName: '../a/b' }))).toBe('%2E.%2Fa%2Fb/r1/chk-1')
    expect(await storage.store(recordOf(1, [], { jobName: '温度' }))).toBe('温度/r1/chk-1')
  })

  it('gives segments of the same content names of their own', async () => {
    const first = await putSegment(storage, 1, 'same')
    const second = await putSegment(storage, 2, 'same')
    expect(first.blob).not.toBe(second.blob)
    expect(text('same')).toEqual(await storage.readSegment(first))
  })
})

describe('loading', () => {
  it.each([
    ['missing', undefined, 'is missing'],
    ['shorter', text('stat'), 'truncated: expected at least 5 bytes, got 4'],
    ['changed', text('stare'), 'damaged: expected SHA-256'],
  ])('refuses a checkpoint with a segment that is %s, and names it', async (_, bytes, message) => {
    const segment = await putSegment(storage, 3, 'state')
    const location = await storage.store(recordOf(3, [segment]))
    await damage(segment.blob, bytes)
    const load = storage.load(location)
    await expect(load).rejects.toThrow(UserError)
    await expect(load).rejects.toThrow(`store/${segment.blob}`)
    await expect(load).rejects.toThrow(message)
  })

  it('names every segment that is wrong', async () => {
    const segments = [await putSegment(storage, 3, 'one'), await putSegment(storage, 3, 'two')]
    const location = await storage.store(recordOf(3, segments))
    for (const { blob } of segments) await damage(blob, undefined)
    const problems = await storage.load(location).catch((cause: UserError) => cause.problems)
    expect(problems).toHaveLength(2)
  })

  it('says where it looked', async () => {
    await expect(storage.load('jumps/r1/chk-9')).rejects.toThrow(
      'store/jumps/r1/chk-9/_metadata: expected a checkpoint',
    )
  })
})

describe('the latest checkpoint', () => {
  it('is the newest over all runs of this job', async () => {
    await storage.store(recordOf(3))
    await storage.store(recordOf(4, [], { runId: 'a-later-one' }))
    await storage.store(recordOf(9, [], { jobName: 'other' }))
    await storage.store(recordOf(2))
    expect((await storage.latest('jumps'))!.location).toBe('jumps/a-later-one/chk-4')
    expect((await storage.list('jumps')).map(({ record }) => record.checkpointId)).toEqual([2, 3, 4])
    expect(await storage.latest('jump')).toBeUndefined()
  })

  it('by time of completion, then by id', async () => {
    await storage.store(recordOf(8, [], { triggeredAtMs: 0, completedAtMs: 50 }))
    await storage.store(recordOf(2, [], { runId: 'r2', triggeredAtMs: 0, completedAtMs: 60 }))
    await storage.store(recordOf(3, [], { runId: 'r2', triggeredAtMs: 0, completedAtMs: 60 }))
    expect((await storage.latest('jumps'))!.record.checkpointId).toBe(3)
  })

  it('is no incomplete one: segments without a record', async () => {
    await storage.store(recordOf(3))
    await putSegment(storage, 4, 'half')
    expect((await storage.latest('jumps'))!.record.checkpointId).toBe(3)
  })

  it('that is damaged is named, and not passed over in silence', async () => {
    await storage.store(recordOf(3))
    const location = await storage.store(recordOf(4))
    await damage(`${location}/_metadata`, text('garbage'))
    await expect(storage.latest('jumps')).rejects.toThrow(
      'store/jumps/r1/chk-4/_metadata: not a Millrace checkpoint',
    )
  })

  it('of another run may be the damaged one, whatever its id', async () => {
    await storage.store(recordOf(40))
    const location = await storage.store(recordOf(4, [], { runId: 'r2' }))
    await damage(`${location}/_metadata`, text('garbage'))
    await expect(storage.latest('jumps')).rejects.toThrow('store/jumps/r2/chk-4/_metadata')
  })

  it('is found where only an older one is damaged', async () => {
    const location = await storage.store(recordOf(3))
    await storage.store(recordOf(4))
    await damage(`${location}/_metadata`, text('garbage'))
    expect((await storage.latest('jumps'))!.record.checkpointId).toBe(4)
    expect((await storage.list('jumps')).map(({ record }) => record.checkpointId)).toEqual([4])
  })
})

describe('ids', () => {
  it('go on above checkpoints, and above segments of those that never completed', async () => {
    expect(await storage.nextCheckpointId(RUN)).toBe(1)
    await storage.store(recordOf(3))
    expect(await storage.nextCheckpointId(RUN)).toBe(4)
    await putSegment(storage, 12, 'half')
    expect(await storage.nextCheckpointId(RUN)).toBe(13)
    expect(await storage.nextCheckpointId({ ...RUN, runId: 'r2' })).toBe(1)
  })

  it('are not used again when everything is gone', async () => {
    for (const id of [3, 4]) {
      await storage.store(recordOf(id, [await putSegment(storage, id, 'state')]))
    }
    await putSegment(storage, 6, 'aborted')
    for (const id of [3, 4]) await storage.removeRecord(RUN, asCheckpointId(id))
    await storage.sweep(RUN)
    expect(await storage.list('jumps')).toEqual([])
    expect(await storage.nextCheckpointId(RUN)).toBe(7)
    expect(await blobs.list('jumps/r1/')).toEqual(['jumps/r1/ids/6'])
  })

  it('need no marker while a newer checkpoint tells them', async () => {
    for (const id of [1, 2]) await storage.store(recordOf(id))
    await storage.removeRecord(RUN, asCheckpointId(1))
    await storage.removeRecord(RUN, asCheckpointId(1))
    expect(await blobs.list('')).toEqual(['jumps/r1/chk-2/_metadata'])
  })
})

describe('a run that leaves nothing behind', () => {
  it('is forgotten, and no other', async () => {
    await storage.store(recordOf(1, [await putSegment(storage, 1, 'state')]))
    await storage.store(recordOf(1, [], { runId: 'r10' }))
    await storage.forgetRun(RUN)
    expect(await blobs.list('')).toEqual(['jumps/r10/chk-1/_metadata'])
  })
})

describe('sweeping', () => {
  it('removes what no checkpoint refers to, in this run alone', async () => {
    const needed = await putSegment(storage, 1, 'needed')
    const orphan = await putSegment(storage, 2, 'orphan')
    const foreign = await putSegment(storage, 2, 'foreign', 'r2')
    await storage.store(recordOf(2, [needed]))
    await storage.sweep(RUN)
    expect(await blobs.get(orphan.blob)).toBeUndefined()
    expect(await blobs.get(needed.blob)).toBeDefined()
    expect(await blobs.get(foreign.blob)).toBeDefined()
  })

  it('removes nothing while a record is damaged', async () => {
    const segment = await putSegment(storage, 2, 'state')
    const location = await storage.store(recordOf(2, [segment]))
    await damage(`${location}/_metadata`, text('garbage'))
    await storage.sweep(RUN)
    expect(await blobs.get(segment.blob)).toBeDefined()
  })
})
