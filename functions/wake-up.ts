import type { SQSBatchResponse, SQSEvent } from 'aws-lambda'

import { COORDINATOR } from '../lib/model/actors.ts'
import { encodeRequest } from '../lib/serverless/actor/envelope.ts'
import type { JobRequest } from '../lib/serverless/protocol.ts'
import { invoke, ports, type LambdaContext } from './aws.ts'
import { relayWakeUps } from './relay-wake-ups.ts'

/** What the rule of infra/stream-job.ts sends once a minute. */
interface Tick {
  readonly millrace: 'tick'
}

export function handler(event: SQSEvent | Tick, context: LambdaContext): Promise<SQSBatchResponse> {
  return invoke(context, async () => {
    if ('millrace' in event) {
      await tick(context)
      return { batchItemFailures: [] }
    }
    const failed = await relayWakeUps(event.Records, ports)
    return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) }
  })
}

/** Lambda calls again, under the same request id, what throws. */
async function tick({ awsRequestId }: LambdaContext): Promise<void> {
  const request: JobRequest = { type: 'tick' }
  const body = encodeRequest(COORDINATOR, request)
  const [outcome] = await ports.mailbox.send([
    { to: COORDINATOR, deduplicationId: `tick-${awsRequestId}`, body },
  ])
  if (outcome !== 'sent') throw new Error('The tick could not be sent to the coordinator')
}
