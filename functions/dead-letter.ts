import type { SQSBatchResponse, SQSEvent } from 'aws-lambda'

import { invoke, ports, type LambdaContext } from './aws.ts'
import { keepDeadLetters } from './keep-dead-letters.ts'

export function handler(event: SQSEvent, context: LambdaContext): Promise<SQSBatchResponse> {
  return invoke(context, async () => {
    const failed = await keepDeadLetters(event.Records, ports)
    return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) }
  })
}
