import { Key } from 'aws-cdk-lib/aws-kms'
import { describe, expect, test } from 'vitest'

import { jobWithEverything, minimalJob } from './jobs.ts'
import { nameOf, permissionsOf, resourcesOf, synthesise, type Statement } from './synth.ts'

const actionsOn = (resource: string, ...actions: string[]) =>
  actions.map((action) => `Allow ${action} on ${resource}`)

const consume = (queue: string) =>
  actionsOn(
    queue,
    'sqs:ChangeMessageVisibility',
    'sqs:DeleteMessage',
    'sqs:GetQueueAttributes',
    'sqs:GetQueueUrl',
    'sqs:ReceiveMessage',
  )
const send = (...queues: string[]) => queues.flatMap((queue) => actionsOn(queue, 'sqs:SendMessage'))
const log = (name: string) => actionsOn(`${name}Log`, 'logs:CreateLogStream', 'logs:PutLogEvents')
const objects = (prefix: string, ...actions: string[]) =>
  actionsOn(`StoreBucket/${prefix}*`, ...actions.map((action) => `s3:${action}Object`))
const table = (...actions: string[]) =>
  actionsOn('StoreTable', ...actions.map((action) => `dynamodb:${action}`))
const ofPartitions = (partitions: readonly string[], ...actions: string[]) =>
  table(...actions).map(
    (line) =>
      `${line} if ${JSON.stringify({ 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': partitions } })}`,
  )

/** As permissionsOf tells them. */
const together = (...groups: readonly string[][]): readonly string[] => [...new Set(groups.flat())].toSorted()

describe('what a function may do', () => {
  const synthesised = synthesise({ job: minimalJob() })

  test('the operator: logs of tasks, rows, objects and messages of its job, and no log of the coordinator', () => {
    expect(permissionsOf(synthesised, 'Operator')).toEqual(
      together(
        log('Operator'),
        consume('QueuesTasks'),
        send('QueuesTasks', 'QueuesCoordinator', 'QueuesIngest', 'QueuesWakeUps', 'QueuesDeadLetters'),
        actionsOn('QueuesIngest', 'sqs:GetQueueAttributes'),
        ofPartitions(['L#task:*', 'R#*', 'T#*'], 'DeleteItem', 'PutItem'),
        ofPartitions(['L#task:*', 'L#ingest:*', 'R#*', 'T#*'], 'BatchGetItem', 'GetItem', 'Query'),
        objects('', 'Get', 'Put'),
        ...['log/', 'heads/', 'rows/', 'dead-letters/'].map((prefix) => objects(prefix, 'Delete')),
        actionsOn('StoreBucket/rows/*', 's3:PutObjectTagging'),
        actionsOn('StoreBucket', 's3:ListBucket'),
      ),
    )
  })

  test('the coordinator: the table and objects of its job, and the switch of its own schedule', () => {
    expect(permissionsOf(synthesised, 'Coordinator')).toEqual(
      together(
        log('Coordinator'),
        consume('QueuesCoordinator'),
        send('QueuesTasks', 'QueuesCoordinator', 'QueuesIngest', 'QueuesWakeUps', 'QueuesDeadLetters'),
        actionsOn('QueuesTasks', 'sqs:GetQueueAttributes'),
        table('BatchWriteItem', 'GetItem', 'PutItem', 'Query'),
        objects('', 'Get', 'Put', 'Delete'),
        actionsOn('StoreBucket', 's3:ListBucket'),
        actionsOn('Schedule', 'events:EnableRule', 'events:DisableRule'),
      ),
    )
  })

  test('wake-ups: to pass messages on, and to refuse what is none', () => {
    expect(permissionsOf(synthesised, 'WakeUp')).toEqual(
      together(
        log('WakeUp'),
        consume('QueuesWakeUps'),
        send('QueuesTasks', 'QueuesCoordinator', 'QueuesIngest', 'QueuesWakeUps', 'QueuesDeadLetters'),
      ),
    )
  })

  test('dead letters: to keep them, to report them, and to send again what nudges were lost', () => {
    expect(permissionsOf(synthesised, 'DeadLetter')).toEqual(
      together(
        log('DeadLetter'),
        consume('QueuesDeadLetters'),
        send('QueuesTasks', 'QueuesCoordinator', 'QueuesIngest'),
        objects('dead-letters/', 'Put'),
      ),
    )
  })

  test('with the user’s own key: those who use table and bucket may use it, and nobody else', () => {
    const encrypted = synthesise({ job: jobWithEverything() }, (stack) => ({
      encryptionKey: new Key(stack, 'Key'),
    }))
    const use = ['Decrypt', 'DescribeKey', 'Encrypt', 'GenerateDataKey']
    const allowed = [...encrypted.job.functions.keys()].map((id) => [
      id,
      permissionsOf(encrypted, id).flatMap((line) => /^Allow kms:(\w+) on Key/.exec(line)?.[1] ?? []),
    ])
    expect(Object.fromEntries(allowed)).toEqual({
      Operator: use,
      Coordinator: use,
      Ingest: use,
      DeadLetter: ['GenerateDataKey'],
      WakeUp: [],
      IngestHttp: [],
      IngestQueue: ['GenerateDataKey'],
    })
  })

  test('nothing to all resources of a kind', () => {
    // A chain of its own, a key and an open URL: whatever a job may have that asks for permissions.
    const everything = synthesise(
      { job: jobWithEverything(), chains: { sum: {} }, httpAuth: 'none' },
      (stack) => ({ encryptionKey: new Key(stack, 'Key') }),
    )
    const policies = [...resourcesOf(everything.template, 'AWS::IAM::Policy')]
    expect(policies).toHaveLength(everything.job.functions.size)
    for (const [, { Properties }] of policies) {
      const { Statement: statements } = Properties['PolicyDocument'] as { Statement: readonly Statement[] }
      for (const statement of statements) {
        expect(statement).not.toHaveProperty('NotResource')
        expect(statement).not.toHaveProperty('NotAction')
        expect([statement.Resource].flat().map((resource) => nameOf(resource))).not.toContain('*')
        for (const action of [statement.Action].flat()) expect(action).not.toContain('*')
      }
    }
    for (const { Properties } of resourcesOf(everything.template, 'AWS::IAM::Role').values()) {
      expect(Properties['ManagedPolicyArns']).toBeUndefined()
      expect(Properties['Policies']).toBeUndefined()
    }
  })
})
