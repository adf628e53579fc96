import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { deadLetterFile, fileSink } from '../../../lib/connectors/index.ts'
import { UserError } from '../../../lib/model/faults.ts'
import { openCommitter, preCommitted, staged, visible } from './file-sink-drive.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const at = temporaryDirectory()
const NAME = (subtask: number, sequence: number): string => `part-${subtask}-000000000${sequence}.txt`

test('a transaction is invisible until it is committed, and then whole', async () => {
  const committer = await openCommitter(fileSink<string>(at('out', 'deep')))
  const seen = (): Record<string, string> => visible(at('out', 'deep'))
  const txn = await committer.begin()
  await committer.write(txn, ['a', 'b'], [])
  await committer.write(txn, ['c'.repeat(600_000)], [])
  expect(seen()).toEqual({})
  const kept = await committer.preCommit(txn)
  expect(seen()).toEqual({})
  await committer.commit(kept)
  expect(seen()).toEqual({ [NAME(0, 0)]: `a\nb\n${'c'.repeat(600_000)}\n` })
  expect(staged(at('out', 'deep'))).toEqual([])
  await committer.commit(await preCommitted(committer, ['d']))
  expect(Object.keys(seen())).toEqual([NAME(0, 0), NAME(0, 1)])
})

describe('formats', () => {
  test('text, JSON, and a function', async () => {
    const write = async (options: object): Promise<void> => {
      const committer = await openCommitter(fileSink<unknown>(at(), options), {
        operatorUid: JSON.stringify(options),
      })
      await committer.commit(await preCommitted(committer, ['水', { a: 1 }]))
    }
    await write({ prefix: 'text' })
    await write({ prefix: 'json', format: 'json' })
    await write({ prefix: 'own', format: (value: unknown) => typeof value, suffix: '.types' })
    expect(visible(at())).toEqual({
      'json-0-0000000000.jsonl': '"水"\n{"a":1}\n',
      'own-0-0000000000.types': 'string\nobject\n',
      'text-0-0000000000.txt': '水\n{ a: 1 }\n',
    })
  })

  test('what JSON cannot hold fails the job', async () => {
    const committer = await openCommitter(fileSink<unknown>(at(), { format: 'json' }))
    await expect(preCommitted(committer, [undefined])).rejects.toThrow(
      'a value that JSON can hold, got undefined',
    )
  })

  test('dead letters', async () => {
    const letter = { operatorUid: 'source', position: 'in.txt:1', reason: 'no number', raw: 'x' }
    const committer = await openCommitter(deadLetterFile(at()))
    await committer.commit(await preCommitted(committer, [letter]))
    expect(visible(at())).toEqual({ 'dead-letters-0-0000000000.jsonl': `${JSON.stringify(letter)}\n` })
  })
})

test('a transaction over the size is several files, published together and in order', async () => {
  const committer = await openCommitter(fileSink<string>(at(), { rollOverBytes: 4 }))
  const txn = await committer.begin()
  for (const batch of [['a'], ['b'], ['c', 'd', 'e'], ['f']]) await committer.write(txn, batch, [])
  await committer.commit(await committer.preCommit(txn))
  expect(visible(at())).toEqual({ [NAME(0, 0)]: 'a\nb\n', [NAME(0, 1)]: 'c\nd\ne\n', [NAME(0, 2)]: 'f\n' })
  await committer.commit(await preCommitted(committer, ['g']))
  expect(Object.keys(visible(at()))).toContain(NAME(0, 3))
})

describe('a commit that is repeated', () => {
  test('changes nothing', async () => {
    const committer = await openCommitter(fileSink<string>(at()))
    const txn = await preCommitted(committer, ['a'])
    await committer.commit(txn)
    await committer.commit(txn)
    const restored = await openCommitter(fileSink<string>(at()), { attempt: 2 }, [txn])
    await restored.commit(await preCommitted(restored, ['b']))
    expect(visible(at())).toEqual({ [NAME(0, 0)]: 'a\n', [NAME(0, 1)]: 'b\n' })
  })

  test('does not bring back a file that was taken away, nor give its name to another', async () => {
    const committer = await openCommitter(fileSink<string>(at()))
    const txn = await preCommitted(committer, ['a'])
    await committer.commit(txn)
    rmSync(at(NAME(0, 0)))
    const restored = await openCommitter(fileSink<string>(at()), { attempt: 2 }, [txn])
    await restored.commit(await preCommitted(restored, ['b']))
    expect(visible(at())).toEqual({ [NAME(0, 1)]: 'b\n' })
  })

  test('finishes one that a crash cut short', async () => {
    const committer = await openCommitter(fileSink<string>(at(), { rollOverBytes: 1 }))
    const txn = await committer.begin()
    for (const value of ['a', 'b']) await committer.write(txn, [value], [])
    const kept = await committer.preCommit(txn)
    await committer.commit({ ...kept, sequence: 9, files: kept.files.slice(0, 1) })
    rmSync(at('.staging'), { recursive: true })
    await expect(committer.commit(kept)).rejects.toThrow(
      /part-0-0000000001.txt: neither it nor the staged .* is there/,
    )
  })
})

describe('after a crash', () => {
  test('before the commit, the restored attempt publishes', async () => {
    const first = await openCommitter(fileSink<string>(at()))
    const txn = await preCommitted(first, ['a'])
    const second = await openCommitter(fileSink<string>(at()), { attempt: 2 }, [txn])
    expect(visible(at())).toEqual({ [NAME(0, 0)]: 'a\n' })
    await second.commit(await preCommitted(second, ['b']))
    expect(visible(at())).toEqual({ [NAME(0, 0)]: 'a\n', [NAME(0, 1)]: 'b\n' })
  })

  test('a transaction may be published by another subtask than wrote it, at any time', async () => {
    const sink = fileSink<string>(at())
    const old = [0, 1].map((subtaskIndex) => openCommitter(sink, { subtaskIndex, parallelism: 2 }))
    const [zero, one] = await Promise.all(old)
    const txns = [await preCommitted(zero!, ['a']), await preCommitted(one!, ['x'])]
    const more = await preCommitted(zero!, ['b'])

    const over = { runId: 'resumed', parallelism: 2 }
    const newZero = await openCommitter(sink, over)
    const ahead = await preCommitted(newZero, ['c'])
    await openCommitter(sink, { ...over, subtaskIndex: 1 }, [more, ...txns])
    await newZero.commit(ahead)
    expect(visible(at())).toEqual({
      [NAME(0, 0)]: 'a\n',
      [NAME(0, 1)]: 'b\n',
      [NAME(0, 2)]: 'c\n',
      [NAME(1, 0)]: 'x\n',
    })
  })

  test('what no checkpoint holds is removed: what was being written at once, what was complete later', async () => {
    const sink = fileSink<string>(at())
    const forsaken = await openCommitter(sink, { subtaskIndex: 1, parallelism: 2 })
    await preCommitted(forsaken, ['complete'])
    await forsaken.write(await forsaken.begin(), ['partial'], [])
    await forsaken.close?.()
    expect(staged(at())).toHaveLength(2)
    const committer = await openCommitter(sink, { attempt: 2 })
    expect(staged(at())).toEqual([expect.stringMatching(/1-0000000000~run-1\.ready$/)])
    await committer.commit(await preCommitted(committer, ['a']))
    await committer.commit(await preCommitted(committer, ['b']))
    expect(staged(at())).toEqual([])
    expect(visible(at())).toEqual({ [NAME(0, 0)]: 'a\n', [NAME(0, 1)]: 'b\n' })
  })

  test('the files of other jobs, other sinks and other subtasks at work are left alone', async () => {
    const sink = fileSink<string>(at())
    for (const over of [{ jobName: 'other' }, { operatorUid: 'other' }, { subtaskIndex: 1 }]) {
      const other = await openCommitter(sink, { ...over, parallelism: 2 })
      await other.write(await other.begin(), ['at work'], [])
    }
    await openCommitter(sink, { attempt: 2, parallelism: 2 })
    expect(staged(at())).toHaveLength(3)
  })

  test('a stale attempt fails rather than publish or lose anything', async () => {
    const stale = await openCommitter(fileSink<string>(at()))
    const txn = await stale.begin()
    await stale.write(txn, ['stale'], [])
    const current = await openCommitter(fileSink<string>(at()), { attempt: 2 })
    const own = await current.begin()
    await current.write(own, ['current'], [])
    await expect(stale.preCommit(txn)).rejects.toThrow(/cannot rename .*: there is nothing at this path/)
    await current.commit(await current.preCommit(own))
    expect(Object.values(visible(at()))).toEqual(['current\n'])
  })
})

test('an aborted transaction leaves nothing', async () => {
  const committer = await openCommitter(fileSink<string>(at()))
  const open = await committer.begin()
  await committer.write(open, ['a'], [])
  await committer.abort(open)
  await committer.abort(await preCommitted(committer, ['b']))
  expect([visible(at()), staged(at())]).toEqual([{}, []])
  await committer.commit(await preCommitted(committer, ['c']))
  expect(Object.values(visible(at()))).toEqual(['c\n'])
})

test('a transaction without records publishes nothing', async () => {
  const committer = await openCommitter(fileSink<string>(at()))
  await committer.commit(await committer.preCommit(await committer.begin()))
  expect(visible(at())).toEqual({})
})

describe('errors', () => {
  test('a name that is taken is not overwritten', async () => {
    const committer = await openCommitter(fileSink<string>(at()))
    const txn = await preCommitted(committer, ['a'])
    writeFileSync(at(NAME(0, 0)), 'precious')
    await expect(committer.commit(txn)).rejects.toThrow(
      /another file has that name.*a directory or a prefix of its own/,
    )
    expect(visible(at())).toEqual({ [NAME(0, 0)]: 'precious' })
  })

  test('a directory that cannot be one', async () => {
    writeFileSync(at('file'), '')
    await expect(openCommitter(fileSink(at('file', 'out')))).rejects.toThrow(UserError)
    await expect(openCommitter(fileSink(at('file', 'out')))).rejects.toThrow(/a part of the path is a file/)
  })

  test('a staging directory that goes away while the job runs', async () => {
    const committer = await openCommitter(fileSink<string>(at()))
    rmSync(at('.staging'), { recursive: true })
    mkdirSync(at('.staging'))
    await expect(preCommitted(committer, ['a'])).rejects.toThrow(
      /fileSink: cannot create .*: there is nothing/,
    )
  })

  test('options', () => {
    expect(() => fileSink('', { prefix: '.x', suffix: '0', rollOverBytes: 0 })).toThrow(
      /directory to be.*\n.*prefix to be.*\n.*suffix to be.*\n.*rollOverBytes to be above 0, got 0/,
    )
  })
})
