import { readOffsets } from '../../connectors/ingest/read-offsets.ts'
import type { JobVertex } from '../../graph/plan.ts'
import { ingestActor } from '../../model/actors.ts'
import type { Mailbox, OutgoingMessage } from '../../ports/mailbox.ts'
import type { OperatorStateSnapshot } from '../../state/operator-state.ts'
import { encodeRequest } from '../actor/envelope.ts'
import { sha256 } from '../../node/sha256.ts'
import type { IngestRequest } from './ingest-state.ts'

/**
 * Tells the ingest partitions that a source's task reads what is needed no more: `states` are its operator states at a
 * place that is never gone back to. Does nothing for any other task. What is not sent is told with the next head.
 */
export async function truncateIngest(
  mailbox: Mailbox,
  { operators }: JobVertex,
  states: ReadonlyMap<string, OperatorStateSnapshot>,
): Promise<void> {
  const messages = operators.flatMap(({ uid, spec }) => {
    const isIngest =
      spec.type === 'source' && spec.source.type === 'splits' && spec.source.ingest !== undefined
    return isIngest ? truncationsOf(uid, states.get(uid) ?? {}) : []
  })
  if (messages.length > 0) await mailbox.send(messages)
}

function truncationsOf(sourceUid: string, state: OperatorStateSnapshot): readonly OutgoingMessage[] {
  return readOffsets(state)
    .filter(({ position }) => position > 0)
    .map(({ partition, position }) => {
      const to = ingestActor(sourceUid, partition)
      const content: IngestRequest = { type: 'truncate', below: position + 1 }
      // The same again says nothing new.
      const deduplicationId = sha256(`truncate ${to} ${content.below}`)
      return { to, deduplicationId, body: encodeRequest(to, content) }
    })
}
