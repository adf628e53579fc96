import { Queue } from 'aws-cdk-lib/aws-sqs'
import { defineJob, http, print, sqs, type JobDefinition, type Sink, type Source } from 'millrace'
import { describe, expect, test } from 'vitest'

import { s3Files } from '../../lib/connectors/s3-files.ts'
import { sqsQueue } from '../../lib/connectors/sqs-queue.ts'
import { table } from '../../lib/connectors/table.ts'
import { nameOf, permissionsOf, propertiesOf, resourcesOf, synthesise } from './synth.ts'

const jobOf = (source: Source<string>, sink: Sink<string> = print(), uid = 'in'): JobDefinition =>
  defineJob({ name: 'pipe' }, (env) => {
    env.source(uid, source).sinkTo('out', sink)
  })

const mappingsOf = ({ template }: ReturnType<typeof synthesise>) =>
  [...resourcesOf(template, 'AWS::Lambda::EventSourceMapping').values()].map(({ Properties }) => ({
    queue: nameOf(Properties['EventSourceArn']),
    fn: nameOf(Properties['FunctionName']),
    concurrency: (Properties['ScalingConfig'] as { MaximumConcurrency: number } | undefined)
      ?.MaximumConcurrency,
  }))

const reservedOf = ({ template }: ReturnType<typeof synthesise>) =>
  [...resourcesOf(template, 'AWS::Lambda::Function')]
    .map(([id, { Properties }]) => [nameOf({ Ref: id }), Properties['ReservedConcurrentExecutions']])
    .filter(([, reserved]) => reserved !== undefined)

describe('a job with an HTTP source', () => {
  const synthesised = synthesise({ job: jobOf(http<string>({ partitions: 3 })) })

  test('has a URL that takes requests of who may invoke it', () => {
    expect(propertiesOf(synthesised.template, 'AWS::Lambda::Url')).toContainEqual(
      expect.objectContaining({ AuthType: 'AWS_IAM' }),
    )
    // The schedules that wake the job up may call a function; nobody may by a permission of the URL.
    const principals = propertiesOf(synthesised.template, 'AWS::Lambda::Permission').map(
      ({ Principal }) => Principal,
    )
    expect(principals).toEqual(['events.amazonaws.com', 'events.amazonaws.com'])
  })

  test('has one that takes those of anybody, where that is asked for', () => {
    const open = synthesise({ job: jobOf(http<string>()), httpAuth: 'none' }).template
    expect(propertiesOf(open, 'AWS::Lambda::Url')).toContainEqual(
      expect.objectContaining({ AuthType: 'NONE' }),
    )
    expect(propertiesOf(open, 'AWS::Lambda::Permission')).toContainEqual(
      expect.objectContaining({
        Action: 'lambda:InvokeFunctionUrl',
        FunctionUrlAuthType: 'NONE',
        Principal: '*',
      }),
    )
  })

  test('lets the function behind the URL do nothing but queue records, and see how many wait', () => {
    expect(permissionsOf(synthesised, 'IngestHttp')).toEqual([
      'Allow logs:CreateLogStream on IngestHttpLog',
      'Allow logs:PutLogEvents on IngestHttpLog',
      'Allow sqs:GetQueueAttributes on QueuesIngest',
      'Allow sqs:SendMessage on QueuesIngest',
    ])
  })

  test('sets invocations aside for the function behind the URL, where that is asked for, and for no other', () => {
    const job = jobOf(http<string>())
    expect(reservedOf(synthesise({ job }))).toEqual([])
    expect(reservedOf(synthesise({ job, ingestReservedConcurrency: 20 }))).toEqual([
      ['IngestHttpFunction', 20],
    ])
  })

  test('lets ingest read and write logs of ingest partitions alone', () => {
    const items = permissionsOf(synthesised, 'Ingest').filter((line) => line.includes('dynamodb:'))
    const condition = '{"ForAllValues:StringLike":{"dynamodb:LeadingKeys":["L#ingest:*"]}}'
    expect(items).toEqual(
      ['GetItem', 'PutItem', 'Query'].map(
        (action) => `Allow dynamodb:${action} on StoreTable if ${condition}`,
      ),
    )
  })

  test('lets ingest keep what is large beside those logs, and nowhere else', () => {
    const objects = permissionsOf(synthesised, 'Ingest').filter((line) => line.includes('Object on'))
    expect(objects).toEqual(
      ['DeleteObject', 'GetObject', 'PutObject'].flatMap((action) => [
        `Allow s3:${action} on StoreBucket/heads/*`,
        `Allow s3:${action} on StoreBucket/log/*`,
      ]),
    )
  })

  test('serves each partition at once', () => {
    expect(mappingsOf(synthesised)).toContainEqual({
      queue: 'QueuesIngest',
      fn: 'IngestFunction',
      concurrency: 3,
    })
  })
})

describe('a job with an SQS source', () => {
  test('reads the queue of that name in its own account, and of no other', () => {
    const synthesised = synthesise({ job: jobOf(sqs<string>({ queue: 'orders.fifo' })) })
    expect(mappingsOf(synthesised)).toContainEqual({
      queue: 'arn:AWS::Partition:sqs:AWS::Region:AWS::AccountId:orders.fifo',
      fn: 'IngestQueueFunction',
      concurrency: 10,
    })
    const others = permissionsOf(synthesised, 'IngestQueue').filter(
      (line) => !line.includes(' on IngestQueueLog'),
    )
    expect(others).toEqual([
      // A message that is no record, and too long for its dead letter.
      'Allow s3:PutObject on StoreBucket/dead-letters/in/raw-*',
      ...[
        'ChangeMessageVisibility',
        'DeleteMessage',
        'GetQueueAttributes',
        'GetQueueUrl',
        'ReceiveMessage',
      ].map(
        (action) => `Allow sqs:${action} on arn:AWS::Partition:sqs:AWS::Region:AWS::AccountId:orders.fifo`,
      ),
      'Allow sqs:SendMessage on QueuesIngest',
    ])
    expect(resourcesOf(synthesised.template, 'AWS::Lambda::Url').size).toBe(0)
  })

  test('may keep long messages of its sources alone, whatever these are called', () => {
    const synthesised = synthesise({
      job: jobOf(sqs<string>({ queue: 'orders' }), print(), "Größe ${x} 'a*b' 温度"),
    })
    expect(permissionsOf(synthesised, 'IngestQueue').filter((line) => line.includes('s3:'))).toEqual([
      "Allow s3:PutObject on StoreBucket/dead-letters/Gr*e *{x} 'a*b' */raw-*",
    ])
  })

  test('takes as much at once as its partitions do', () => {
    const synthesised = synthesise({ job: jobOf(sqs<string>({ queue: 'orders', partitions: 32 })) })
    const atOnce = mappingsOf(synthesised).filter(({ fn }) => fn.startsWith('Ingest'))
    expect(atOnce.map(({ concurrency }) => concurrency)).toEqual([32, 32])
  })

  test('reads the queue that it is given', () => {
    const synthesised = synthesise({ job: jobOf(sqs<string>({ queue: 'orders' })) }, (stack) => ({
      queues: { in: new Queue(stack, 'Orders') },
    }))
    const [orders, ...others] = mappingsOf(synthesised).filter(({ fn }) => fn === 'IngestQueueFunction')
    expect(others).toEqual([])
    expect(orders!.queue).toMatch(/^Orders/)
    expect(propertiesOf(synthesised.template, 'AWS::Lambda::Function')).toContainEqual(
      expect.objectContaining({
        Environment: { Variables: expect.objectContaining({ MILLRACE_SOURCE_QUEUES: expect.anything() }) },
      }),
    )
  })

  test('refuses queues for sources that it does not have', () => {
    expect(() =>
      synthesise({ job: jobOf(http<string>()) }, (stack) => ({ queues: { in: new Queue(stack, 'Orders') } })),
    ).toThrow("pipe: queues: expected the uid of an SQS source (the job has none), got 'in'")
  })
})

/** What tasks may do because of the sink. */
function ofSink(sink: Sink<string>): readonly string[] {
  const base = new Set(permissionsOf(synthesise({ job: jobOf(http<string>()) }), 'Operator'))
  return permissionsOf(synthesise({ job: jobOf(http<string>(), sink) }), 'Operator').filter(
    (line) => !base.has(line),
  )
}

describe('sinks: tasks may write to', () => {
  test('their own bucket alone, where dead letters of their source go there', () => {
    const synthesised = synthesise({ job: jobOf(http<string>()) })
    const written = permissionsOf(synthesised, 'Operator').filter((line) => line.includes('s3:'))
    expect(written).toEqual(
      [
        ...['Get', 'Put'].map((action) => `Allow s3:${action}Object on StoreBucket/*`),
        ...['dead-letters', 'heads', 'log', 'rows'].map(
          (folder) => `Allow s3:DeleteObject on StoreBucket/${folder}/*`,
        ),
        'Allow s3:PutObjectTagging on StoreBucket/rows/*',
        'Allow s3:ListBucket on StoreBucket',
      ].toSorted(),
    )
  })

  test('objects of one bucket, below one prefix', () => {
    const condition = '{"StringLike":{"s3:prefix":["alerts/*"]}}'
    expect(ofSink(s3Files({ bucket: 'outside', prefix: 'alerts/' }))).toEqual([
      'Allow s3:DeleteObject on arn:AWS::Partition:s3:::outside/alerts/*',
      'Allow s3:GetObject on arn:AWS::Partition:s3:::outside/alerts/*',
      `Allow s3:ListBucket on arn:AWS::Partition:s3:::outside if ${condition}`,
      'Allow s3:PutObject on arn:AWS::Partition:s3:::outside/alerts/*',
    ])
  })

  test.each(['alerts', 'https://sqs.us-east-1.amazonaws.com/123456789012/alerts'])(
    'one queue: %s',
    (queue) => {
      expect(ofSink(sqsQueue({ queue }))).toEqual([
        'Allow sqs:GetQueueUrl on arn:AWS::Partition:sqs:AWS::Region:AWS::AccountId:alerts',
        'Allow sqs:SendMessage on arn:AWS::Partition:sqs:AWS::Region:AWS::AccountId:alerts',
      ])
    },
  )

  test('one table', () => {
    expect(ofSink(table({ table: 'alerts', key: (id) => ({ id }) }))).toEqual([
      'Allow dynamodb:PutItem on arn:AWS::Partition:dynamodb:AWS::Region:AWS::AccountId:table/alerts',
    ])
  })
})
