import { expect, test } from 'vitest'

import type { JobHandle } from '../../../../lib/embedded/job-handle.ts'
import type { StopSignal } from '../../../../cli/exit-codes.ts'
import type { RunReporter } from '../../../../cli/run/reporter.ts'
import { runSession } from '../../../../cli/run/run-session.ts'
import type { RunSummary } from '../../../../cli/run/summary.ts'
import { completed, FakeJob, metrics, operator, result } from './fake-job.ts'

class Session {
  readonly told: string[] = []
  readonly exits: number[] = []
  readonly job = new FakeJob()
  summary: RunSummary | undefined
  updates = 0
  sendSignal: (signal: StopSignal) => void = () => {
    throw new Error('Nobody listens to signals')
  }
  listening = false
  private readonly reporter: RunReporter = {
    updateEveryMs: undefined,
    started: ({ jobName, file }) => this.told.push(`started ${jobName} of ${file}`),
    event: (event) => this.told.push(event.type),
    update: () => this.updates++,
    stopping: (signal) => this.told.push(`stopping: ${signal}`),
    finished: (summary, exitCode) => {
      this.summary = summary
      this.told.push(`finished: ${exitCode}`)
    },
    failed: () => {},
    stoppedAtOnce: (signal, resume) => this.told.push(`at once: ${signal}, ${resume}`),
    hanging: () => {},
    close: () => this.told.push('closed'),
  }

  run(start: () => Promise<JobHandle> = () => Promise.resolve(this.job)): Promise<number> {
    return runSession({
      file: 'job.ts',
      sourceUids: new Set(['lines']),
      start,
      reporter: this.reporter,
      onStopSignal: (onSignal) => {
        this.sendSignal = onSignal
        this.listening = true
        return () => {
          this.listening = false
        }
      },
      exitNow: (code) => this.exits.push(code),
      resumeCommand: (hasCheckpoint) => (hasCheckpoint ? 'resume' : undefined),
      now: () => 1_000,
    })
  }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

test('a job that finishes ends with 0, told from start to end', async () => {
  const session = new Session()
  const run = session.run()
  await turn()
  session.job.emit(completed(1))
  session.job.figures = metrics([operator('lines', { numRecordsIn: 42 })])
  session.job.end()

  expect(await run).toBe(0)
  expect(session.told).toEqual([
    'started word-count of job.ts',
    'checkpoint-completed',
    'finished: 0',
    'closed',
  ])
  expect(session.summary).toMatchObject({ recordsRead: 42, checkpoints: 1, resume: undefined })
  expect(session.listening).toBe(false)
})

test('a job that fails ends with 1', async () => {
  const session = new Session()
  const run = session.run()
  session.job.end({ status: 'FAILED', lastCheckpoint: { checkpointId: 1, path: '/checkpoints/chk-1' } })
  expect(await run).toBe(1)
  expect(session.summary?.resume).toBe('resume')
})

test('a job that fails by a mistake of its user ends with 2', async () => {
  const session = new Session()
  const run = session.run()
  session.job.end({ status: 'FAILED', cause: { message: 'no such file', isUserMistake: true } })
  expect(await run).toBe(2)
})

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('%s suspends the job, which ends with %d', async (signal, code) => {
  const session = new Session()
  session.job.whenSuspended = result({
    status: 'SUSPENDED',
    lastCheckpoint: { checkpointId: 1, path: '/checkpoints/chk-1' },
  })
  const run = session.run()
  await turn()
  session.sendSignal(signal)

  expect(await run).toBe(code)
  expect(session.told).toContain(`stopping: ${signal}`)
  expect(session.summary?.resume).toBe('resume')
  expect(session.exits).toEqual([])
})

test('a second signal does not wait for the first', async () => {
  const session = new Session()
  const run = session.run()
  await turn()
  session.job.emit(completed(1))
  session.sendSignal('SIGINT')
  session.sendSignal('SIGTERM')
  expect(session.exits).toEqual([143])
  expect(session.told.at(-1)).toBe('at once: SIGTERM, resume')

  session.job.end()
  await run
})

test('a signal while the job starts suspends it as soon as it has', async () => {
  const session = new Session()
  session.job.whenSuspended = result({ status: 'SUSPENDED' })
  let started!: () => void
  const run = session.run(() => new Promise((resolve) => (started = () => resolve(session.job))))
  session.sendSignal('SIGINT')
  expect(session.told).toEqual(['stopping: SIGINT'])
  started()

  expect(await run).toBe(130)
  expect(session.job.suspensions).toBe(1)
})

test('two signals while the job starts end the process', async () => {
  const session = new Session()
  void session.run(() => new Promise(() => {}))
  session.sendSignal('SIGINT')
  session.sendSignal('SIGINT')
  expect(session.exits).toEqual([130])
})

test('a job that ends by itself while it is being suspended has ended so', async () => {
  const session = new Session()
  session.job.whenSuspended = result({ status: 'FINISHED' })
  const run = session.run()
  await turn()
  session.sendSignal('SIGINT')
  expect(await run).toBe(0)
})

test('what goes wrong at the start is thrown, with everything given back', async () => {
  const session = new Session()
  await expect(session.run(() => Promise.reject(new Error('no such checkpoint')))).rejects.toThrow(
    'no such checkpoint',
  )
  expect(session.listening).toBe(false)
  expect(session.told).toEqual(['closed'])
})

test('a checkpoint in memory is nothing to go on from', async () => {
  const session = new Session()
  const run = session.run()
  session.job.end({ status: 'FAILED', lastCheckpoint: { checkpointId: 1, path: 'memory/job/run/chk-1' } })
  await run
  expect(session.summary?.resume).toBeUndefined()
})

test('a suspend that the runtime cannot do is thrown', async () => {
  const session = new Session()
  session.job.suspend = () => Promise.reject(new Error('defect'))
  const run = session.run()
  await turn()
  session.sendSignal('SIGINT')
  await expect(run).rejects.toThrow('defect')
})
