import type { SQSBatchResponse, SQSEvent } from 'aws-lambda'

import { COORDINATOR } from '../lib/model/actors.ts'
import { encodeRequest } from '../lib/serverless/actor/envelope.ts'
import type { JobRequest } from '../lib/serverless/protocol.ts'
import { relayWakeUps } from '../lib/serverless/relay/relay-wake-ups.ts'
import { invoke, ports, type LambdaContext } from './aws.ts'
import { answerOf } from './queue-function.ts'

/** What the rules of infra/stream-job.ts send: once a minute while the job is awake, and once a week in any case. */
interface Tick {
  readonly millrace: 'tick' | 'visit'
}

export function handler(event: SQSEvent | Tick, context: LambdaContext): Promise<SQSBatchResponse> {
  return invoke(context, async () => {
    if ('millrace' in event) {
      await pass(event.millrace, context)
      return { batchItemFailures: [] }
    }
    const messages = event.Records.map(({ messageId, body }) => ({ messageId, body: Buffer.from(body) }))
    return answerOf(await relayWakeUps(messages, ports))
  })
}

/** Lambda calls again, under the same request id, what throws. */
async function pass(type: Tick['millrace'], { awsRequestId }: LambdaContext): Promise<void> {
  const request: JobRequest = { type }
  const body = encodeRequest(COORDINATOR, request)
  const [outcome] = await ports.mailbox.send([
    { to: COORDINATOR, deduplicationId: `${type}-${awsRequestId}`, body },
  ])
  if (outcome !== 'sent') throw new Error(`The ${type} could not be sent to the coordinator`)
}
