import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  collection,
  collectSink,
  defineJob,
  runJob,
  textFile,
  type JobEvent,
  type WriterSink,
} from 'millrace'

let directory = ''
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-run-job-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

function parse(line: string): number {
  if (!/^\d+$/.test(line)) throw new Error('not a number')
  return Number(line)
}

describe('runJob', () => {
  test('says where the records are that nobody takes as dead letters', async () => {
    const path = join(directory, 'numbers.txt')
    await writeFile(path, '1\ntwo\n3\n')
    const sink = collectSink<number>()
    const job = defineJob({ name: 'parsing', deadLettersDirectory: directory }, (env) =>
      env.source('numbers', textFile(path, { parse })).sinkTo('out', sink),
    )
    const handle = await runJob(job)
    const events: JobEvent[] = []
    handle.onEvent((event) => events.push(event))
    await handle.result
    expect(sink.values).toEqual([1, 3])
    const dead = join(directory, 'parsing', 'numbers')
    expect(events.filter((event) => event.type === 'warning')).toMatchObject([
      { message: `Source 'numbers' found records that it could not parse; see ${dead}` },
    ])
    const files = (await readdir(dead)).filter((name) => !name.startsWith('.'))
    expect(files).toHaveLength(1)
    expect(await readFile(join(dead, files[0]!), 'utf8')).toContain('not a number')
  })

  test('tells what a sink warns of', async () => {
    const sink: WriterSink<number> = {
      type: 'writer',
      kind: 'wary',
      createWriter(ctx) {
        ctx.warn('mind the gap')
        return { write() {} }
      },
    }
    const job = defineJob({ name: 'wary' }, (env) =>
      env.source('numbers', collection([1])).sinkTo('out', sink),
    )
    const handle = await runJob(job)
    const events: JobEvent[] = []
    handle.onEvent((event) => events.push(event))
    await handle.result
    expect(events.filter((event) => event.type === 'warning')).toMatchObject([{ message: 'mind the gap' }])
  })

  test('does not restart what its user has to mend', async () => {
    const missing = join(directory, 'missing.txt')
    const job = defineJob({ name: 'mistake', checkpointing: { interval: '1 h', directory } }, (env) =>
      env.source('lines', textFile(missing)).sinkTo('out', collectSink<string>()),
    )
    const handle = await runJob(job)
    const { status, cause, restarts } = await handle.result
    expect({ status, restarts }).toEqual({ status: 'FAILED', restarts: 0 })
    expect(cause).toMatchObject({ isUserMistake: true, message: expect.stringContaining(missing) as string })
    expect(cause?.notRestartedBecause).toBe('a restart would meet the same mistake')
  })
})
