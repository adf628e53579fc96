import type { SQSRecord } from 'aws-lambda'

import { whatNow } from '../lib/aws/sqs-wake-ups.ts'
import { encodeNudge } from '../lib/serverless/actor/envelope.ts'
import type { JobRuntime } from '../lib/serverless/runtime.ts'

export type RelayPorts = Pick<JobRuntime, 'now' | 'mailbox' | 'wakeUps' | 'observe'>

type WakeUpRecord = Pick<SQSRecord, 'messageId' | 'body'>

/**
 * Passes wake-ups that are due on to their actors, and sends others on their way again. Returns the ids of those that could
 * not be, and are to come again.
 */
export async function relayWakeUps(
  records: readonly WakeUpRecord[],
  ports: RelayPorts,
): Promise<readonly string[]> {
  const outcomes = await Promise.all(records.map((record) => relayed(record, ports)))
  return records.filter((_, index) => outcomes[index] === 'failed').map(({ messageId }) => messageId)
}

async function relayed({ messageId, body }: WakeUpRecord, ports: RelayPorts): Promise<'done' | 'failed'> {
  const decision = whatNow(body, ports.now())
  switch (decision.type) {
    case 'unknown':
      ports.observe.event({ type: 'poison-message', messageId, reason: decision.reason })
      return 'done'
    case 'hop':
      try {
        await ports.wakeUps.wakeAt(decision.wakeUp.actor, decision.wakeUp.atMs)
        return 'done'
      } catch {
        return 'failed'
      }
    case 'relay': {
      const { actor } = decision.wakeUp
      // Under the id of what came: when it comes twice, the queue swallows the repeat.
      const nudge = { to: actor, deduplicationId: `wake-${messageId}`, body: encodeNudge(actor, true) }
      const [outcome] = await ports.mailbox.send([nudge])
      return outcome === 'sent' ? 'done' : 'failed'
    }
  }
}
