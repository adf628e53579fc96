import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { defineJob, sinkFunction, sourceFunction, type JobHandle } from '../../../lib/index.ts'
import { nodeFiles, type DiskFiles } from '../../../lib/embedded/disk-files.ts'
import { runJobIn } from '../../../lib/embedded/run-job.ts'
import { machine } from '../../../lib/embedded/world.ts'

const directory = mkdtempSync(join(tmpdir(), 'millrace-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const NO_SPACE = Object.assign(new Error('no space'), { code: 'ENOSPC' })

async function running(files: DiskFiles): Promise<JobHandle> {
  const source = sourceFunction<number>({
    poll(ctx) {
      ctx.collect(ctx.now())
      return { waitUntilMs: ctx.now() + 1 }
    },
  })
  let delivered!: () => void
  const firstRecord = new Promise<void>((resolve) => {
    delivered = resolve
  })
  const checkpointing = { interval: '1 h', directory, tolerableFailures: 1 }
  const job = await runJobIn(
    { ...machine, files },
    defineJob({ name: 'job', checkpointing }, (env) => {
      const numbers = env.source('numbers', source)
      numbers
        .keyBy((n) => n % 10)
        .reduce('greatest', (a, b) => Math.max(a, b))
        .sinkTo('out', sinkFunction<number>({ invoke: () => delivered() }))
    }),
  )
  await new Promise<void>((resolve) => {
    job.onEvent((event) => {
      if (event.type === 'deployed') resolve()
    })
  })
  await firstRecord
  return job
}

test('a segment that is there although its writing failed goes when the run ends', async () => {
  let failed = false
  const files: DiskFiles = {
    ...nodeFiles,
    async link(from, to) {
      await nodeFiles.link(from, to)
      if (failed || !to.includes('/shared/')) return
      failed = true
      throw NO_SPACE
    },
  }
  const job = await running(files)
  await expect(job.triggerCheckpoint()).rejects.toThrow('disk full')
  expect(await job.suspend()).toMatchObject({ status: 'SUSPENDED', lastCheckpoint: { checkpointId: 2 } })
  const segments = readdirSync(join(directory, 'job', job.runId, 'shared'))
  expect(segments.filter((name) => name.startsWith('1-'))).toEqual([])
  expect(segments).not.toEqual([])
})

test('a record that is there although its writing failed keeps its segments until it is removed', async () => {
  let failed = 0
  const files: DiskFiles = {
    ...nodeFiles,
    async link(from, to) {
      await nodeFiles.link(from, to)
      if (!to.endsWith('chk-1/_metadata')) return
      failed = 1
      throw NO_SPACE
    },
    unlink(path) {
      if (failed !== 1 || !path.endsWith('chk-1/_metadata')) return nodeFiles.unlink(path)
      failed = 2
      return Promise.reject(NO_SPACE)
    },
  }
  const job = await running(files)
  await expect(job.triggerCheckpoint()).rejects.toThrow('disk full')
  await job.triggerCheckpoint()
  await job.triggerCheckpoint()
  const run = join(directory, 'job', job.runId)
  expect(failed).toBe(2)
  expect(readdirSync(run)).toContain('chk-1')
  expect(readdirSync(join(run, 'shared')).some((name) => name.startsWith('1-'))).toBe(true)
  await job.suspend()
  expect(readdirSync(run)).not.toContain('chk-1')
})
