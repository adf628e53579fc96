import { describe, expect, it } from 'vitest'
import { awsPorts } from '../../../lib/aws/ports.ts'
import type { AwsServices } from '../../../lib/aws/services.ts'
import { COORDINATOR, ingestActor, taskActor } from '../../../lib/model/actors.ts'
import { UserError } from '../../../lib/model/faults.ts'
import { taskId } from '../../../lib/model/ids.ts'
import { ManualClock } from '../../../lib/testing/index.ts'
import { ANSWER, THROTTLE } from './fakes.ts'

/** Every request answered with nothing, and kept. */
function recording(): { services: AwsServices; asked: { operation: string; input: object }[] } {
  const asked: { operation: string; input: object }[] = []
  const service = (): object =>
    new Proxy(
      {},
      {
        get: (_, operation: string) => (input: object) => {
          asked.push({ operation, input })
          return Promise.resolve(ANSWER)
        },
      },
    )
  const services = { dynamo: service(), s3: service(), sqs: service(), events: service() } as AwsServices
  return { services, asked }
}

const ENV = {
  MILLRACE_JOB: 'word-count',
  MILLRACE_TABLE: 'the-table',
  MILLRACE_BUCKET: 'the-bucket',
  MILLRACE_TASK_QUEUE_URL: 'https://sqs/tasks.fifo',
  MILLRACE_TASK_QUEUE_URLS: '{"heavy":"https://sqs/heavy.fifo"}',
  MILLRACE_COORDINATOR_QUEUE_URL: 'https://sqs/coordinator.fifo',
  MILLRACE_INGEST_QUEUE_URL: 'https://sqs/ingest.fifo',
  MILLRACE_DEAD_LETTER_QUEUE_URL: 'https://sqs/dead.fifo',
  MILLRACE_WAKE_QUEUE_URL: 'https://sqs/wake',
  MILLRACE_SCHEDULE_RULE: 'the-rule',
}
const PARTITION = { namespace: 'n', operatorUid: 'uid', keyGroup: 1 }
const body = Uint8Array.of(1)

describe('awsPorts', () => {
  it('asks nothing of AWS by itself, and of each resource what the environment names', async () => {
    const { services, asked } = recording()
    const ports = awsPorts({ env: ENV, services, line: () => undefined })
    expect(asked).toEqual([])
    await ports.log.read(COORDINATOR, undefined)
    await ports.rows.scan(PARTITION, undefined)
    await ports.blobs.putIfAbsent('a', body)
    await ports.wakeUps.wakeAt(COORDINATOR, 0)
    await ports.schedule.enable()
    expect(asked.map(({ operation, input }) => [operation, input])).toMatchObject([
      ['query', { TableName: 'the-table' }],
      ['query', { TableName: 'the-table' }],
      ['putObject', { Bucket: 'the-bucket', Key: 'a' }],
      ['sendMessage', { QueueUrl: 'https://sqs/wake' }],
      ['enableRule', { Name: 'the-rule' }],
    ])
    expect(ports.blobs.location).toBe('s3://the-bucket')
  })

  it('sends to the queue of an actor’s kind, or of the vertex where it has one of its own', async () => {
    const { services, asked } = recording()
    const { mailbox } = awsPorts({ env: ENV, services, line: () => undefined })
    for (const to of [
      COORDINATOR,
      ingestActor('in', 0),
      taskActor(taskId('light', 0)),
      taskActor(taskId('heavy', 12)),
    ])
      await mailbox.send([{ to, deduplicationId: 'x', body }])
    await mailbox.refuse({ messageId: 'm', body }, 'why')
    expect(asked.map(({ input }) => (input as { QueueUrl: string }).QueueUrl)).toEqual([
      'https://sqs/coordinator.fifo',
      'https://sqs/ingest.fifo',
      'https://sqs/tasks.fifo',
      'https://sqs/heavy.fifo',
      'https://sqs/dead.fifo',
    ])
  })

  it('says which variable is missing when a port is used that needs it, and not before', async () => {
    const { services, asked } = recording()
    const ports = awsPorts({ env: { MILLRACE_JOB: 'word-count' }, services })
    const uses: readonly (readonly [string, () => Promise<unknown>])[] = [
      ['MILLRACE_TABLE', () => ports.log.head(COORDINATOR)],
      ['MILLRACE_TABLE', () => ports.rows.get([{ partition: PARTITION, rowKey: 'key' }])],
      ['MILLRACE_BUCKET', () => ports.blobs.get('a')],
      ['MILLRACE_COORDINATOR_QUEUE_URL', () => ports.mailbox.backlog([COORDINATOR])],
      [
        'MILLRACE_TASK_QUEUE_URL',
        () => ports.mailbox.send([{ to: taskActor(taskId('v', 0)), deduplicationId: 'x', body }]),
      ],
      ['MILLRACE_INGEST_QUEUE_URL', () => ports.mailbox.backlog([ingestActor('in', 0)])],
      ['MILLRACE_DEAD_LETTER_QUEUE_URL', () => ports.mailbox.refuse({ messageId: 'm', body }, 'why')],
      ['MILLRACE_WAKE_QUEUE_URL', () => ports.wakeUps.wakeAt(COORDINATOR, 0)],
      ['MILLRACE_SCHEDULE_RULE', () => ports.schedule.disable()],
    ]
    for (const [variable, use] of uses) {
      const outcome = use()
      await expect(outcome).rejects.toThrow(`Expected the environment variable ${variable} to be set`)
      await expect(outcome).rejects.toBeInstanceOf(UserError)
    }
    expect(asked).toEqual([])
    expect(() => awsPorts({ env: {}, services })).toThrow('MILLRACE_JOB')
  })

  it('puts objects under the prefix that the environment gives', async () => {
    const { services, asked } = recording()
    for (const prefix of ['shared/one', 'shared/one/', '']) {
      const env = { ...ENV, MILLRACE_BUCKET_PREFIX: prefix }
      await awsPorts({ env, services }).blobs.delete('a')
    }
    expect(asked.map(({ input }) => (input as { Key: string }).Key)).toEqual([
      'shared/one/a',
      'shared/one/a',
      'a',
    ])
  })

  it('tells in the log why messages could not be sent', async () => {
    const { services } = recording()
    const lines: string[] = []
    const clock = new ManualClock(0)
    const { mailbox } = awsPorts({
      env: ENV,
      services: { ...services, sqs: { ...services.sqs, sendMessageBatch: () => Promise.reject(THROTTLE) } },
      clock,
      remainingMs: () => 1_000,
      line: (text) => lines.push(text),
    })
    expect(await mailbox.send([{ to: COORDINATOR, deduplicationId: 'x', body }])).toEqual(['failed'])
    expect(JSON.parse(lines[0]!)).toMatchObject({
      level: 'warn',
      job: 'word-count',
      message: expect.stringContaining(
        'sqs:SendMessage on queue https://sqs/coordinator.fifo failed',
      ) as string,
    })
  })
})
