import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { collection, collectSink, defineJob, runJob, textFile, type JobEvent } from 'millrace'

let directory = ''
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-run-job-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

describe('runJob', () => {
  test('says that it takes aligned checkpoints where unaligned ones were asked for', async () => {
    const sink = collectSink<number>()
    const job = defineJob(
      { name: 'unaligned', checkpointing: { interval: '1 h', unaligned: true, directory } },
      (env) => env.source('numbers', collection([1, 2, 3])).sinkTo('out', sink),
    )
    const handle = await runJob(job)
    const events: JobEvent[] = []
    handle.onEvent((event) => events.push(event))
    expect((await handle.result).status).toBe('FINISHED')
    expect(sink.values).toEqual([1, 2, 3])
    expect(events.filter((event) => event.type === 'warning')).toMatchObject([
      { message: 'Unaligned checkpoints are not available here yet: this run takes aligned ones' },
    ])
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
