import { describe, expect, test } from 'vitest'

import { AwsFault } from '../../../../lib/aws/aws-fault.ts'
import type { AwsServices } from '../../../../lib/aws/services.ts'
import { askJob } from '../../../../cli/job-control/ask-job.ts'
import { awsControl } from '../../../../cli/job-control/aws-job.ts'
import { explainAwsFault } from '../../../../cli/job-control/explain-aws-fault.ts'
import { ANSWER, script, sdkError, unasked } from '../../aws/fakes.ts'
import { ScriptedJob } from './scripted-job.ts'

const RESOURCES = {
  table: 'words',
  coordinatorQueueUrl: 'https://sqs.eu-central-1.amazonaws.com/1/words.fifo',
}

function services(getItem: object | Error, send: object | Error = ANSWER): AwsServices {
  return {
    dynamo: {
      getItem: script(getItem as never),
      putItem: unasked,
      deleteItem: unasked,
      query: unasked,
      batchGetItem: unasked,
      batchWriteItem: unasked,
    },
    sqs: {
      sendMessage: unasked,
      sendMessageBatch: script(send as never),
      getQueueAttributes: unasked,
      getQueueUrl: unasked,
    },
    s3: { putObject: unasked, getObject: unasked, deleteObject: unasked, listObjectsV2: unasked },
    events: { enableRule: unasked, disableRule: unasked },
  }
}

const start = (given: AwsServices): Promise<unknown> =>
  askJob(
    awsControl(RESOURCES, given),
    { type: 'start', from: undefined, allowNonRestoredState: false },
    { waitMs: 1, onProgress: () => {} },
  )

async function failureOf(given: AwsServices): Promise<unknown> {
  try {
    return await start(given)
  } catch (cause) {
    return cause
  }
}

const faultOf = (problem: 'permission' | 'retryable'): AwsFault =>
  new AwsFault(problem, { action: 'dynamodb:GetItem', resource: 'table "words"' }, new Error('said so'))

describe('what is to be mended on AWS', () => {
  test.each([
    [
      sdkError('ResourceNotFoundException', 400),
      'Expected table "words" to exist in this account and region',
    ],
    [sdkError('AccessDeniedException', 400), 'Expected to be allowed dynamodb:GetItem on table "words"'],
    [
      sdkError('CredentialsProviderError', 0, 'none here'),
      'Expected credentials of AWS, found none (none here)',
    ],
    [sdkError('ExpiredTokenException', 400), 'The credentials of AWS have expired'],
    [new Error('Region is missing'), 'Expected a region of AWS, found none: set AWS_REGION'],
  ])('of the table: %s', async (error, told) => {
    const fault = await failureOf(services(error))
    expect(fault).toBeInstanceOf(AwsFault)
    expect(explainAwsFault(fault as AwsFault)).toContain(told)
  })

  test.each([
    [
      sdkError('QueueDoesNotExist', 400),
      'Expected queue https://sqs.eu-central-1.amazonaws.com/1/words.fifo to exist',
    ],
    [sdkError('AccessDenied', 403), 'Expected to be allowed sqs:SendMessage'],
  ])('of the queue: %s', async (error, told) => {
    const fault = await failureOf(services(ANSWER, error))
    expect(explainAwsFault(fault as AwsFault)).toContain(told)
  })

  test('an entry that the queue refuses', async () => {
    const refused = { ...ANSWER, Failed: [{ Id: '0', SenderFault: true, Code: 'Bad', Message: 'no' }] }
    await expect(start(services(ANSWER, refused))).rejects.toThrow(/refused 1 messages \(Bad: no\)/)
  })
})

describe('as the command line tells it', () => {
  test('a permission is a mistake, exit code 2', async () => {
    const job = await new ScriptedJob().publish({})
    job.onPause = () => {
      throw faultOf('permission')
    }
    const { problems } = await job.cli.run('stop')
    expect(problems).toEqual([expect.stringContaining('Expected to be allowed dynamodb:GetItem')])
    expect(job.cli.closed).toBe(1)
    expect(job.cli.isListening).toBe(false)
  })

  test('an AWS that does not answer: exit code 75', async () => {
    const job = await new ScriptedJob().publish({})
    job.onPause = () => {
      throw faultOf('retryable')
    }
    const { code, stderr } = await job.cli.run('stop')
    expect(code).toBe(75)
    expect(stderr).toContain('error: AWS does not answer')
  })
})
