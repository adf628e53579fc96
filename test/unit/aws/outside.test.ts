import { describe, expect, test } from 'vitest'
import { awsOutside } from '../../../lib/aws/outside.ts'
import type { AwsServices } from '../../../lib/aws/services.ts'
import { UserError } from '../../../lib/model/faults.ts'
import type { ItemStamp } from '../../../lib/ports/outside.ts'
import { ManualClock } from '../../../lib/testing/index.ts'

const stamp: ItemStamp = { sink: 'l/s', subtask: 3, version: '00000002#7', overPeersOf: '00000002#' }
const entries = [{ body: 'a' }, { body: 'b' }, { body: 'c' }]

interface Answers {
  sendMessageBatch?: () => unknown
  getQueueUrl?: () => unknown
  putItem?: () => unknown
  putObject?: () => unknown
}

/** Services that answer as told, and keep what they were asked. */
function services(answers: Answers): { services: AwsServices; asked: [string, unknown][] } {
  const asked: [string, unknown][] = []
  const service = new Proxy(
    {},
    {
      get: (_, name: string) => async (input: unknown) => {
        await Promise.resolve()
        asked.push([name, input])
        return answers[name as keyof Answers]?.() ?? {}
      },
    },
  )
  return { services: { dynamo: service, sqs: service, s3: service, events: service } as AwsServices, asked }
}

function fails(name: string, status = 400): () => never {
  return () => {
    throw Object.assign(new Error('so it is'), { name, $metadata: { httpStatusCode: status } })
  }
}

const missing = (): never => {
  throw new UserError('npm install @aws-sdk/client-sqs')
}

describe('a queue', () => {
  test('tells of each entry, by what SQS says of it', async () => {
    const { services: aws } = services({
      sendMessageBatch: () => ({
        Successful: [{ Id: '0' }],
        Failed: [
          { Id: '2', SenderFault: true, Code: 'InvalidMessageContents', Message: 'no' },
          { Id: '1', SenderFault: false, Code: 'InternalError' },
        ],
      }),
    })
    expect(await awsOutside({ services: aws }).queue('https://sqs/1/q').send(entries)).toEqual([
      { type: 'done' },
      { type: 'unavailable', reason: 'InternalError: no reason given' },
      { type: 'refused', reason: 'InvalidMessageContents: no' },
    ])
  })

  test('that was throttled says so, whoever it says was at fault', async () => {
    const { services: aws } = services({
      sendMessageBatch: () => ({
        Failed: [
          { Id: '0', SenderFault: true, Code: 'KMS.ThrottlingException', Message: 'slow down' },
          { Id: '1', SenderFault: true, Code: 'RequestThrottled' },
          { Id: '2', SenderFault: false, Code: 'KMS.AccessDeniedException', Message: 'no' },
        ],
      }),
    })
    const answers = await awsOutside({ services: aws }).queue('https://sqs/1/q').send(entries)
    expect(answers.map(({ type }) => type)).toEqual(['unavailable', 'unavailable', 'refused'])
  })

  test('is looked up by its name, once', async () => {
    const { services: aws, asked } = services({ getQueueUrl: () => ({ QueueUrl: 'https://sqs/1/q.fifo' }) })
    const outside = awsOutside({ services: aws })
    const entry = { body: 'a', group: 'g', deduplicationId: 'd' }
    for (let n = 0; n < 2; n++) await outside.queue('q.fifo').send([entry])
    const sent = {
      QueueUrl: 'https://sqs/1/q.fifo',
      Entries: [{ Id: '0', MessageBody: 'a', MessageGroupId: 'g', MessageDeduplicationId: 'd' }],
    }
    expect(asked).toEqual([
      ['getQueueUrl', { QueueName: 'q.fifo' }],
      ['sendMessageBatch', sent],
      ['sendMessageBatch', sent],
    ])
  })

  test.for<[string, number, string, string]>([
    ['RequestThrottled', 400, 'unavailable', 'failed, tried once'],
    ['Whatever', 503, 'unavailable', 'failed'],
    ['AccessDenied', 403, 'refused', 'Expected to be allowed sqs:SendMessage on queue https://sqs/1/q'],
    ['QueueDoesNotExist', 400, 'refused', 'Expected queue https://sqs/1/q to exist'],
    ['Whatever', 400, 'refused', 'so it is'],
  ])('a call that fails with %s, %i, is %s for all', async ([name, status, type, reason]) => {
    const { services: aws } = services({ sendMessageBatch: fails(name, status) })
    const answer = { type, reason: expect.stringContaining(reason) }
    expect(await awsOutside({ services: aws }).queue('https://sqs/1/q').send(entries)).toEqual([
      answer,
      answer,
      answer,
    ])
  })
})

describe('a table', () => {
  test.for<[string, number, object]>([
    ['ConditionalCheckFailedException', 400, { type: 'stale' }],
    ['ThrottlingException', 400, { type: 'unavailable', reason: expect.stringContaining('so it is') }],
    ['ProvisionedThroughputExceededException', 400, { type: 'unavailable', reason: expect.any(String) }],
    ['InternalServerError', 500, { type: 'unavailable', reason: expect.any(String) }],
    ['ValidationException', 400, { type: 'refused', reason: expect.stringContaining('so it is') }],
    ['AccessDeniedException', 400, { type: 'refused', reason: expect.stringContaining('dynamodb:PutItem') }],
  ])('a write that fails with %s', async ([name, status, expected]) => {
    const { services: aws, asked } = services({ putItem: fails(name, status) })
    expect(await awsOutside({ services: aws }).table('t').put({ id: 'a' }, stamp)).toEqual(expected)
    // Who asked tries again, or not.
    expect(asked).toHaveLength(1)
  })

  test('what the checkpoint held has no peers to overwrite', async () => {
    const { services: aws, asked } = services({})
    const table = awsOutside({ services: aws }).table('t')
    await table.put({ id: 'a' }, stamp)
    await table.put({ id: 'a' }, { ...stamp, overPeersOf: undefined })
    const values = asked.map(([, input]) =>
      Object.keys((input as { ExpressionAttributeValues: object }).ExpressionAttributeValues),
    )
    expect(values).toEqual([
      [':sink', ':version', ':writer', ':attempt'],
      [':sink', ':version'],
    ])
  })
})

test('where the SDK is missing, every call says so', async () => {
  const { services: aws } = services({ sendMessageBatch: missing, putItem: missing })
  const outside = awsOutside({ services: aws })
  await expect(outside.queue('https://sqs/1/q').send(entries)).rejects.toThrow('npm install')
  await expect(outside.table('t').put({ id: 'a' }, stamp)).rejects.toThrow('npm install')
})

test('pauses go by the clock; objects are tried again while there is time', async () => {
  const clock = new ManualClock(0)
  let throttles = 1
  const { services: aws, asked } = services({
    putObject: () => (throttles-- > 0 ? fails('SlowDown', 503)() : {}),
  })
  const outside = awsOutside({ services: aws, clock, random: { next: () => 0.5 } })
  let passed = false
  const pause = outside.pause(1_000).then(() => (passed = true))
  clock.advanceTo(999)
  await Promise.resolve()
  expect(passed).toBe(false)
  clock.advanceTo(1_000)
  await pause
  const put = outside.objects('b').putIfAbsent('k', new Uint8Array())
  while (asked.length < 2) {
    clock.advanceTo(clock.now() + 10)
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(await put).toBe('stored')
  expect(asked[1]).toEqual(['putObject', { Bucket: 'b', Key: 'k', Body: new Uint8Array(), IfNoneMatch: '*' }])
})
