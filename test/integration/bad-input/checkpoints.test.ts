import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { runJob, type RunOptions } from '../../../lib/index.ts'
import { contentsOf, Counting, refusalOf, Running, temporaryDirectory } from './support.ts'

let directory: string
let older: string
let newest: string
let metadata: string

const options = (root: string) => ({
  checkpointing: {
    interval: '1 h',
    numRetained: 3,
    directory: join(root, 'checkpoints'),
    savepointDirectory: join(root, 'savepoints'),
  },
})

/** Two checkpoints of a job that has been put aside. */
beforeEach(async () => {
  directory = temporaryDirectory()
  const counting = new Counting(options(directory))
  counting.feed(1, 2, 11)
  const running = await Running.start(counting.definition)
  await running.untilRead(3)
  older = (await running.wait(running.handle.triggerCheckpoint())).path
  counting.feed(21, 5)
  await running.untilRead(5)
  newest = await running.suspend()
  metadata = join(newest, '_metadata')
})

/** What starting says, having written nothing. */
async function refused(run: RunOptions, counting = new Counting(options(directory))): Promise<string> {
  const before = contentsOf(directory)
  const message = await refusalOf(runJob(counting.definition, run))
  expect(contentsOf(directory)).toEqual(before)
  return message
}

/** The older checkpoint is as good as ever. */
async function expectOlderIsIntact(): Promise<void> {
  const counting = new Counting(options(directory))
  counting.feed(1, 2, 11, 31)
  const running = await Running.start(counting.definition, { from: older })
  await running.untilRead(1)
  await running.wait(running.handle.triggerCheckpoint())
  await running.until(() => counting.sink.values.includes('31: 3'))
  expect(counting.sink.values.at(-1)).toBe('31: 3')
  await running.wait(running.handle.cancel())
}

function change(path: string, how: (bytes: Buffer) => Buffer): void {
  writeFileSync(path, how(readFileSync(path)))
}

function flipped(at: number): (bytes: Buffer) => Buffer {
  return (bytes) => {
    const copy = Buffer.from(bytes)
    copy[at]! ^= 0x10
    return copy
  }
}

function segments(): string[] {
  const shared = join(dirname(newest), 'shared')
  return readdirSync(shared).map((name) => join(shared, name))
}

describe('the record of a checkpoint', () => {
  test('at every place where a byte is wrong', async () => {
    const { length } = readFileSync(metadata)
    for (let at = 0; at < length; at += at < 50 ? 1 : 37) {
      change(metadata, flipped(at))
      expect(await refused({ from: newest }), `byte ${at}`).toMatch(
        /_metadata: .*(damaged|not a Millrace checkpoint|format version|truncated|overlong|record).*[Rr]estore from another/,
      )
      change(metadata, flipped(at))
    }
    await expectOlderIsIntact()
  })

  test('cut short anywhere', async () => {
    const bytes = readFileSync(metadata)
    for (const length of [0, 3, 4, 11, 12, 43, 44, 45, bytes.length - 1]) {
      writeFileSync(metadata, bytes.subarray(0, length))
      expect(await refused({ from: newest }), `${length} bytes`).toMatch(
        /_metadata: (truncated|not a Millrace)/,
      )
    }
    await expectOlderIsIntact()
  })

  test('of another tool', async () => {
    writeFileSync(metadata, Buffer.from('4960672d000000040000000000000001', 'hex'))
    expect(await refused({ from: newest })).toMatch(/_metadata: not a Millrace checkpoint/)
  })

  test('of a newer format', async () => {
    change(metadata, (bytes) => {
      bytes.writeUInt16LE(7, 4)
      return bytes
    })
    expect(await refused({ from: newest })).toMatch(
      /_metadata: expected format version 1, got 7\. .*newer Millrace/,
    )
  })

  test('that is not there', async () => {
    const missing = join(directory, 'nowhere')
    expect(await refused({ from: missing })).toMatch(
      /nowhere: expected the directory of a checkpoint.*_metadata/,
    )
    rmSync(metadata)
    expect(await refused({ from: newest })).toContain(newest)
    await expectOlderIsIntact()
  })

  test('that is a file, or a directory of something else', async () => {
    const file = join(directory, 'file')
    writeFileSync(file, 'text')
    const message = await refused({ from: file }).catch((cause: unknown) => String(cause))
    expect(message).toContain('file')
    mkdirSync(join(directory, 'other'))
    expect(await refused({ from: join(directory, 'other') })).toContain('found no _metadata')
  })

  test('is not passed over in silence by latest, where it may be the newest', async () => {
    change(metadata, flipped(60))
    expect(await refused({ from: 'latest' })).toContain(metadata)
    await expectOlderIsIntact()
  })

  test('of no job, by latest', async () => {
    const counting = new Counting({ ...options(directory), name: 'other' })
    expect(await refused({ from: 'latest' }, counting)).toMatch(
      /--from latest: expected a completed checkpoint of job 'other' in .*checkpoints, found none/,
    )
  })
})

describe('a segment of a checkpoint', () => {
  test('missing', async () => {
    const [segment] = segments()
    rmSync(segment!)
    expect(await refused({ from: newest })).toContain(`${segment}: a segment of the checkpoint is missing`)
  })

  test.each(['filesystem', 'lmdb'] as const)('with any byte altered, with %s state', async (type) => {
    const counting = new Counting({
      ...options(directory),
      stateBackend: { type, directory: join(directory, 'w') },
    })
    for (const segment of segments()) {
      const { length } = readFileSync(segment)
      for (let at = 0; at < length; at += 11) {
        change(segment, flipped(at))
        expect(await refused({ from: newest }, counting)).toMatch(/shared\/.*damaged: expected SHA-256/)
        change(segment, flipped(at))
      }
    }
  })

  test('cut short', async () => {
    change(segments()[0]!, (bytes) => bytes.subarray(0, -1))
    expect(await refused({ from: newest })).toMatch(
      /shared\/.*truncated: expected at least \d+ bytes, got \d+/,
    )
  })
})

describe('a checkpoint of another job', () => {
  test('is refused by what its state is called, and taken without it', async () => {
    const counting = new Counting({ ...options(directory), name: 'other' }, 'totals')
    const message = await refused({ from: newest }, counting)
    expect(message).toMatch(/holds state that nothing in this job claims: operator 'counts'/)
    expect(message).toContain('--allow-non-restored-state')
    counting.feed(1, 2, 11, 21, 5, 6)
    const running = await Running.start(counting.definition, { from: newest, allowNonRestoredState: true })
    await running.untilRead(1)
    await running.wait(running.handle.triggerCheckpoint())
    await running.until(() => counting.sink.values.includes('6: 1'))
    expect(counting.sink.values.at(-1)).toBe('6: 1')
  })

  test('is refused where state is of another kind or spread otherwise', async () => {
    const counting = new Counting({ ...options(directory), maxParallelism: 64 })
    expect(await refused({ from: newest }, counting)).toMatch(
      /operator 'counts': expected maximum parallelism 128.*got 64/,
    )
  })
})

describe('a savepoint', () => {
  let savepoint: string
  beforeEach(async () => {
    const counting = new Counting(options(directory))
    counting.feed(1, 2, 11, 21, 5)
    const running = await Running.start(counting.definition, { from: newest })
    savepoint = (await running.wait(running.handle.stop())).path
    await running.wait(running.handle.result)
  })

  test('with a file missing or altered', async () => {
    const file = readdirSync(savepoint).find((name) => name !== '_metadata')!
    const copy = join(directory, 'copy')
    cpSync(savepoint, copy, { recursive: true })
    change(join(copy, file), flipped(30))
    expect(await refused({ from: copy })).toMatch(/damaged: expected SHA-256/)
    rmSync(join(copy, file))
    expect(await refused({ from: copy })).toContain('a segment of the checkpoint is missing')
    const counting = new Counting(options(directory))
    counting.feed(1, 2, 11, 21, 5, 41)
    const running = await Running.start(counting.definition, { from: savepoint })
    await running.untilRead(1)
    await running.wait(running.handle.triggerCheckpoint())
    await running.until(() => counting.sink.values.includes('41: 4'))
    expect(counting.sink.values.at(-1)).toBe('41: 4')
  })
})
