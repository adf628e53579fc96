import { rmSync } from 'node:fs'
import { join } from 'node:path'

import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'

import { Millrace, millrace, ROOT } from './millrace.ts'
import { project } from './project.ts'

const job = (name: string): string => join(ROOT, 'test/fixtures/jobs', `${name}.ts`)

/** Where a test runs its jobs: their checkpoints go below it. */
let cwd: string

beforeEach(() => {
  cwd = project({})
})

/** A run that is under way; it does not outlive the test. */
function start(...args: readonly string[]): Millrace {
  const run = new Millrace(['run', ...args], { cwd })
  onTestFinished(() => run.kill('SIGKILL'))
  return run
}

/** What the ticker prints for an index, if no record before it was lost or came twice. */
function tick(index: number): string {
  return `tick ${index}: ${Math.floor(index / 10) + 1} of its kind`
}

function lastLine(stderr: string): string {
  return stderr.trimEnd().split('\n').at(-1)!
}

describe('a job that ends by itself', () => {
  test('finished: its prints on standard output, a log on standard error, 0', async () => {
    const { code, stdout, stderr } = await millrace(['run', job('letters')], { cwd })
    expect(stdout).toBe('a seen\nb seen\na seen\nc seen\n')
    const events = stderr.split('\n').map((line) => line.replace(/^\d{4}-\d\d-\d\dT[\d:.]+Z /, ''))
    expect(events).toContain('CREATED -> RUNNING')
    expect(events).toContain('attempt 1 runs, from nothing')
    expect(events).toContain('RUNNING -> FINISHED')
    expect(lastLine(stderr)).toMatch(
      /^letters FINISHED: 4 records in [\d.]+ m?s \(.*\/s\), no checkpoints, no restarts$/,
    )
    expect(code).toBe(0)
  })

  test('failed: the cause whole, with the part of the stack that is the user’s, 1', async () => {
    const { code, stderr } = await millrace(['run', job('failing')], { cwd })
    const lines = stderr.trimEnd().split('\n')
    const cause = lines.slice(lines.indexOf('failing failed') + 1, -2)
    expect(cause).toEqual([
      '  operator    check, subtask 0',
      '  key         bug',
      '  record      words#0, element 1, record 3',
      '  event time  1970-01-01T00:00:01Z',
      expect.stringMatching(/^ {2}no restart {2}.*1 restart/),
      '  Error: the word bug',
      expect.stringMatching(/^ {6}at check \(.*failing\.ts:\d+:\d+\)$/),
      expect.stringMatching(/^ {6}at .*processElement \(.*failing\.ts:\d+:\d+\)$/),
    ])
    expect(lines.at(-1)).toMatch(/^failing FAILED: 8 records in .*, no checkpoints, 1 restart$/)
    expect(code).toBe(1)
  })
})

test('a mistake that only the running job can meet: its message, without a stack, 2', async () => {
  cwd = project({
    'job.ts': `
      import { defineJob, discard, textFile } from 'millrace'
      export default defineJob({ name: 'job', checkpointing: { interval: '1 s' } }, (env) => {
        env.source('lines', textFile('nowhere.txt')).sinkTo('out', discard())
      })`,
  })
  const { code, stderr } = await millrace(['run', 'job.ts'], { cwd })
  expect(stderr).toMatch(/^job failed\n {2}no restart .*\n {2}textFile: .* nowhere\.txt/m)
  expect(stderr).not.toMatch(/^ +at /m)
  expect(lastLine(stderr)).toMatch(/^job FAILED: 0 records /)
  expect(code).toBe(2)
})

describe('a signal', () => {
  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s: a last checkpoint, the command to go on with, %d', async (signal, exitCode) => {
    const run = start(job('ticker'))
    await run.says('stdout', 'tick 20:')
    run.kill(signal)
    const { code, stderr } = await run.ended
    expect(stderr).toContain(`${signal}: Taking a last checkpoint; press Ctrl-C again to stop at once\n`)
    expect(stderr).toContain(
      `Go on from the last checkpoint with\n  millrace run ${job('ticker')} --from latest\n`,
    )
    expect(lastLine(stderr)).toMatch(
      /^ticker SUSPENDED: \d+ records in .*, \d+ checkpoints?, no restarts, last checkpoint in \.millrace.*chk-\d+$/,
    )
    expect(code).toBe(exitCode)
  })

  test('and --from latest: not one record is lost or comes twice', async () => {
    const first = start(job('ticker'))
    await first.says('stdout', 'tick 20:')
    first.kill('SIGINT')
    const { stdout } = await first.ended
    const next = stdout.trimEnd().split('\n').length

    const second = start(job('ticker'), '--from', 'latest')
    await second.says('stdout', `tick ${next + 20}:`)
    second.kill('SIGINT')
    const all = stdout + (await second.ended).stdout
    const lines = all.trimEnd().split('\n')
    expect(lines).toEqual(lines.map((_, index) => tick(index)))
  })

  test('a second one does not wait for a checkpoint that does not come', async () => {
    const run = start(job('stuck'))
    await run.says('stdout', 'stuck')
    run.kill('SIGINT')
    await run.says('stderr', 'Taking a last checkpoint')
    run.kill('SIGINT')
    const { code, stderr } = await run.ended
    expect(lastLine(stderr)).toBe('Stopped at once, without a last checkpoint')
    expect(code).toBe(130)
  })

  test('ends a job that waits for its next attempt', async () => {
    const run = start(job('restarting'))
    await run.says('stderr', 'attempt 2 starts in')
    run.kill('SIGINT')
    const { code, stderr } = await run.ended
    expect(stderr).toContain('No checkpoint was kept: another run starts from nothing')
    expect(lastLine(stderr)).toMatch(/^restarting SUSPENDED: 1 record /)
    expect(code).toBe(130)
  })

  test('ends a job whose code does not return, once its user was told where it is', async () => {
    const run = start(job('endless-loop'))
    await run.says('stderr', 'Ctrl-C now stops at once.')
    await run.says('stderr', 'endless-loop.ts:')
    run.kill('SIGINT')
    const { code, stdout } = await run.ended
    expect(stdout).toBe('looping\n')
    expect(code).toBe(130)
  })

  test('while the job is loaded ends it', async () => {
    cwd = project({
      'job.ts': `console.log('loading')\nawait new Promise(() => setInterval(() => {}, 1_000))`,
    })
    const run = start('job.ts')
    await run.says('stdout', 'loading')
    run.kill('SIGINT')
    expect((await run.ended).code).toBe(130)
  })
})

describe('what is nobody’s mistake to be told in a line', () => {
  test.each([
    ['an exception', `setTimeout(() => { throw new Error('out of the blue') }, 0)`],
    ['a rejection', `setTimeout(() => void Promise.reject(new Error('out of the blue')), 0)`],
  ])('%s that nothing handles: the stack, and what to report, 70', async (_what, text) => {
    cwd = project({ 'job.ts': `${text}\nawait new Promise(() => setInterval(() => {}, 1_000))` })
    const { code, stderr } = await millrace(['run', 'job.ts'], { cwd })
    expect(stderr).toMatch(/^internal error: Error: out of the blue\n +at .*job\.ts:1:/)
    expect(stderr).toMatch(/please report it.*\n.*Millrace \d+\.\d+\.\d+, Node v/)
    expect(code).toBe(70)
  })

  test('a reader of standard output that goes away ends the run quietly', async () => {
    const run = start(job('ticker'))
    await run.says('stdout', 'tick 1:')
    run.process.stdout.destroy()
    const { code, stderr } = await run.ended
    expect(stderr).not.toContain('EPIPE')
    expect(stderr).not.toContain('error')
    expect(code).toBe(141)
  })
})

test('timers and connections that a job leaves behind do not keep the process', async () => {
  cwd = project({
    'job.ts': `
      import { collection, defineJob, discard } from 'millrace'
      setInterval(() => {}, 1_000)
      export default defineJob({ name: 'job' }, (env) => {
        env.source('numbers', collection([1, 2])).sinkTo('out', discard())
      })`,
  })
  expect((await millrace(['run', 'job.ts'], { cwd })).code).toBe(0)
})

test('flags win over the job, and a file gives way to it', async () => {
  cwd = project({
    'conf.yaml': 'pipeline.max-parallelism: 16\npipeline.name: from-file\nparallelism.default: 2\n',
  })
  const args = [
    'plan',
    job('letters'),
    '--config',
    'conf.yaml',
    '--set',
    'pipeline.max-parallelism=32',
    '-p',
    '3',
    '--json',
  ]
  const { stdout } = await millrace(args, { cwd })
  const plan = JSON.parse(stdout) as {
    job: string
    vertices: { parallelism: number; maxParallelism: number }[]
  }
  expect(plan.job).toBe('letters')
  expect(plan.vertices.at(-1)).toMatchObject({ parallelism: 3, maxParallelism: 32 })
  rmSync(join(cwd, 'conf.yaml'))
})
