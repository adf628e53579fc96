import type { SQSRecord } from 'aws-lambda'

import { whatNow } from '../lib/aws/sqs-wake-ups.ts'
import { messageOf } from '../lib/model/faults.ts'
import { encodeNudge } from '../lib/serverless/actor/envelope.ts'
import { refuse } from '../lib/serverless/actor/refuse.ts'
import type { JobRuntime } from '../lib/serverless/runtime.ts'

export type RelayPorts = Pick<JobRuntime, 'now' | 'mailbox' | 'wakeUps' | 'observe'>

type WakeUpRecord = Pick<SQSRecord, 'messageId' | 'body'>

/**
 * Passes wake-ups that are due on to their actors, and sends others on their way again; what is no wake-up goes to the dead
 * letters. Returns the ids of those that could not be dealt with, and are to come again.
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
      return outcomeOf(
        refuse(ports, { messageId, body: Buffer.from(body) }, decision.reason),
        messageId,
        ports,
      )
    case 'hop':
      return outcomeOf(ports.wakeUps.wakeAt(decision.wakeUp.actor, decision.wakeUp.atMs), messageId, ports)
    case 'relay': {
      const { actor, atMs } = decision.wakeUp
      // Under the id of what came: when it comes twice, the queue swallows the repeat.
      const nudge = { to: actor, deduplicationId: `wake-${messageId}`, body: encodeNudge(actor, atMs) }
      const [outcome] = await ports.mailbox.send([nudge])
      return outcome === 'sent' ? 'done' : 'failed'
    }
  }
}

async function outcomeOf(
  work: Promise<void>,
  messageId: string,
  { observe }: RelayPorts,
): Promise<'done' | 'failed'> {
  try {
    await work
    return 'done'
  } catch (cause) {
    observe.event({ type: 'warning', message: `Wake-up ${messageId} comes again: ${messageOf(cause)}` })
    return 'failed'
  }
}
