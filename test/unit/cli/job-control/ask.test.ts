import { describe, expect, test } from 'vitest'

import type { JobAnswer } from '../../../../lib/serverless/coordinator/image.ts'
import { NO_FAULTS } from '../../../world/faults.ts'
import { point, ScriptedJob, type Script } from './scripted-job.ts'

const ACCEPTED: JobAnswer = { type: 'accepted' }
const COMPLETED: JobAnswer = {
  type: 'completed',
  checkpointId: 12,
  location: 's3://my-bucket/savepoints/s-12',
}

/** Accepts at once, and is at its goal two seconds later. */
const reaches =
  (status: 'RUNNING' | 'CANCELED' | 'SUSPENDED' | 'FINISHED' | 'FAILED'): Script =>
  (_request, at) =>
    at === 0 ? { answer: ACCEPTED, status: 'CREATED' } : at === 2 ? { status } : undefined

const answers =
  (answer: JobAnswer): Script =>
  (_request, at) =>
    at === 0 ? { answer } : undefined

describe('what is asked', () => {
  test.each([
    [['start'], { type: 'start', allowNonRestoredState: false }],
    [
      ['start', '--from', 'latest', '--allow-non-restored-state'],
      { type: 'start', from: 'latest', allowNonRestoredState: true },
    ],
    [['stop'], { type: 'stop', drain: false }],
    [
      ['stop', '--drain', '--savepoint-path', 's3://my-bucket/there'],
      { type: 'stop', drain: true, target: 's3://my-bucket/there' },
    ],
    [['cancel'], { type: 'cancel' }],
    [['suspend'], { type: 'suspend' }],
    [['savepoint'], { type: 'trigger-savepoint' }],
    [
      ['savepoint', '--savepoint-path', 's3://my-bucket/there'],
      { type: 'trigger-savepoint', target: 's3://my-bucket/there' },
    ],
    [['checkpoint'], { type: 'trigger-checkpoint' }],
  ])('%j', async (args, request) => {
    const job = await new ScriptedJob(answers({ type: 'refused', message: 'no' })).publish({})
    await job.cli.run(...args)
    expect(job.asked).toEqual([{ requestId: 'request-1', ...request }])
    expect(job.cli.opened).toEqual([{ table: 'my-table', coordinatorQueueUrl: 'my-queue' }])
    expect(job.cli.closed).toBe(1)
  })
})

describe('done, exit code 0', () => {
  test('start waits until the job runs, and says what it began from', async () => {
    const job = await new ScriptedJob(reaches('RUNNING')).publish({
      status: 'CANCELED',
      restoredFrom: point(9, 'checkpoint'),
    })
    const { code, stdout } = await job.cli.run('start', '--from', 'latest')
    expect(code).toBe(0)
    expect(stdout).toBe('words RUNNING, begun from s3://my-bucket/checkpoints/words/r1/chk-9\n')
  })

  test('a job that was never started is started', async () => {
    const job = new ScriptedJob(reaches('RUNNING'))
    expect((await job.cli.run('start')).code).toBe(0)
  })

  test('a start of a job that is over at once', async () => {
    const job = new ScriptedJob(reaches('FINISHED'))
    const { code, stdout } = await job.cli.run('start')
    expect(code).toBe(0)
    expect(stdout).toMatch(/^words FINISHED\n/)
  })

  test.each([
    ['cancel', 'CANCELED'],
    ['suspend', 'SUSPENDED'],
  ] as const)('%s waits until the job is %s, and says how to go on', async (command, status) => {
    const job = await new ScriptedJob(reaches(status)).publish({})
    const { code, stdout } = await job.cli.run(command)
    expect(code).toBe(0)
    expect(stdout).toBe(
      `words ${status}\nGo on from s3://my-bucket/checkpoints/words/r1/chk-9 with\n  millrace job start --from latest\n`,
    )
  })

  test('stop waits for the end of the job, not only for the savepoint', async () => {
    const job = await new ScriptedJob((_, at) =>
      at === 0 ? { answer: COMPLETED } : at === 3 ? { status: 'FINISHED' } : undefined,
    ).publish({})
    const { code, stdout } = await job.cli.run('stop')
    expect(code).toBe(0)
    expect(stdout).toBe('words FINISHED\nSavepoint 12 is in\n  s3://my-bucket/savepoints/s-12\n')
  })

  test('the answer may be gone from the record while the end is waited for', async () => {
    const job = await new ScriptedJob((_, at) =>
      at === 0 ? { answer: COMPLETED } : at === 1 ? { also: { answers: {} } } : { status: 'FINISHED' },
    ).publish({})
    expect((await job.cli.run('stop')).stdout).toContain('s3://my-bucket/savepoints/s-12')
  })

  test.each([
    ['savepoint', 'Savepoint'],
    ['checkpoint', 'Checkpoint'],
  ])('%s says where it is', async (command, kind) => {
    const job = await new ScriptedJob(answers(COMPLETED)).publish({})
    const { code, stdout } = await job.cli.run(command)
    expect(code).toBe(0)
    expect(stdout).toBe(`words RUNNING\n${kind} 12 is in\n  s3://my-bucket/savepoints/s-12\n`)
  })

  test('as JSON', async () => {
    const job = await new ScriptedJob(answers(COMPLETED)).publish({})
    const { code, stdout } = await job.cli.run('savepoint', '--json')
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toEqual({
      request: 'trigger-savepoint',
      outcome: 'done',
      exitCode: 0,
      requestId: 'request-1',
      job: 'words',
      status: 'RUNNING',
      checkpointId: 12,
      location: 's3://my-bucket/savepoints/s-12',
      message: null,
      cause: null,
    })
  })
})

describe('refused, exit code 2', () => {
  test('for one reason', async () => {
    const job = await new ScriptedJob(answers({ type: 'refused', message: 'the job is CANCELED' })).publish(
      {},
    )
    const { code, stdout, stderr } = await job.cli.run('cancel')
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain('error: refused to cancel: the job is CANCELED\n')
  })

  test('for several: each in a line', async () => {
    const message = 'state of a is not claimed\nstate of b is not claimed'
    const job = await new ScriptedJob(answers({ type: 'refused', message })).publish({ status: 'FINISHED' })
    const { code, stderr } = await job.cli.run('start', '--from', 's3://my-bucket/x')
    expect(code).toBe(2)
    expect(stderr).toContain(
      'error: refused to start:\n  - state of a is not claimed\n  - state of b is not claimed\n',
    )
  })

  test('a job that was never started is asked nothing else', async () => {
    const job = new ScriptedJob()
    for (const command of [
      'status',
      'list-checkpoints',
      'stop',
      'cancel',
      'suspend',
      'savepoint',
      'checkpoint',
    ]) {
      const { problems } = await job.cli.run(command)
      expect(problems).toEqual([expect.stringContaining('was never started')])
    }
    expect(job.world.mailbox.queues()).toEqual([])
  })
})

describe('failed, exit code 1', () => {
  const cause = { message: 'a word too many', operatorName: 'count', operatorUid: 'count', subtaskIndex: 1 }

  test('a savepoint that came to nothing', async () => {
    const failed: JobAnswer = { type: 'failed', reason: 'expired', message: 'it took longer than 10 min' }
    const job = await new ScriptedJob(answers(failed)).publish({})
    const { code, stdout, stderr } = await job.cli.run('savepoint')
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toContain('error: failed to take a savepoint: it took longer than 10 min\n')
  })

  test('a start that ends FAILED, with the cause', async () => {
    const job = new ScriptedJob((_, at) =>
      at === 0 ? { answer: ACCEPTED, status: 'CREATED' } : { status: 'FAILED', also: { cause } },
    )
    const { code, stderr } = await job.cli.run('start')
    expect(code).toBe(1)
    expect(stderr).toContain('error: failed to start: the job is FAILED\n  operator    count, subtask 1\n')
    expect(stderr).toContain('a word too many')
  })

  test('restarts are waited for', async () => {
    const job = new ScriptedJob((_, at) => {
      if (at === 0) return { answer: ACCEPTED, status: 'CREATED' }
      if (at === 1) return { status: 'RESTARTING', also: { cause } }
      return at === 5 ? { status: 'RUNNING', also: { cause: undefined } } : undefined
    })
    const { code, stderr } = await job.cli.run('start')
    expect(code).toBe(0)
    expect(stderr).toContain('last failure: a word too many (count, subtask 1)')
  })

  test('a stop whose savepoint is there, of a job that fails all the same: the savepoint is told', async () => {
    const job = await new ScriptedJob((_, at) =>
      at === 0 ? { answer: COMPLETED } : { status: 'FAILED', also: { cause } },
    ).publish({})
    const { code, stderr } = await job.cli.run('stop')
    expect(code).toBe(1)
    expect(stderr).toContain('the job is FAILED')
    expect(stderr).toContain('s3://my-bucket/savepoints/s-12')
  })

  test('a cancel that comes too late', async () => {
    const job = await new ScriptedJob(reaches('FINISHED')).publish({})
    const { code, stderr } = await job.cli.run('cancel', '--json')
    expect([code, stderr.includes('error')]).toEqual([1, false])
  })
})

describe('not done in time, exit code 75', () => {
  test('no answer', async () => {
    const job = await new ScriptedJob().publish({})
    const { code, stderr } = await job.cli.run('stop', '--wait', '30 s')
    expect(code).toBe(75)
    expect(stderr).toContain('No answer within 30 s; the request to stop with a savepoint goes on\n')
    expect(job.clock.now() - 1_700_000_000_000).toBe(30_000)
  })

  test('an answer, and the job is not there yet', async () => {
    const job = await new ScriptedJob(answers(ACCEPTED)).publish({})
    const { code, stderr } = await job.cli.run('cancel', '--wait', '1.5s')
    expect(code).toBe(75)
    expect(stderr).toContain('still going on: accepted to cancel\n')
  })

  test.each(['5', '0 s', 'soon', '-1s'])('--wait %s is a mistake', async (wait) => {
    const job = await new ScriptedJob().publish({})
    const { problems } = await job.cli.run('cancel', `--wait=${wait}`)
    expect(problems).toEqual([`--wait: expected a duration such as '30 s' or '5 min', got '${wait}'`])
    expect(job.cli.opened).toEqual([])
  })
})

describe('while it waits', () => {
  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s stops the waiting, and not the request', async (signal, exitCode) => {
    const job = await new ScriptedJob().publish({})
    job.onPause = (pauses) => {
      if (pauses === 2) job.cli.signal(signal)
    }
    const { code, stderr } = await job.cli.run('stop')
    expect(code).toBe(exitCode)
    expect(stderr).toContain('Stopped waiting; the request to stop with a savepoint goes on.')
    expect(job.asked).toHaveLength(1)
    expect(job.cli.isListening).toBe(false)
  })

  test('a message that was not sent is sent again, as the same request', async () => {
    let sends = 0
    const faults = {
      ...NO_FAULTS,
      entry: () => (++sends === 1 ? ('refused' as const) : ('done' as const)),
    }
    const job = await new ScriptedJob(reaches('CANCELED'), { faults }).publish({})
    expect((await job.cli.run('cancel')).code).toBe(0)
    expect(sends).toBe(2)
    expect(job.asked).toEqual([{ type: 'cancel', requestId: 'request-1' }])
  })

  test('elsewhere than on a terminal: a line for each change', async () => {
    const job = await new ScriptedJob((_, at) =>
      at === 3 ? { answer: ACCEPTED } : at === 6 ? { status: 'CANCELED' } : undefined,
    ).publish({})
    expect((await job.cli.run('cancel')).stderr).toBe(
      'words (RUNNING): asked to cancel; waiting for an answer\nwords (RUNNING): accepted to cancel; waiting for it\n',
    )
  })

  test('on a terminal: in place, with the time, and gone when it is over', async () => {
    const job = await new ScriptedJob(
      (_, at) => (at === 3 ? { answer: ACCEPTED, status: 'CANCELED' } : undefined),
      { terminal: true },
    ).publish({})
    const { stderr } = await job.cli.run('cancel')
    expect(stderr).toContain('waiting for an answer (2 s)')
    expect(stderr.endsWith('[1A\u001B[J')).toBe(true)
  })
})
