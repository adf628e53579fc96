import { existsSync } from 'node:fs'
import { basename } from 'node:path'
import { collect, socketText, transactionalCollect } from 'millrace'
import { describe, expect, test } from 'vitest'
import { fragileWordCount, type WordCount } from '../../../examples/fragile-word-count.ts'
import { LineServer, Log, TestJob, until } from './support.ts'

/** What a run without failures gives. */
function counted(...lines: readonly string[]): WordCount[] {
  const counts = new Map<string, number>()
  return lines
    .join(' ')
    .split(' ')
    .map((word) => {
      counts.set(word, (counts.get(word) ?? 0) + 1)
      return { word, count: counts.get(word)! }
    })
}

describe('from a source that can be read again', () => {
  test('the counts after three crashes are those of a run without', async () => {
    const log = new Log('hello world', 'hello stream')
    const counts = transactionalCollect<WordCount>()
    const job = await TestJob.start(fragileWordCount(log.source, counts))
    await job.taken('words', 2)
    const first = await job.checkpoint(1_000)
    await expect.poll(() => counts.values).toEqual(counted('hello world', 'hello stream'))

    log.append('after the checkpoint')
    await job.taken('words', 3)
    log.once('and then a bug')
    expect(await job.restart()).toEqual({ delayMs: 5_000, restoredFrom: first.path })

    await job.taken('words', 1)
    log.once('bug')
    expect(await job.restart()).toEqual({ delayMs: 5_000, restoredFrom: first.path })

    log.append('hello world')
    await job.taken('words', 2)
    const second = await job.checkpoint(1_000)
    log.append('hello after')
    log.once('bug')
    expect(await job.restart()).toEqual({ delayMs: 5_000, restoredFrom: second.path })

    log.append('the end')
    await job.taken('words', 2)
    await job.checkpoint(1_000)
    await expect
      .poll(() => counts.values)
      .toEqual(
        counted(
          'hello world',
          'hello stream',
          'after the checkpoint',
          'hello world',
          'hello after',
          'the end',
        ),
      )

    log.once('bug')
    expect(await job.handle.result).toMatchObject({
      status: 'FAILED',
      restarts: 3,
      cause: { message: 'A bug was found in the input', operatorUid: 'words' },
    })
  })

  test('a cancelled job counts on from the checkpoint it left', async () => {
    const log = new Log('one two', 'two')
    const before = collectedCounts()
    const job = await TestJob.start(fragileWordCount(log.source, before.sink))
    await job.taken('words', 2)
    const { path } = await job.checkpoint(1_000)
    const cancelled = await job.handle.cancel()
    expect(cancelled).toMatchObject({ status: 'CANCELED', lastCheckpoint: { path } })
    expect(basename(path)).toMatch(/^chk-\d+$/)
    expect(existsSync(path)).toBe(true)

    log.append('two three')
    const after = collectedCounts()
    const resubmitted = await TestJob.start(fragileWordCount(log.source, after.sink), {
      directory: job.directory,
      from: path,
    })
    expect(await resubmitted.next('deployed')).toMatchObject({ restoredFrom: path })
    await until(() => after.values.length === 2, 'the new words are counted')
    expect([...before.values, ...after.values]).toEqual(counted('one two', 'two', 'two three'))
  })
})

test('from a socket: a crash costs the connection, and nothing that a checkpoint holds', async () => {
  const server = await LineServer.listen()
  const { sink, values } = collectedCounts()
  const job = await TestJob.start(
    fragileWordCount(socketText({ host: '127.0.0.1', port: server.port, maxRetries: Infinity }), sink),
  )
  await server.connected(1)
  server.send('hello world', 'hello')
  await job.taken('words', 2)
  const { path } = await job.checkpoint(1_000)

  server.send('bug')
  expect(await job.restart()).toEqual({ delayMs: 5_000, restoredFrom: path })
  await server.connected(2)
  server.send('hello')
  await job.taken('words', 1)
  expect(values).toEqual(counted('hello world', 'hello', 'hello'))
})

function collectedCounts() {
  const values: WordCount[] = []
  return { values, sink: collect(values) }
}
