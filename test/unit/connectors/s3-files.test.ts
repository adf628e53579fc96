import { describe, expect, test } from 'vitest'
import { s3Files, UserError, type ObjectTransaction, type S3FilesOptions } from '../../../lib/index.ts'
import { testHarness } from '../../../lib/testing/index.ts'
import { TurnTask, type TurnTaskOptions } from '../operators/turn-drive.ts'
import { Crash, MemoryOutside } from '../../world/memory-outside.ts'
import { sinkContext } from './sink-context.ts'

const BUCKET = 'out-bucket'
const STAGING = 'out/.staging/'
const sink = (options: Partial<S3FilesOptions<string>> = {}) =>
  s3Files<string>({ bucket: BUCKET, prefix: 'out/', format: 'text', ...options })

const taskIn = (outside: MemoryOutside, options: TurnTaskOptions = {}): TurnTask<string> =>
  new TurnTask(sink(), { outside, ...options })

/** Published objects by name. */
async function published(outside: MemoryOutside): Promise<Record<string, string>> {
  const bucket = outside.bucket(BUCKET)
  const keys = (await bucket.list('out/')).filter((key) => !key.startsWith(STAGING))
  const texts = await Promise.all(keys.map(async (key) => Buffer.from((await bucket.get(key))!).toString()))
  return Object.fromEntries(keys.map((key, index) => [key, texts[index]!]))
}

const content = async (outside: MemoryOutside): Promise<string> =>
  Object.values(await published(outside)).join('')

const staged = async (outside: MemoryOutside): Promise<string[]> =>
  (await outside.bucket(BUCKET).list(STAGING)).filter((key) => key.includes('/part-'))

const marks = async (outside: MemoryOutside): Promise<string[]> =>
  (await outside.bucket(BUCKET).list(STAGING)).filter((key) => key.includes('/done-'))

describe('in turns', () => {
  test('a checkpoint is one object, unseen until it is complete', async () => {
    const outside = new MemoryOutside()
    const task = taskIn(outside)
    await task.turn(({ push }) => push('a', 'b'))
    await task.turn(({ push }) => push('c'))
    await task.turn(async ({ push, barrier }) => {
      await push('d')
      await barrier(1)
      await push('e')
    })
    expect(await published(outside)).toEqual({})
    expect(await staged(outside)).toHaveLength(4)
    await task.turn(({ complete }) => complete(1))
    const names = Object.keys(await published(outside))
    expect(names).toEqual([
      expect.stringMatching(/^out\/part-0-[0-9a-f]{12}-00000001-0000000000010000-0000\.txt$/),
    ])
    expect(await content(outside)).toBe('a\nb\nc\nd\n')
    // The transaction after the barrier, of the same turn, has a name of its own.
    await task.turn(async ({ barrier }) => void (await barrier(2)))
    await task.turn(({ complete }) => complete(2))
    expect(Object.keys(await published(outside))[1]).toContain('-0000000000030001-')
    expect(await content(outside)).toBe('a\nb\nc\nd\ne\n')
    expect(await staged(outside)).toEqual([])
  })

  test('what a lost turn staged is in no object, and is removed when a later transaction is published', async () => {
    const outside = new MemoryOutside()
    const task = taskIn(outside)
    await task.turn(({ push }) => push('a'), 'lost')
    await task.turn(({ push }) => push('a', 'b'))
    await task.turn(({ push }) => push('b'), 'lost')
    await task.turn(({ push, barrier }) => push('c').then(async () => void (await barrier(1))))
    expect(await staged(outside)).toHaveLength(4)
    await task.turn(({ complete }) => complete(1))
    expect(await content(outside)).toBe('a\nb\nc\n')
    expect(await staged(outside)).toEqual([])
  })

  test('two instances that stage the same in one turn do not share it: one that is closed takes nothing of the other', async () => {
    const outside = new MemoryOutside()
    const committer = (attempt: number) =>
      sink({ rollOverBytes: 1 }).createCommitter(sinkContext({ outside, attempt }))
    const [zombie, live] = [committer(1), committer(1)]
    const begun = await zombie.begin()
    await zombie.write(begun, ['a'], [])
    const txn = await live.begin()
    await live.write(txn, ['a'], [])
    const kept = await live.preCommit(txn)
    await zombie.abort(begun)
    await live.commit(kept)
    expect(await content(outside)).toBe('a\n')
  })

  test('an attempt removes what earlier ones left, once its first checkpoint is published', async () => {
    const outside = new MemoryOutside()
    const first = taskIn(outside)
    let restored
    await first.turn(async ({ push, barrier }) => {
      await push('a')
      restored = await barrier(1)
      await push('never committed')
    })
    const second = taskIn(outside, { attempt: 2, position: 1, restored: restored! })
    await second.turn(({ push }) => push('b'))
    expect(await content(outside)).toBe('a\n')
    expect(await staged(outside)).toHaveLength(2)
    await second.turn(async ({ barrier }) => void (await barrier(2)))
    await second.turn(({ complete }) => complete(2))
    expect(await content(outside)).toBe('a\nb\n')
    expect(await staged(outside)).toEqual([])
  })

  test('of marks, the latest stay', async () => {
    const outside = new MemoryOutside()
    const task = taskIn(outside)
    for (let id = 1; id <= 40; id++) {
      await task.turn(async ({ push, barrier }) => {
        await push(`${id}`)
        await barrier(id)
      })
      await task.turn(({ complete }) => complete(id))
    }
    expect(Object.keys(await published(outside))).toHaveLength(40)
    expect((await marks(outside)).length).toBeLessThanOrEqual(16)
  })
})

/** Two checkpoints, with a turn lost, as far as the world lets it come. Crashes are the platform's: a turn is taken again. */
async function run(outside: MemoryOutside): Promise<void> {
  const task = taskIn(outside)
  const turn = async (...args: Parameters<typeof task.turn>): Promise<void> => {
    for (;;) {
      try {
        return await task.turn(...args)
      } catch (cause) {
        if (!((cause as Error).cause instanceof Crash) && !causedByCrash(cause)) throw cause
      }
    }
  }
  await turn(({ push }) => push('a'))
  await turn(({ push }) => push('b'))
  await turn(async ({ push, barrier }) => {
    await push('c')
    await barrier(1)
    await push('d')
  })
  await turn(({ complete }) => complete(1))
  await turn(async ({ push, barrier }) => {
    await push('e')
    await barrier(2)
  })
  await turn(({ complete }) => complete(2))
}

function causedByCrash(cause: unknown): boolean {
  for (let one: unknown = cause; one instanceof Error; one = one.cause) if (one instanceof Crash) return true
  return false
}

describe('whatever call a process dies at, before or after its effect', () => {
  test.for(['before', 'after'] as const)('%s', async (when) => {
    const smooth = new MemoryOutside()
    await run(smooth)
    expect(smooth.calls.length).toBeGreaterThan(15)
    for (let at = 0; at < smooth.calls.length; at++) {
      const outside = new MemoryOutside()
      let calls = 0
      outside[when] = (call) => {
        if (calls++ === at) throw new Crash(call)
      }
      await run(outside)
      expect(calls).toBeGreaterThan(smooth.calls.length)
      expect(await published(outside)).toEqual(await published(smooth))
      expect(await staged(outside)).toEqual([])
    }
  })
})

async function preCommitted(outside: MemoryOutside, values: readonly string[], options = {}) {
  const committer = sink(options).createCommitter(sinkContext({ outside }))
  const txn = await committer.begin()
  await committer.write(txn, values, [])
  const kept: ObjectTransaction = structuredClone(await committer.preCommit(txn))
  return { committer, kept }
}

describe('a commit', () => {
  test('is repeated by another process, with other options, to no effect', async () => {
    const outside = new MemoryOutside()
    const { committer, kept } = await preCommitted(outside, ['a'])
    await committer.commit(kept)
    const before = await published(outside)
    const other = sink({ prefix: 'other/', suffix: '.log' }).createCommitter(
      sinkContext({ outside, attempt: 2, subtaskIndex: 3 }),
    )
    await other.commit(kept)
    await committer.commit(kept)
    expect(await published(outside)).toEqual(before)
    expect(await outside.bucket(BUCKET).list('other/')).toEqual([])
  })

  test('does not bring back what was taken away', async () => {
    const outside = new MemoryOutside()
    const { committer, kept } = await preCommitted(outside, ['a'])
    // The process dies when it has published, and has removed nothing.
    outside.before = (call) => {
      if (call.startsWith('delete')) throw new Crash(call)
    }
    await expect(committer.commit(kept)).rejects.toThrow('delete')
    outside.before = () => {}
    for (const key of Object.keys(await published(outside))) await outside.bucket(BUCKET).delete(key)
    await committer.commit(kept)
    await committer.commit(kept)
    expect(await published(outside)).toEqual({})
  })

  test('fails where what was staged is gone, and says so', async () => {
    const outside = new MemoryOutside()
    const { committer, kept } = await preCommitted(outside, ['a'])
    for (const key of await staged(outside)) await outside.bucket(BUCKET).delete(key)
    await expect(committer.commit(kept)).rejects.toThrow(
      /^s3Files: cannot publish out\/part-0-.*: neither it nor all that was staged .* is there, so its records are lost/,
    )
  })

  test('fails where another object has the key, and leaves both', async () => {
    const outside = new MemoryOutside()
    const { committer, kept } = await preCommitted(outside, ['a'])
    await outside.bucket(BUCKET).putIfAbsent(`${kept.key}-0000.txt`, Buffer.from('theirs'))
    await expect(committer.commit(kept)).rejects.toThrow('another object has that key')
    expect(await content(outside)).toBe('theirs')
    expect(await staged(outside)).toHaveLength(1)
  })

  test('of two at once publishes once', async () => {
    const outside = new MemoryOutside()
    const { committer, kept } = await preCommitted(outside, ['a'])
    await Promise.all([committer.commit(kept), committer.commit(kept)])
    expect(await content(outside)).toBe('a\n')
  })

  test('of much is several objects, in order, none much above the bound', async () => {
    const outside = new MemoryOutside()
    const committer = sink({ rollOverBytes: 10 }).createCommitter(sinkContext({ outside }))
    const txn = await committer.begin()
    for (const value of ['aaaa', 'bbbb', 'cccc', 'dddd', 'eeee']) await committer.write(txn, [value], [])
    await committer.commit(await committer.preCommit(txn))
    expect(Object.values(await published(outside))).toEqual(['aaaa\nbbbb\n', 'cccc\ndddd\n', 'eeee\n'])
  })
})

test('exactly-once in a job that restarts, without turns', async () => {
  const outside = new MemoryOutside()
  const first = await testHarness<string>((stream) => stream.sinkTo('sink', sink()), {
    outside,
    parallelism: 2,
  })
  await first.pushAll(['a', 'b'])
  const snapshot = await first.barrier()
  await first.pushAll(['lost', 'as well'])
  await first.fail()
  const second = await first.restore(snapshot, { parallelism: 1 })
  await second.push('c')
  await second.barrier()
  await second.completeCheckpoint()
  expect(Object.values(await published(outside)).toSorted()).toEqual(['a\n', 'b\n', 'c\n'])
  expect(await staged(outside)).toEqual([])
})

test('what S3 does not do is told with what was to be done', async () => {
  const outside = new MemoryOutside()
  outside.before = () => {
    throw new Error('SlowDown: please reduce your request rate')
  }
  const committer = sink().createCommitter(sinkContext({ outside }))
  const txn = await committer.begin()
  await committer.write(txn, ['a'], [])
  await expect(Promise.resolve(committer.preCommit(txn))).rejects.toThrow(
    /^s3Files: cannot stage records of out\/part-0-.* in s3:\/\/out-bucket: SlowDown/,
  )
})

test('options are checked together, and a run without AWS is refused', async () => {
  const wrong = { bucket: 'Not A Bucket', prefix: '/x', suffix: '1', rollOverBytes: 0, stagingPrefix: 'x' }
  expect(() => s3Files(wrong)).toThrow(UserError)
  const problems = (() => {
    try {
      s3Files(wrong)
      return []
    } catch (cause) {
      return (cause as UserError).problems
    }
  })()
  expect(problems.map((problem) => /expected (\w+) to be/.exec(problem)?.[1])).toEqual([
    'bucket',
    'prefix',
    'suffix',
    'rollOverBytes',
    'stagingPrefix',
  ])
  expect(() => sink().createCommitter(sinkContext())).toThrow('npm install @aws-sdk/client-s3')
})
