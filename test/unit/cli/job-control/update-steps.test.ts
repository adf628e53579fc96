import { describe, expect, test } from 'vitest'

import type { AskOutcome, UserRequest } from '../../../../cli/job-control/ask-job.ts'
import type { JobStatusRecord } from '../../../../lib/serverless/coordinator/job-status-record.ts'
import type { Misfits } from '../../../../scripts/state-misfits.ts'
import { updateJob } from '../../../../scripts/update-steps.ts'
import { point, RUNNING } from './scripted-job.ts'

type Part = Partial<AskOutcome> & Pick<AskOutcome, 'type'>
const SAVEPOINT = { checkpointId: 12, location: 's3://my-bucket/savepoints/s-12' }
const STOPPED: Part = { type: 'done', checkpoint: SAVEPOINT }
const STARTED: Part = { type: 'done', record: RUNNING }

class Update {
  readonly done: string[] = []
  readonly asked: UserRequest[] = []
  readonly said: string[] = []
  /** Whose state was compared with the new code. */
  readonly compared: string[] = []

  /** @param fails the step that rejects. */
  run(parts: {
    readonly record?: Partial<JobStatusRecord>
    readonly answers?: readonly Part[]
    readonly fails?: 'check' | 'deploy'
    readonly misfits?: Misfits
    readonly allowNonRestoredState?: boolean
  }): Promise<void> {
    const { record = {}, answers = [STOPPED, STARTED], fails, allowNonRestoredState = false } = parts
    const { misfits = { type: 'known', problems: [] } } = parts
    const step = (name: 'check' | 'deploy') => (): Promise<void> => {
      this.done.push(name)
      return fails === name ? Promise.reject(new Error(`${name} says no`)) : Promise.resolve()
    }
    return updateJob(
      {
        jobName: 'words',
        command: (command, more = []) => ['npx millrace job', command, 'words', ...more].join(' '),
        misfits: (location) => {
          this.compared.push(location)
          return Promise.resolve(misfits)
        },
        check: step('check'),
        deploy: step('deploy'),
        status: () => Promise.resolve({ ...RUNNING, ...record }),
        ask: (request) => {
          this.done.push(request.type)
          this.asked.push(request)
          const answer = answers[this.asked.length - 1]!
          return Promise.resolve({
            requestId: 'r',
            record: undefined,
            checkpoint: undefined,
            ...answer,
          } as AskOutcome)
        },
        say: (line) => void this.said.push(line),
      },
      allowNonRestoredState,
    )
  }
}

test('checks, stops with a savepoint, deploys, starts from it', async () => {
  const update = new Update()
  await update.run({ allowNonRestoredState: true })
  expect(update.done).toEqual(['check', 'stop', 'deploy', 'start'])
  expect(update.asked).toEqual([
    { type: 'stop', target: undefined, drain: false },
    { type: 'start', from: SAVEPOINT.location, allowNonRestoredState: true },
  ])
})

test('a job that is over already goes on from its latest', async () => {
  const update = new Update()
  await update.run({ record: { status: 'FAILED', latest: point(9, 'checkpoint') }, answers: [STARTED] })
  expect(update.done).toEqual(['check', 'deploy', 'start'])
  expect(update.asked[0]).toMatchObject({ from: 's3://my-bucket/checkpoints/words/r1/chk-9' })
})

describe('looks whether the new code takes over the state, before anything is done', () => {
  test('that of the newest checkpoint, which the savepoint is going to be like', async () => {
    const update = new Update()
    await update.run({})
    expect(update.compared).toEqual(['s3://my-bucket/checkpoints/words/r1/chk-9'])
  })

  test('of a job that is over, that which it is started from', async () => {
    const update = new Update()
    await update.run({ record: { status: 'FINISHED', latest: point(8, 'savepoint') }, answers: [STARTED] })
    expect(update.compared).toEqual(['s3://my-bucket/savepoints/savepoint-8'])
  })

  test('what does not fit is told, and the job runs on', async () => {
    const update = new Update()
    const misfits: Misfits = { type: 'known', problems: ["operator 'a' is gone", "operator 'b' is gone"] }
    await expect(update.run({ misfits })).rejects.toThrow(
      "operator 'a' is gone\noperator 'b' is gone\nNothing was changed: the job is RUNNING",
    )
    expect(update.done).toEqual([])
  })

  test.each<[Misfits, Partial<JobStatusRecord>, string]>([
    [{ type: 'unknown', why: 'not allowed' }, {}, 'when it starts: not allowed'],
    [
      { type: 'known', problems: ['never asked for'] },
      { checkpoints: [], lastSavepoint: undefined },
      'when it starts: there is no checkpoint yet',
    ],
  ])('where that cannot be known, it says so and goes on: %j %j', async (misfits, record, told) => {
    const update = new Update()
    await update.run({ misfits, record })
    expect(update.said.join('\n')).toContain(told)
    expect(update.done).toEqual(['check', 'stop', 'deploy', 'start'])
  })
})

describe('ends at the first step that fails, and says how to go on', () => {
  test('another job: it is left alone', async () => {
    const update = new Update()
    await expect(update.run({ record: { jobName: 'pages' } })).rejects.toThrow(
      "Expected a deployed job 'words', found that 'pages' is there\nNothing was changed: the job is RUNNING",
    )
    expect(update.done).toEqual([])
  })

  test('code that cannot be deployed: the job runs on', async () => {
    const update = new Update()
    await expect(update.run({ fails: 'check' })).rejects.toThrow(
      'check says no\nNothing was changed: the job is RUNNING',
    )
    expect(update.done).toEqual(['check'])
  })

  test.each<[Part, string]>([
    [{ type: 'refused', message: 'the job is FAILING' }, 'refused: the job is FAILING. Nothing was deployed'],
    [{ type: 'failed', message: 'it expired' }, 'it expired. Nothing was deployed'],
    [{ type: 'no-answer', isAnswered: false }, 'there was no answer in time. Nothing was deployed'],
    [{ type: 'no-answer', isAnswered: true }, 'it is still going on. Nothing was deployed'],
  ])('a stop that is not one: %j', async (answer, told) => {
    const update = new Update()
    await expect(update.run({ answers: [answer] })).rejects.toThrow(told)
    expect(update.done).toEqual(['check', 'stop'])
  })

  test('a deployment: the savepoint is told', async () => {
    const update = new Update()
    await expect(update.run({ fails: 'deploy' })).rejects.toThrow(
      /^deploy says no\nThe job is stopped, and can be started from s3:\/\/my-bucket\/savepoints\/s-12\. Mend .* the same command again: .* `npx millrace job start words --from s3:\/\/my-bucket\/savepoints\/s-12`$/,
    )
    expect(update.done).toEqual(['check', 'stop', 'deploy'])
  })

  test('a start that is refused: not to be tried again as it is', async () => {
    const refused: Part = { type: 'refused', message: "operator 'a' is gone" }
    await expect(new Update().run({ answers: [STOPPED, refused] })).rejects.toThrow(
      /does not start from s3:.*: refused: operator 'a' is gone\. The job is stopped\. Mend that, or put the old code back, and run the same command again: it goes on from there$/,
    )
  })

  test('a start, with the cause', async () => {
    const record: JobStatusRecord = { ...RUNNING, status: 'FAILED', cause: { message: 'a word too many' } }
    const failed: Part = { type: 'failed', message: 'the job is FAILED', record }
    await expect(new Update().run({ answers: [STOPPED, failed] })).rejects.toThrow(
      /not known to run: the job is FAILED: a word too many\. See `npx millrace job status words`.*start words --from s3:\/\/my-bucket\/savepoints\/s-12`/,
    )
  })

  test('nothing to start from: the deployment is left alone', async () => {
    const update = new Update()
    await expect(update.run({ record: { status: 'CANCELED', latest: undefined } })).rejects.toThrow(
      'no latest checkpoint or savepoint',
    )
    expect(update.done).toEqual(['check'])
  })
})
