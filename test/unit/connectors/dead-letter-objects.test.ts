import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { deadLetterFile } from '../../../lib/connectors/dead-letter-file.ts'
import { deadLetterObjects } from '../../../lib/connectors/dead-letter-objects.ts'
import type { DeadLetter } from '../../../lib/index.ts'
import { MemoryBlobStore } from '../../../lib/embedded/memory-blob-store.ts'
import { SeededRandom } from '../../../lib/testing/seeded-random.ts'
import { TurnTask } from '../operators/turn-drive.ts'
import { sinkContext } from './sink-context.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const directory = temporaryDirectory()
const letter = (raw: string): DeadLetter => ({ operatorUid: 'in', position: raw, reason: 'unreadable', raw })
const jobObjects = (store = new MemoryBlobStore()) => ({ store, random: new SeededRandom(1) })

async function published(store: MemoryBlobStore): Promise<string[]> {
  const keys = (await store.list('')).filter((key) => !key.includes('/.staging/'))
  const texts = await Promise.all(keys.map(async (key) => Buffer.from((await store.get(key))!).toString()))
  expect(keys.every((key) => /^dead-letters\/in\/part-0-[0-9a-f]{12}-[\d-]+\.jsonl$/.test(key))).toBe(true)
  return texts.flatMap((text) => text.trim().split('\n')).map((line) => (JSON.parse(line) as DeadLetter).raw)
}

test('are objects in a folder of their operator, each letter once, when its checkpoint is complete', async () => {
  const objects = jobObjects()
  const task = new TurnTask(deadLetterObjects('in', 'with-checkpoints'), { jobObjects: objects })
  await task.turn(({ push }) => push(letter('lost')), 'lost')
  await task.turn(({ push }) => push(letter('a'), letter('b')))
  await task.turn(async ({ push, barrier }) => {
    await push(letter('c'))
    await barrier(1)
  })
  expect(task.wantsTurn).toBe(false)
  expect(await published(objects.store)).toEqual([])
  await task.turn(({ complete }) => complete(1), 'lost')
  await task.turn(({ complete }) => complete(1))
  expect(await published(objects.store)).toEqual(['a', 'b', 'c'])
})

test('without checkpoints, appear in the turn after the one that brought them, which is asked for', async () => {
  const objects = jobObjects()
  const task = new TurnTask(deadLetterObjects('in', 'each-turn'), { jobObjects: objects })
  await task.turn(({ push }) => push(letter('lost')), 'lost')
  await task.turn(({ push }) => push(letter('a')))
  expect(task.wantsTurn).toBe(true)
  expect(await published(objects.store)).toEqual([])
  await task.turn(() => Promise.resolve(), 'lost')
  await task.turn(({ push }) => push(letter('b')))
  expect(await published(objects.store)).toEqual(['a'])
  await task.turn()
  expect(await published(objects.store)).toEqual(['a', 'b'])
  expect(task.wantsTurn).toBe(false)
})

test('without checkpoints, are published once where the turn with the barrier of a savepoint is lost and has more the next time', async () => {
  const objects = jobObjects()
  const task = new TurnTask(deadLetterObjects('in', 'each-turn'), { jobObjects: objects })
  await task.turn(async ({ push, barrier }) => {
    await push(letter('a'))
    await barrier(1)
  }, 'lost')
  expect(await published(objects.store)).toEqual([])
  await task.turn(async ({ push, barrier }) => {
    await push(letter('a'), letter('b'))
    await barrier(1)
  })
  expect(task.wantsTurn).toBe(true)
  await task.turn(({ complete }) => complete(1))
  expect(await published(objects.store)).toEqual(['a', 'b'])
})

test('without checkpoints, are published once where a turn that had published is lost, and the next one has a barrier', async () => {
  const objects = jobObjects()
  const task = new TurnTask(deadLetterObjects('in', 'each-turn'), { jobObjects: objects })
  await task.turn(({ push }) => push(letter('a')))
  await task.turn(() => Promise.resolve(), 'lost')
  expect(await published(objects.store)).toEqual(['a'])
  await task.turn(async ({ push, barrier }) => {
    await push(letter('b'))
    await barrier(1)
  })
  await task.turn(({ complete }) => complete(1))
  expect((await published(objects.store)).toSorted()).toEqual(['a', 'b'])
})

test('of a savepoint from another bucket or from files are passed over, and the other way round, with a word on where they are', async () => {
  const warnings: string[] = []
  const warn = (message: string): void => void warnings.push(message)
  const there = new MemoryBlobStore('s3://there')
  const here = deadLetterObjects('in', 'with-checkpoints').createCommitter(
    sinkContext({ jobObjects: jobObjects(), warn }),
  )
  const elsewhere = deadLetterObjects('in', 'with-checkpoints').createCommitter(
    sinkContext({ jobObjects: jobObjects(there), warn }),
  )
  const begun = await elsewhere.begin()
  await elsewhere.write(begun, [letter('a')], [0])
  const ofObjects = await elsewhere.preCommit(begun)
  const path = directory('letters')
  const files = deadLetterFile(path).createCommitter(sinkContext({ warn }))
  await files.open?.()
  const ofNothing = await files.begin()
  await files.write(ofNothing, [letter('b')], [0])
  const ofFiles = await files.preCommit(ofNothing)

  await here.commit(ofObjects)
  await here.commit(ofFiles as never)
  await files.commit(ofObjects as never)
  const told = "Sink 'sink': dead letters that were written in another place are not published here."
  const staged = (await there.list('dead-letters/.staging/')).map((key) => `s3://there/${key}`)
  expect(staged).toHaveLength(1)
  const file = join(path, ofFiles.files[0]!.staged)
  expect(warnings).toEqual([
    expect.stringMatching(`^${told}.* they are still in ${staged[0]!}$`),
    expect.stringMatching(`^${told}.* they are still in ${file}$`),
    expect.stringMatching(`^${told}.* they are still in ${staged[0]!}$`),
  ])
  await here.commit(ofNothing as never)
  expect(warnings).toHaveLength(3)

  expect(await published(there)).toEqual([])
  await elsewhere.commit(ofObjects)
  await files.commit(ofFiles)
  expect(await published(there)).toEqual(['a'])
  expect(await readdir(path)).toContain('dead-letters-0-0000000000.jsonl')
  expect(warnings).toHaveLength(3)
})

test('that came from another place are told of when the attempt begins, however many transactions there are', async () => {
  const there = new TurnTask(deadLetterObjects('in', 'with-checkpoints'), {
    jobObjects: jobObjects(new MemoryBlobStore('s3://there')),
  })
  await there.turn(({ push }) => push(letter('a')))
  let restored
  await there.turn(async ({ push, barrier }) => {
    await push(letter('b'))
    restored = await barrier(1)
  })
  const objects = jobObjects()
  const here = new TurnTask(deadLetterObjects('in', 'with-checkpoints'), {
    jobObjects: objects,
    restored: restored!,
  })
  await here.turn(({ push }) => push(letter('c')))
  expect(here.warnings).toEqual([
    expect.stringMatching(/ in s3:\/\/there\/dead-letters\/\.staging\/.* and 1 more beside it$/),
  ])
  await here.turn(async ({ barrier }) => void (await barrier(1)))
  await here.turn(({ complete }) => complete(1))
  expect(await published(objects.store)).toEqual(['c'])
  expect(here.warnings).toHaveLength(1)
})

test('that cannot be kept are told of as what they are', async () => {
  const store = new MemoryBlobStore('s3://here')
  store.putIfAbsent = () => Promise.reject(new Error('SlowDown'))
  const task = new TurnTask(deadLetterObjects('in', 'with-checkpoints'), { jobObjects: jobObjects(store) })
  await expect(task.turn(({ push }) => push(letter('a')))).rejects.toThrow(
    /Dead letters of 'in': cannot stage records of dead-letters\/in\/part-0-.* in s3:\/\/here: SlowDown/,
  )
})
