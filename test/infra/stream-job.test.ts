import { RemovalPolicy } from 'aws-cdk-lib'
import type { Template } from 'aws-cdk-lib/assertions'
import { Key } from 'aws-cdk-lib/aws-kms'
import { describe, expect, test } from 'vitest'

import { LIFETIMES_DAYS } from '../../lib/aws/object-lifetimes.ts'
import { jobWithEverything, minimalJob } from './jobs.ts'
import { nameOf, propertiesOf, resourcesOf, synthesise } from './synth.ts'

const { template } = synthesise({ job: minimalJob() })
const destroyed = synthesise({ job: minimalJob(), removalPolicy: RemovalPolicy.DESTROY }).template

/** In the order of their first items. */
const byName = <T extends readonly unknown[]>(rows: readonly T[]): readonly T[] =>
  rows.toSorted(([a], [b]) => String(a).localeCompare(String(b)))

interface Kept {
  readonly DeletionPolicy?: unknown
  readonly UpdateReplacePolicy?: unknown
}

/** What becomes of resources that are removed, and of those that others take the place of. */
const policies = (of: Template, type: string): readonly (readonly [string, unknown])[] =>
  [...resourcesOf(of, type)].map(([id, resource]) => {
    const { DeletionPolicy, UpdateReplacePolicy } = resource as Kept
    return [nameOf({ Ref: id }), `${String(DeletionPolicy)}, ${String(UpdateReplacePolicy)}`]
  })

/** With the stack, but for the failed deployment that was its first: what that made goes with it. */
const KEPT = 'RetainExceptOnCreate, Retain'
const REMOVED = 'Delete, Delete'

describe('the table', () => {
  test('has text keys, is paid by use, forgets by `ttl`, can be restored to a moment', () => {
    expect(propertiesOf(template, 'AWS::DynamoDB::Table')).toContainEqual(
      expect.objectContaining({
        KeySchema: [
          { AttributeName: 'pk', KeyType: 'HASH' },
          { AttributeName: 'sk', KeyType: 'RANGE' },
        ],
        AttributeDefinitions: [
          { AttributeName: 'pk', AttributeType: 'S' },
          { AttributeName: 'sk', AttributeType: 'S' },
        ],
        BillingMode: 'PAY_PER_REQUEST',
        TimeToLiveSpecification: { AttributeName: 'ttl', Enabled: true },
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      }),
    )
  })

  test('and the bucket are encrypted by the key that is given', () => {
    const encrypted = synthesise({ job: minimalJob() }, (stack) => ({
      encryptionKey: new Key(stack, 'Key'),
    })).template
    expect(propertiesOf(encrypted, 'AWS::DynamoDB::Table')).toContainEqual(
      expect.objectContaining({
        SSESpecification: { SSEEnabled: true, SSEType: 'KMS', KMSMasterKeyId: expect.anything() },
      }),
    )
    expect(propertiesOf(encrypted, 'AWS::S3::Bucket')).toContainEqual(
      expect.objectContaining({
        BucketEncryption: {
          ServerSideEncryptionConfiguration: [
            {
              BucketKeyEnabled: true,
              ServerSideEncryptionByDefault: expect.objectContaining({ SSEAlgorithm: 'aws:kms' }),
            },
          ],
        },
      }),
    )
  })
})

/** Everybody, and everything. */
const ALL = JSON.stringify([{ AWS: '*' }, 's3:*'])

describe('the bucket', () => {
  test('is private, encrypted, and cleans up', () => {
    expect(propertiesOf(template, 'AWS::S3::Bucket')).toContainEqual(
      expect.objectContaining({
        PublicAccessBlockConfiguration: {
          BlockPublicAcls: true,
          BlockPublicPolicy: true,
          IgnorePublicAcls: true,
          RestrictPublicBuckets: true,
        },
        BucketEncryption: {
          ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
        },
        LifecycleConfiguration: {
          Rules: [
            {
              Id: 'incomplete-uploads',
              Status: 'Enabled',
              AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 },
            },
            { Id: 'spilled-log-entries', Status: 'Enabled', Prefix: 'log/', ExpirationInDays: 42 },
            ...LIFETIMES_DAYS.map((days) => ({
              Id: `rows-${days}-days`,
              Status: 'Enabled',
              Prefix: 'rows/',
              TagFilters: [{ Key: 'millrace-days', Value: String(days) }],
              ExpirationInDays: days,
            })),
          ],
        },
      }),
    )
  })

  test('keeps no old versions', () => {
    const [bucket] = propertiesOf(template, 'AWS::S3::Bucket')
    expect(bucket).not.toHaveProperty('VersioningConfiguration')
  })

  test('refuses what does not come by TLS 1.2 or later', () => {
    const [policy] = propertiesOf(template, 'AWS::S3::BucketPolicy')
    const { Statement: statements } = policy!['PolicyDocument'] as {
      Statement: readonly Record<string, unknown>[]
    }
    const denied = statements
      .filter(
        ({ Effect, Principal, Action }) => Effect === 'Deny' && JSON.stringify([Principal, Action]) === ALL,
      )
      .map(({ Condition }) => Condition)
    expect(denied).toEqual([
      { Bool: { 'aws:SecureTransport': 'false' } },
      { NumericLessThan: { 's3:TlsVersion': 1.2 } },
    ])
  })
})

describe('what is removed with the stack', () => {
  test('is never state, unless that was asked for', () => {
    expect(policies(template, 'AWS::DynamoDB::Table')).toEqual([['StoreTable', KEPT]])
    expect(policies(template, 'AWS::S3::Bucket')).toEqual([['StoreBucket', KEPT]])
    expect(Object.fromEntries(policies(template, 'AWS::SQS::Queue'))).toEqual({
      QueuesTasks: REMOVED,
      QueuesCoordinator: REMOVED,
      QueuesIngest: KEPT,
      QueuesDeadLetters: KEPT,
      QueuesWakeUps: REMOVED,
      QueuesLostWakeUps: REMOVED,
    })
    for (const type of ['AWS::DynamoDB::Table', 'AWS::S3::Bucket', 'AWS::SQS::Queue']) {
      expect(new Set(policies(destroyed, type).map(([, policy]) => policy))).toEqual(new Set([REMOVED]))
    }
  })

  test('after a first deployment that failed, is nothing that was in a queue of the user’s: that is read last', () => {
    const { template: everything } = synthesise({ job: jobWithEverything() })
    const mappings = [...resourcesOf(everything, 'AWS::Lambda::EventSourceMapping')]
    const [id, mapping] = mappings.find(
      ([, { Properties }]) => !nameOf(Properties['EventSourceArn']).startsWith('Queues'),
    )!
    expect(nameOf(mapping.Properties['FunctionName'])).toBe('IngestQueueFunction')
    const { Resources: all } = everything.toJSON() as { Resources: Readonly<Record<string, object>> }
    const others = Object.keys(all).filter((other) => other !== id && !other.startsWith('JobIngestQueue'))
    const { DependsOn: before } = mapping as { readonly DependsOn?: readonly string[] }
    expect(before).toEqual(expect.arrayContaining(others))
  })
})

describe('queues', () => {
  const queues = [...resourcesOf(template, 'AWS::SQS::Queue')].map(
    ([id, { Properties }]) => [nameOf({ Ref: id }).replace(/^Queues/, ''), Properties] as const,
  )
  const fifo = queues.filter(([name]) => !name.endsWith('WakeUps'))

  test('of actors are FIFO with high throughput, under names that end in .fifo', () => {
    expect(fifo.map(([name]) => name).toSorted()).toEqual(['Coordinator', 'DeadLetters', 'Ingest', 'Tasks'])
    for (const [, properties] of fifo) {
      expect(properties).toMatchObject({
        FifoQueue: true,
        DeduplicationScope: 'messageGroup',
        FifoThroughputLimit: 'perMessageGroupId',
      })
      expect(JSON.stringify(properties['QueueName'])).toMatch(/\.fifo"\]\]\}$/)
    }
  })

  test('are encrypted, take the largest messages, and keep them for two weeks', () => {
    for (const [, properties] of queues) {
      expect(properties).toMatchObject({
        SqsManagedSseEnabled: true,
        MaximumMessageSize: 1_048_576,
        MessageRetentionPeriod: 14 * 24 * 3_600,
      })
    }
  })

  test('refuse what does not come by TLS', () => {
    const refusing = [...resourcesOf(template, 'AWS::SQS::QueuePolicy').values()]
    expect(refusing).toHaveLength(queues.length)
    for (const { Properties } of refusing) {
      expect(JSON.stringify(Properties)).toContain(
        '"Condition":{"Bool":{"aws:SecureTransport":"false"}},"Effect":"Deny"',
      )
    }
  })

  test('give up on a message after ten attempts, on records never within hours, each into dead letters of its own kind', () => {
    const redrive = queues.flatMap(([name, { RedrivePolicy }]) => {
      if (RedrivePolicy === undefined) return []
      const { deadLetterTargetArn, maxReceiveCount } = RedrivePolicy as Record<string, unknown>
      return [[name, nameOf(deadLetterTargetArn), maxReceiveCount]]
    })
    expect(byName(redrive)).toEqual([
      ['Coordinator', 'QueuesDeadLetters', 10],
      ['Ingest', 'QueuesDeadLetters', 1000],
      ['Tasks', 'QueuesDeadLetters', 10],
      ['WakeUps', 'QueuesLostWakeUps', 10],
    ])
  })

  test('hide a message for longer than a function can have it', () => {
    const timeouts = [...resourcesOf(template, 'AWS::Lambda::Function').values()].map(({ Properties }) =>
      Number(Properties['Timeout']),
    )
    const visibilities = queues.map(([, { VisibilityTimeout }]) => Number(VisibilityTimeout))
    expect(Math.max(...timeouts)).toBe(30)
    expect(Math.min(...visibilities)).toBeGreaterThan(Math.max(...timeouts))
    expect(Math.max(...visibilities)).toBeLessThanOrEqual(2 * Math.max(...timeouts))
  })
})

describe('functions', () => {
  const functions = [...resourcesOf(template, 'AWS::Lambda::Function')].map(
    ([id, { Properties }]) => [nameOf({ Ref: id }).replace(/Function$/, ''), Properties] as const,
  )

  test('run on arm64 and the newest Node, each with a role and a log of its own', () => {
    expect(functions.map(([name]) => name).toSorted()).toEqual([
      'Coordinator',
      'DeadLetter',
      'Operator',
      'WakeUp',
    ])
    for (const [name, properties] of functions) {
      expect(properties).toMatchObject({ Architectures: ['arm64'], Runtime: 'nodejs24.x', MemorySize: 1024 })
      expect(nameOf(properties['Role'])).toBe(`${name}Role`)
      expect(nameOf((properties['LoggingConfig'] as { LogGroup: unknown }).LogGroup)).toBe(`${name}Log`)
    }
  })

  test('know their job and where its things are', () => {
    for (const [, { Environment }] of functions) {
      const { Variables } = Environment as { Variables: Record<string, unknown> }
      expect(Variables['MILLRACE_JOB']).toBe('sums')
      expect(Variables['MILLRACE_STACK']).toBe('Jobs')
      expect(nameOf(Variables['MILLRACE_TABLE'])).toBe('StoreTable')
      expect(nameOf(Variables['MILLRACE_BUCKET'])).toBe('StoreBucket')
      expect(nameOf(Variables['MILLRACE_TASK_QUEUE_URL'])).toBe('QueuesTasks')
      expect(nameOf(Variables['MILLRACE_COORDINATOR_QUEUE_URL'])).toBe('QueuesCoordinator')
      expect(nameOf(Variables['MILLRACE_INGEST_QUEUE_URL'])).toBe('QueuesIngest')
      expect(nameOf(Variables['MILLRACE_WAKE_QUEUE_URL'])).toBe('QueuesWakeUps')
      expect(nameOf(Variables['MILLRACE_DEAD_LETTER_QUEUE_URL'])).toBe('QueuesDeadLetters')
    }
  })

  test('keep their logs for a month', () => {
    const logs = [...resourcesOf(template, 'AWS::Logs::LogGroup').values()]
    expect(logs).toHaveLength(functions.length)
    for (const { Properties } of logs) expect(Properties['RetentionInDays']).toBe(30)
  })

  test('take ten messages at once, report the failed ones, and no more run at once than can be of use', () => {
    const sources = [...resourcesOf(template, 'AWS::Lambda::EventSourceMapping').values()].map(
      ({ Properties }) => [
        nameOf(Properties['EventSourceArn']).replace(/^Queues/, ''),
        nameOf(Properties['FunctionName']).replace(/Function$/, ''),
        (Properties['ScalingConfig'] as { MaximumConcurrency: number } | undefined)?.MaximumConcurrency,
        Properties['BatchSize'],
        Properties['FunctionResponseTypes'],
      ],
    )
    const reports = [10, ['ReportBatchItemFailures']] as const
    expect(byName(sources)).toEqual([
      ['Coordinator', 'Coordinator', 2, ...reports],
      ['DeadLetters', 'DeadLetter', 2, ...reports],
      ['Tasks', 'Operator', 2, ...reports],
      ['WakeUps', 'WakeUp', 10, ...reports],
    ])
  })

  test.each([
    ['as many invocations as tasks', { 'parallelism.default': 16 }, {}, 17],
    [
      'no more than SQS allows',
      { 'parallelism.default': 1_200, 'pipeline.max-parallelism': 2_048 },
      {},
      1_000,
    ],
    ['what is asked for', {}, { maxConcurrency: 7 }, 7],
  ])('operators: %s at once', (_, settings, props, expected) => {
    const wide = synthesise({ job: minimalJob(), settings, ...props }).template
    expect(propertiesOf(wide, 'AWS::Lambda::EventSourceMapping')).toContainEqual(
      expect.objectContaining({
        ScalingConfig: { MaximumConcurrency: expected },
      }),
    )
  })

  test('are told the settings of the deployment', () => {
    const told = synthesise({ job: minimalJob(), settings: { 'parallelism.default': 4 } }).template
    expect(propertiesOf(told, 'AWS::Lambda::Function')).toContainEqual(
      expect.objectContaining({
        Environment: {
          Variables: expect.objectContaining({ MILLRACE_SETTINGS: '{"parallelism.default":4}' }),
        },
      }),
    )
  })

  test('reserve concurrency where that is asked for, in the operator alone', () => {
    const limited = synthesise({ job: minimalJob(), reservedConcurrency: 5 }).template
    const found = [...resourcesOf(limited, 'AWS::Lambda::Function').values()].map(
      ({ Properties }) => Properties['ReservedConcurrentExecutions'],
    )
    expect(found.filter((reserved) => reserved !== undefined)).toEqual([5])
  })
})

describe('the ticks', () => {
  test('is on when the stack is new, and calls the wake-up function', () => {
    const rules = [...resourcesOf(template, 'AWS::Events::Rule').values()]
    expect(rules.map(({ Properties }) => [Properties['ScheduleExpression'], Properties['State']])).toEqual([
      ['rate(1 minute)', 'ENABLED'],
      // Also while the job is idle: logs end after weeks.
      ['rate(7 days)', 'ENABLED'],
    ])
    const inputs = rules.map((rule) => {
      const [target] = rule.Properties['Targets'] as { Arn: unknown; Input: string }[]
      expect(nameOf(target!.Arn)).toBe('WakeUpFunction')
      return JSON.parse(target!.Input) as unknown
    })
    expect(inputs).toEqual([{ millrace: 'tick' }, { millrace: 'visit' }])
  })

  test('alone may call it', () => {
    const permissions = [...resourcesOf(template, 'AWS::Lambda::Permission').values()]
    for (const permission of permissions) {
      expect(permission.Properties).toMatchObject({
        Action: 'lambda:InvokeFunction',
        Principal: 'events.amazonaws.com',
      })
      expect(nameOf(permission.Properties['FunctionName'])).toBe('WakeUpFunction')
    }
    expect(permissions.map(({ Properties }) => nameOf(Properties['SourceArn'])).toSorted()).toEqual([
      'Schedule',
      'WeeklyVisit',
    ])
  })
})
