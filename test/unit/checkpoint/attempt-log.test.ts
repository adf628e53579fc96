import { expect, test } from 'vitest'
import { AttemptLog } from '../../../lib/checkpoint/attempt-log.ts'
import { CheckpointStorage } from '../../../lib/checkpoint/checkpoint-storage.ts'
import { MemoryBlobStore } from '../../../lib/embedded/memory-blob-store.ts'
import { asAttempt, asCheckpointId } from '../../../lib/model/ids.ts'
import { putSegment, recordOf, RUN, sha256, text } from './record-fixtures.ts'

const base = (id: number) => ({
  checkpointId: asCheckpointId(id),
  location: `/savepoints/${id}`,
  atMs: 100 + id,
})

test('knows the last attempt and what it went on from, and nothing that is superseded', async () => {
  const blobs = new MemoryBlobStore('store')
  const log = new AttemptLog(blobs)
  expect(await log.last(RUN)).toEqual({ attempt: 0, checkpointId: 0 })
  await log.remember(RUN, asAttempt(1), base(7))
  await log.remember(RUN, asAttempt(1), base(7))
  await log.remember(RUN, asAttempt(2), base(9))
  expect(await log.last(RUN)).toEqual({ attempt: 2, checkpointId: 9 })
  expect(await log.bases(RUN.jobName)).toEqual([{ runId: RUN.runId, ...base(9) }])
  await log.remember(RUN, asAttempt(12), undefined)
  expect(await log.last(RUN)).toEqual({ attempt: 12, checkpointId: 0 })
  expect(await log.bases(RUN.jobName)).toEqual([])
  expect(await blobs.list('')).toHaveLength(1)
})

test('what is damaged is refused, naming it', async () => {
  const blobs = new MemoryBlobStore('store')
  await blobs.putIfAbsent(`${RUN.jobName}/${RUN.runId}/attempts/1-4`, text('{'))
  await expect(new AttemptLog(blobs).bases(RUN.jobName)).rejects.toThrow(/store\/.*attempts\/1-4: damaged/)
})

test('a run is forgotten in an order that leaves nothing old to go on from, wherever it stops', async () => {
  const blobs = new MemoryBlobStore('store')
  const storage = new CheckpointStorage(blobs, sha256)
  for (const id of [2, 9, 10])
    await storage.store(recordOf(id, [await putSegment(storage, id, `state ${id}`)]))
  await new AttemptLog(blobs).remember(RUN, asAttempt(3), base(9))
  await new AttemptLog(blobs).remember(RUN, asAttempt(4), base(11))
  const removed: string[] = []
  const watched = Object.assign(Object.create(blobs) as MemoryBlobStore, {
    location: 'store',
    delete: (name: string) => {
      removed.push(name.slice(`${RUN.jobName}/${RUN.runId}/`.length))
      return blobs.delete(name)
    },
    list: (prefix: string) => blobs.list(prefix),
  })
  await new CheckpointStorage(watched, sha256).forgetRun(RUN)
  expect(removed.slice(0, 4)).toEqual([
    'chk-2/_metadata',
    'chk-9/_metadata',
    'chk-10/_metadata',
    'attempts/4-11',
  ])
  expect(await blobs.list('')).toEqual([])
})
