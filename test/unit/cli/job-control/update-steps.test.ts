import { describe, expect, test } from 'vitest'

import type { AskOutcome, UserRequest } from '../../../../cli/job-control/ask-job.ts'
import type { JobStatusRecord } from '../../../../lib/serverless/coordinator/job-status-record.ts'
import { updateJob } from '../../../../scripts/update-steps.ts'
import { point, RUNNING } from './scripted-job.ts'

type Part = Partial<AskOutcome> & Pick<AskOutcome, 'type'>
const SAVEPOINT = { checkpointId: 12, location: 's3://my-bucket/savepoints/s-12' }
const STOPPED: Part = { type: 'done', checkpoint: SAVEPOINT }
const STARTED: Part = { type: 'done', record: RUNNING }

class Update {
  readonly done: string[] = []
  readonly asked: UserRequest[] = []

  /** @param fails the step that rejects. */
  run(parts: {
    readonly record?: Partial<JobStatusRecord>
    readonly answers?: readonly Part[]
    readonly fails?: 'check' | 'deploy'
    readonly allowNonRestoredState?: boolean
  }): Promise<void> {
    const { record = {}, answers = [STOPPED, STARTED], fails, allowNonRestoredState = false } = parts
    const step = (name: 'check' | 'deploy') => (): Promise<void> => {
      this.done.push(name)
      return fails === name ? Promise.reject(new Error(`${name} says no`)) : Promise.resolve()
    }
    return updateJob(
      {
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
        say: () => {},
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

describe('ends at the first step that fails, and says how to go on', () => {
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
      /^deploy says no\nThe job is stopped, and can be started from s3:\/\/my-bucket\/savepoints\/s-12\. Mend .* the same command again/,
    )
    expect(update.done).toEqual(['check', 'stop', 'deploy'])
  })

  test('a start, with the cause', async () => {
    const record: JobStatusRecord = { ...RUNNING, status: 'FAILED', cause: { message: 'a word too many' } }
    const failed: Part = { type: 'failed', message: 'the job is FAILED', record }
    await expect(new Update().run({ answers: [STOPPED, failed] })).rejects.toThrow(
      /not known to run: the job is FAILED: a word too many\. .*--from s3:\/\/my-bucket\/savepoints\/s-12`/,
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
