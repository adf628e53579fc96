import type { SQSBatchResponse, SQSEvent } from 'aws-lambda'

import { decodeMessageText } from '../lib/aws/message-text.ts'
import { keepDeadLetters } from '../lib/serverless/relay/keep-dead-letters.ts'
import { invoke, ports, type LambdaContext } from './aws.ts'
import { answerOf } from './queue-function.ts'

export function handler({ Records }: SQSEvent, context: LambdaContext): Promise<SQSBatchResponse> {
  const messages = Records.map(({ messageId, body }) => ({ messageId, ...decodeMessageText(body) }))
  return invoke(context, async () => answerOf(await keepDeadLetters(messages, ports)))
}
