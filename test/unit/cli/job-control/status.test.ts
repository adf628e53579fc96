import { expect, test } from 'vitest'

import { point, RUNNING, ScriptedJob, START_MS } from './scripted-job.ts'

test('status of a job that runs', async () => {
  const job = await new ScriptedJob().publish({ restoredFrom: point(5, 'savepoint') })
  job.clock.advance(4_200)
  const { code, stdout, stderr } = await job.cli.run('status')
  expect([code, stderr]).toEqual([0, ''])
  expect(stdout).toBe(`words RUNNING
  run          r1
  started      2023-11-14T21:13:20Z, 1 h 00 min ago
  attempt      3, 2 restarts
  begun from   s3://my-bucket/savepoints/savepoint-5
  chains       count (2)
  checkpoint   9, 14 s ago, in 200 ms: s3://my-bucket/checkpoints/words/r1/chk-9
  savepoint    8, 14 s ago, in 200 ms: s3://my-bucket/savepoints/savepoint-8
  latest       s3://my-bucket/checkpoints/words/r1/chk-9
  as of        2023-11-14T22:13:20Z, 4.2 s ago
`)
  expect(job.world.mailbox.queues()).toEqual([])
})

test('status of a job that waits for a restart', async () => {
  const job = await new ScriptedJob().publish({
    status: 'RESTARTING',
    restartAtMs: START_MS + 3_000,
    cause: { message: 'a word too many', operatorName: 'count', key: 'whale' },
  })
  const { code, stdout } = await job.cli.run('status')
  expect(code).toBe(0)
  expect(stdout).toContain('  restart      in 3 s\n')
  expect(stdout).toContain('Last failure\n  operator    count\n  key         whale\n  a word too many\n')
})

test('status of a job that is over, and cannot be started at another parallelism', async () => {
  const job = await new ScriptedJob().publish({
    status: 'CANCELED',
    unmaterialized: ['count#1'] as never,
    idle: true,
  })
  const { stdout } = await job.cli.run('status')
  expect(stdout).toContain('Rows of count#1 are in their logs')
  expect(stdout).not.toContain('idle')
})

test('status of a job with something to look at', async () => {
  const message = 'ingest:posted#0: dynamodb:PutItem on table words: not allowed'
  const job = await new ScriptedJob().publish({ warnings: [{ atMs: START_MS - 5_000, message }] })
  const { stdout } = await job.cli.run('status')
  expect(stdout).toContain(`\nWarnings\n  5 s ago: ${message}\n`)
})

test('status of an idle job', async () => {
  const idle = 'nothing to do since, so no checkpoints are taken'
  for (const [checkpoints, shown] of [
    [RUNNING.checkpoints, idle],
    [[], 'nothing to do'],
  ] as const) {
    const job = await new ScriptedJob().publish({ idle: true, checkpoints })
    expect((await job.cli.run('status')).stdout).toContain(`  idle         ${shown}\n`)
  }
})

test('what a record holds cannot move the cursor', async () => {
  const job = await new ScriptedJob().publish({
    jobName: 'wo\u001B[2Jrds',
    cause: { message: 'a\u001B[1Ab' },
  })
  expect((await job.cli.run('status')).stdout).not.toContain('\u001B')
})

test('status as JSON', async () => {
  const job = await new ScriptedJob().publish({ answers: { a: { type: 'accepted', atMs: 1 } } })
  const { stdout } = await job.cli.run('status', '--json')
  const shown: unknown = JSON.parse(JSON.stringify({ ...RUNNING, answers: undefined }))
  expect(JSON.parse(stdout)).toEqual(shown)
})

test('checkpoints and the last savepoint, in order', async () => {
  const job = await new ScriptedJob().publish({})
  const { code, stdout } = await job.cli.run('list-checkpoints')
  expect(code).toBe(0)
  expect(stdout).toBe(`ID  KIND        COMPLETED                   TOOK     SIZE  LOCATION
 7  checkpoint  2023-11-14T22:13:10.200Z  200 ms  1.23 kB  s3://my-bucket/checkpoints/words/r1/chk-7
 8  savepoint   2023-11-14T22:13:10.200Z  200 ms  1.23 kB  s3://my-bucket/savepoints/savepoint-8
 9  checkpoint  2023-11-14T22:13:10.200Z  200 ms  1.23 kB  s3://my-bucket/checkpoints/words/r1/chk-9
`)
  const json = JSON.parse((await job.cli.run('list-checkpoints', '--json')).stdout) as {
    checkpointId: number
  }[]
  expect(json.map(({ checkpointId }) => checkpointId)).toEqual([7, 8, 9])
})

test('no checkpoints', async () => {
  const job = await new ScriptedJob().publish({ checkpoints: [], lastSavepoint: undefined })
  expect((await job.cli.run('list-checkpoints')).stdout).toBe('words has no checkpoint and no savepoint\n')
})
