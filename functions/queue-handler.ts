import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda'

import type { IncomingMessage, Invocation, MessageHandler } from '../lib/serverless/runtime.ts'

/** What Lambda hands a function besides its event. */
export interface LambdaContext {
  getRemainingTimeInMillis(): number
}

export type QueueFunction = (event: SQSEvent, context: LambdaContext) => Promise<SQSBatchResponse>

/** A handler of messages as Lambda calls it for a queue: what it reports as failed comes again. */
export function queueFunction(handle: MessageHandler): QueueFunction {
  return async (event, context) => {
    const { failed } = await handle(event.Records.map(incomingMessage), invocationOf(context))
    return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) }
  }
}

/** Messages between actors are bytes, which SQS carries as base64. */
export function incomingMessage({ messageId, body }: SQSRecord): IncomingMessage {
  return { messageId, body: Buffer.from(body, 'base64') }
}

export function invocationOf(context: LambdaContext): Invocation {
  return { remainingMs: () => context.getRemainingTimeInMillis() }
}
