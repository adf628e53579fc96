import { expect, test } from 'vitest'

import { defineJob, discard, http, valueState } from '../../../lib/index.ts'
import { deploymentOf } from '../../../lib/serverless/deployment.ts'
import { ManualClock } from '../../../lib/testing/manual-clock.ts'
import { JobCli } from '../../unit/cli/job-control/job-cli.ts'
import { LocalPlatform } from '../../world/local-platform.ts'
import { MemoryWorld } from '../../world/memory-world.ts'

const JOB = defineJob({ name: 'words', parallelism: 1, checkpointing: { interval: '10 s' } }, (env) => {
  env
    .source('words', http<string>())
    .keyBy((word) => word)
    .map('count', {
      state: { count: valueState({ default: 0 }) },
      map: (word) => word,
    })
    .sinkTo('out', discard())
})

/** The command line on a job that the real handlers run, on a world in memory. */
function deployed(): JobCli {
  const clock = new ManualClock(1_700_000_000_000)
  const world = new MemoryWorld({ clock })
  const platform = new LocalPlatform({ world, clock, ...deploymentOf(JOB, undefined) })
  const { mailbox, log } = world.ports()
  return new JobCli({
    clock,
    mailbox,
    log,
    async pause(ms) {
      const untilMs = clock.now() + ms
      await platform.untilIdle(ms)
      // Where there is nothing to do, time passes all the same.
      if (clock.now() < untilMs) clock.advanceTo(untilMs)
    },
  })
}

const locationIn = (stdout: string): string => / (?:is in|from)\s+(\S+)/.exec(stdout)?.[1] ?? ''

test('a job is taken through its life from the command line', async () => {
  const cli = deployed()
  expect((await cli.run('status')).problems).toEqual([expect.stringContaining('never started')])

  expect(await cli.run('start')).toMatchObject({ code: 0, stdout: 'words RUNNING\n' })
  expect((await cli.run('status')).stdout).toMatch(/^words RUNNING\n/)
  expect(await cli.run('start')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('the job is RUNNING'),
  })

  const savepoint = await cli.run('savepoint')
  expect(savepoint).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^words RUNNING\nSavepoint \d+ is in/),
  })
  expect(await cli.run('checkpoint')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('Checkpoint '),
  })
  expect((await cli.run('list-checkpoints')).stdout).toContain(locationIn(savepoint.stdout))

  const stopped = await cli.run('stop')
  expect(stopped).toMatchObject({ code: 0, stdout: expect.stringMatching(/^words FINISHED\nSavepoint/) })
  expect(await cli.run('savepoint')).toMatchObject({ code: 2, stderr: expect.stringContaining('FINISHED') })

  const restarted = await cli.run('start', '--from', 'latest')
  expect(restarted.code).toBe(0)
  expect(locationIn(restarted.stdout)).toBe(locationIn(stopped.stdout))

  expect(await cli.run('suspend')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('words SUSPENDED'),
  })
  expect(await cli.run('start', '--from', locationIn(savepoint.stdout))).toMatchObject({ code: 0 })
  expect(await cli.run('cancel')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('words CANCELED'),
  })
  expect(await cli.run('cancel')).toMatchObject({ code: 2 })
  expect(await cli.run('start', '--from', 'nowhere')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('expected a checkpoint or savepoint, found none'),
  })
})
