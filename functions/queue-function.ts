import type { SQSBatchResponse, SQSEvent } from 'aws-lambda'

import { bodyOfMessageText } from '../lib/aws/message-text.ts'
import type { BatchOutcome, MessageHandler } from '../lib/serverless/runtime.ts'
import { invoke, type LambdaContext } from './aws.ts'

export type QueueFunction = (event: SQSEvent, context: LambdaContext) => Promise<SQSBatchResponse>

/** A handler of messages between actors, as Lambda calls it for a queue: what it says has failed comes again. */
export function queueFunction(handle: MessageHandler): QueueFunction {
  return (event, context) =>
    invoke(context, async () => {
      const messages = event.Records.map(({ messageId, body }) => ({
        messageId,
        body: bodyOfMessageText(body),
      }))
      return answerOf(await handle(messages, { remainingMs: () => context.getRemainingTimeInMillis() }))
    })
}

export function answerOf({ failed }: BatchOutcome): SQSBatchResponse {
  return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) }
}
