import type { SQSBatchResponse, SQSEvent } from 'aws-lambda'

import { ingestSourcesOf } from '../lib/connectors/ingest/ingest-sources.ts'
import { assert } from '../lib/model/faults.ts'
import { takeFromQueue } from '../lib/serverless/ingest/queue-edge.ts'
import { invoke, type LambdaContext } from './aws.ts'
import { runtime } from './runtime.ts'

/** By the uid of a source: the ARN of its queue. */
const queues = JSON.parse(process.env['MILLRACE_SOURCE_QUEUES'] ?? '{}') as Readonly<Record<string, string>>
const sources = new Map(ingestSourcesOf(runtime.plan).map((source) => [queues[source.uid], source]))

/** Takes messages of the user's own queues. Those of one batch are of one queue. */
export function handler({ Records: records }: SQSEvent, context: LambdaContext): Promise<SQSBatchResponse> {
  return invoke(context, async () => {
    const source = sources.get(records[0]?.eventSourceARN)
    assert(source !== undefined, `the queue ${records[0]?.eventSourceARN} is one of the job's`)
    const messages = records.map(({ messageId, body, attributes }) => ({
      messageId,
      body,
      groupId: attributes.MessageGroupId,
      deduplicationId: attributes.MessageDeduplicationId,
    }))
    const { failed } = await takeFromQueue(runtime, source, messages)
    return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) }
  })
}
