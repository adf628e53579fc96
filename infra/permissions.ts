import { Arn, Stack } from 'aws-cdk-lib'
import { PolicyStatement } from 'aws-cdk-lib/aws-iam'
import type { IKey } from 'aws-cdk-lib/aws-kms'
import type { Bucket } from 'aws-cdk-lib/aws-s3'
import type { IQueue } from 'aws-cdk-lib/aws-sqs'
import type { Table } from 'aws-cdk-lib/aws-dynamodb'
import type { Construct } from 'constructs'

import type { SinkTarget } from '../lib/stream/sink.ts'
import { arnOfQueue } from './plan.ts'

// What a function may do, as statements that name their resources. No grant method of the CDK is used for them: those give
// more than is needed here, and change with its version.

/** Reads and writes items, of all partitions, or of those alone whose keys are like `partitions` (lib/aws/dynamo-keys.ts). */
export function useTable(
  table: Table,
  actions: readonly TableAction[],
  partitions?: readonly string[],
): PolicyStatement {
  return new PolicyStatement({
    actions: actions.map((action) => `dynamodb:${action}`),
    resources: [table.tableArn],
    ...(partitions !== undefined && {
      conditions: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': partitions } },
    }),
  })
}

export type TableAction = 'BatchGetItem' | 'BatchWriteItem' | 'DeleteItem' | 'GetItem' | 'PutItem' | 'Query'

/** Reads, writes and removes objects whose names start with one of `prefixes`; `''`: any. */
export function useObjects(
  bucket: Bucket,
  prefixes: readonly string[],
  actions: readonly ObjectAction[],
): PolicyStatement {
  return new PolicyStatement({
    actions: actions.map((action) => `s3:${action}Object`),
    resources: prefixes.map((prefix) => bucket.arnForObjects(`${prefix}*`)),
  })
}

/** Says with an object that is put when it may go (lib/aws/object-lifetimes.ts). */
export function tagObjects(bucket: Bucket, prefix: string): PolicyStatement {
  return new PolicyStatement({
    sid: 'Lifetimes',
    actions: ['s3:PutObjectTagging'],
    resources: [bucket.arnForObjects(`${prefix}*`)],
  })
}

/** `name` in a policy, which has signs of its own, and no letters beyond Latin ones: any text may stand in their place. */
export function patternOf(name: string): string {
  return name.replaceAll(/(?:[*?$]|[^ -~])+/g, '*')
}

/** Uses the user's own key, by which table and bucket are encrypted: both ask in the name of whoever calls them. */
export function useKey(key: IKey, actions: readonly KeyAction[]): PolicyStatement {
  return new PolicyStatement({
    sid: 'Key',
    actions: actions.map((action) => `kms:${action}`),
    resources: [key.keyArn],
  })
}

export type KeyAction = 'Decrypt' | 'DescribeKey' | 'Encrypt' | 'GenerateDataKey'

export type ObjectAction = 'Get' | 'Put' | 'Delete'

/** Without it, asking for an object that is not there is answered by 403 in the place of 404. */
export function listObjects(bucket: Bucket): PolicyStatement {
  return new PolicyStatement({ sid: 'Names', actions: ['s3:ListBucket'], resources: [bucket.bucketArn] })
}

export function sendTo(queues: readonly IQueue[]): PolicyStatement {
  return new PolicyStatement({
    sid: 'Send',
    // Of a batch as well: SQS knows no action of its own for it.
    actions: ['sqs:SendMessage'],
    resources: queues.map(({ queueArn }) => queueArn),
  })
}

/** How much waits in a queue: what sources are paced by, and what ingest turns clients away by. */
export function measure(queues: readonly IQueue[]): PolicyStatement {
  return new PolicyStatement({
    sid: 'Backlog',
    actions: ['sqs:GetQueueAttributes'],
    resources: queues.map(({ queueArn }) => queueArn),
  })
}

/** Switches the minute's tick on and off. */
export function switchRule(ruleArn: string): PolicyStatement {
  return new PolicyStatement({
    sid: 'Schedule',
    actions: ['events:EnableRule', 'events:DisableRule'],
    resources: [ruleArn],
  })
}

/** What a sink needs to write to what it names. */
export function writeTo(scope: Construct, target: SinkTarget): readonly PolicyStatement[] {
  const stack = Stack.of(scope)
  switch (target.type) {
    case 'bucket': {
      const bucketArn = Arn.format({ service: 's3', region: '', account: '', resource: target.bucket }, stack)
      const prefixes = target.prefixes.filter(
        (prefix) => !target.prefixes.some((other) => other !== prefix && prefix.startsWith(other)),
      )
      return [
        new PolicyStatement({
          actions: ['s3:GetObject', 's3:PutObject', 's3:DeleteObject'],
          resources: prefixes.map((prefix) => `${bucketArn}/${prefix}*`),
        }),
        new PolicyStatement({
          actions: ['s3:ListBucket'],
          resources: [bucketArn],
          conditions: { StringLike: { 's3:prefix': prefixes.map((prefix) => `${prefix}*`) } },
        }),
      ]
    }
    case 'queue':
      // The last part of a queue's URL is its name.
      return [
        new PolicyStatement({
          actions: ['sqs:SendMessage', 'sqs:GetQueueUrl'],
          resources: [arnOfQueue(scope, target.queue.slice(target.queue.lastIndexOf('/') + 1))],
        }),
      ]
    case 'table': {
      const resource = { service: 'dynamodb', resource: 'table', resourceName: target.table }
      return [
        new PolicyStatement({ actions: ['dynamodb:PutItem'], resources: [Arn.format(resource, stack)] }),
      ]
    }
  }
}
