import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { nodeFiles, type DiskFiles } from '../../../lib/embedded/disk-files.ts'
import { defineJob, collection, fileSink, fixedDelay, runJob, type JobOptions } from '../../../lib/index.ts'
import { contentsOf, Counting, refusalOf, Running, temporaryDirectory } from './support.ts'

let directory: string
beforeEach(() => {
  directory = temporaryDirectory()
})

const options = (more: JobOptions['checkpointing'] = {}) => ({
  checkpointing: { interval: '1 h', directory: join(directory, 'checkpoints'), ...more },
})

/** A disk that takes no more bytes while it is full. */
function disk(): DiskFiles & { isFull: boolean } {
  const files = {
    ...nodeFiles,
    isFull: false,
    async create(path: string): ReturnType<DiskFiles['create']> {
      const file = await nodeFiles.create(path)
      return {
        ...file,
        write(bytes) {
          if (!files.isFull) return file.write(bytes)
          return Promise.reject(Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' }))
        },
      }
    },
  }
  return files
}

describe('a disk that is full', () => {
  test('fails checkpoints and not the job; once there is room, nothing is lost', async () => {
    const files = disk()
    const counting = new Counting(options({ tolerableFailures: 'unlimited' }))
    const running = await Running.start(counting.definition, { files })
    counting.feed(1, 2, 3)
    await running.untilRead(3)
    const { path: older } = await running.wait(running.handle.triggerCheckpoint())
    const before = contentsOf(older)

    files.isFull = true
    for (let i = 0; i < 20; i++) {
      counting.feed(11 + i)
      await running.untilRead(4 + i)
      const message = await refusalOf(running.wait(running.handle.triggerCheckpoint()))
      expect(message).toMatch(/Cannot write .*shared.*disk full.*free some space.*ENOSPC/)
    }
    expect(running.handle.status).toBe('RUNNING')
    expect(contentsOf(older)).toEqual(before)
    expect(counting.sink.values).toEqual(['1: 1', '2: 1', '3: 1'])

    files.isFull = false
    counting.feed(100)
    await running.untilRead(24)
    await running.wait(running.handle.triggerCheckpoint())
    await running.until(() => counting.sink.values.length === 24)
    const path = await running.suspend()
    const resumed = new Counting(options())
    resumed.feed(...Array.from({ length: 24 }, () => 0), 1, 11, 21)
    const again = await Running.start(resumed.definition, { files, from: path })
    await again.untilRead(3)
    await again.wait(again.handle.triggerCheckpoint())
    await again.until(() => resumed.sink.values.length > 0)
    // 1, 11 and 21 came before, all but the first while the disk was full.
    expect(resumed.sink.values).toEqual(['1: 4', '11: 5', '21: 6'])
  })

  test('fails the job where that many failures are not tolerated; it restarts from the older checkpoint', async () => {
    const files = disk()
    const counting = new Counting({
      ...options({ tolerableFailures: 1 }),
      restart: fixedDelay({ attempts: 'unlimited', delay: 1 }),
    })
    const running = await Running.start(counting.definition, { files })
    counting.feed(1)
    await running.untilRead(1)
    await running.wait(running.handle.triggerCheckpoint())
    files.isFull = true
    counting.feed(11)
    await running.untilRead(2)
    for (let i = 0; i < 2; i++) await refusalOf(running.wait(running.handle.triggerCheckpoint()))
    await running.until(() => running.events.some(({ type }) => type === 'restarting'))
    files.isFull = false
    await running.until(() => running.handle.status === 'RUNNING')
    await running.untilRead(1)
    await running.wait(running.handle.triggerCheckpoint())
    await running.until(() => counting.sink.values.length === 2)
    expect(counting.sink.values).toEqual(['1: 1', '11: 2'])
  })

  test('refuses a savepoint, and leaves nothing of it', async () => {
    const files = disk()
    const counting = new Counting(options())
    const running = await Running.start(counting.definition, { files })
    counting.feed(1)
    await running.untilRead(1)
    await running.wait(running.handle.triggerCheckpoint())
    files.isFull = true
    const target = join(directory, 'savepoints')
    const message = await refusalOf(running.wait(running.handle.triggerSavepoint(target)))
    expect(message).toMatch(/Cannot write .*disk full/)
    expect(readdirSync(directory).includes('savepoints') ? readdirSync(target) : []).toEqual([])
    expect(running.handle.status).toBe('RUNNING')
  })
})

describe('a directory that cannot be used', () => {
  test.each([
    ['below a file', (root: string) => join(root, 'file', 'checkpoints'), /expected a directory/],
    ['that is a file', (root: string) => join(root, 'file'), /expected a directory|EEXIST/],
    ['where nothing can be made', () => '/proc/millrace', /Cannot (lock|list) \/proc\/millrace/],
  ])('for checkpoints, %s: nothing is started', async (_, place, expected) => {
    writeFileSync(join(directory, 'file'), 'mine')
    const before = contentsOf(directory)
    const path = place(directory)
    const counting = new Counting(options({ directory: path }))
    const start = runJob(counting.definition)
    await expect(start).rejects.toThrow(expected)
    await expect(start).rejects.toThrow(path)
    expect(contentsOf(directory)).toEqual(before)
  })

  test('for savepoints: the job goes on', async () => {
    writeFileSync(join(directory, 'file'), 'mine')
    const counting = new Counting(options())
    const running = await Running.start(counting.definition)
    const message = await refusalOf(running.wait(running.handle.triggerSavepoint(join(directory, 'file'))))
    expect(message).toMatch(/file.*expected a directory/)
    expect(running.handle.status).toBe('RUNNING')
  })

  test('for a sink: the job fails at once, naming it', async () => {
    const path = join(directory, 'output')
    writeFileSync(path, 'mine')
    const job = defineJob({ name: 'to-a-file', ...options(), restart: fixedDelay({ delay: 0 }) }, (env) => {
      env.source('numbers', collection([1, 2, 3])).sinkTo('files', fileSink(path))
    })
    const { status, cause, restarts } = await (await runJob(job)).result
    expect(status).toBe('FAILED')
    expect(cause).toMatchObject({ operatorUid: 'files', message: expect.stringContaining(path) as string })
    expect(restarts).toBe(0)
    expect(contentsOf(directory)).toMatchObject({ output: expect.any(String) as string })
  })

  test('for lmdb', async () => {
    writeFileSync(join(directory, 'file'), 'mine')
    const counting = new Counting({
      ...options(),
      stateBackend: { type: 'lmdb', directory: join(directory, 'file') },
    })
    const running = await Running.start(counting.definition)
    const { status, cause } = await running.wait(running.handle.result)
    expect(status).toBe('FAILED')
    expect(cause!.message).toContain(join(directory, 'file'))
  })
})

test('a directory of other things is left as it is', async () => {
  mkdirSync(join(directory, 'checkpoints', 'photos'), { recursive: true })
  writeFileSync(join(directory, 'checkpoints', 'photos', 'lock'), 'mine')
  writeFileSync(join(directory, 'checkpoints', 'notes.txt'), 'mine')
  const before = contentsOf(directory)
  const counting = new Counting(options())
  const running = await Running.start(counting.definition)
  counting.feed(1)
  await running.untilRead(1)
  await running.wait(running.handle.triggerCheckpoint())
  await running.wait(running.handle.cancel())
  expect(contentsOf(directory)).toEqual(before)
})
