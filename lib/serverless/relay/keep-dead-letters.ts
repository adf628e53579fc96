import { isUtf8 } from 'node:buffer'

import { recordsOf } from '../../connectors/ingest/record-group.ts'
import { actorKind, COORDINATOR } from '../../model/actors.ts'
import { messageOf } from '../../model/faults.ts'
import type { IngestedRecord } from '../../ports/ingest-log.ts'
import type { OutgoingMessage } from '../../ports/mailbox.ts'
import { decodeEnvelope, encodeRequest, PoisonMessage, type Envelope } from '../actor/envelope.ts'
import { ingestRequestOf } from '../ingest/ingest-state.ts'
import type { JobRequest } from '../protocol.ts'
import type { BatchOutcome, IncomingMessage, JobRuntime } from '../runtime.ts'
import { eachMessage } from './each-message.ts'

export type DeadLetterPorts = Pick<JobRuntime, 'blobs' | 'mailbox' | 'observe'>

/** A message of the dead-letter queue. */
export interface DeadMessage extends IncomingMessage {
  /** Why its receiver refused it; undefined: nobody did, it was received too often. */
  readonly reason: string | undefined
}

/** Where they are kept, one object each; infra/permissions.ts allows no other. */
const FOLDER = 'dead-letters/'

/**
 * Keeps each message for people to look at, and makes up for it where that is possible. A message that its receiver refused,
 * or that is no envelope, was never going to be anything: it changes nothing.
 */
export function keepDeadLetters(
  messages: readonly DeadMessage[],
  ports: DeadLetterPorts,
): Promise<BatchOutcome> {
  return eachMessage(messages, (message) => kept(message, ports))
}

async function kept(
  { messageId, body, reason: refusal }: DeadMessage,
  ports: DeadLetterPorts,
): Promise<'done' | 'failed'> {
  const content = contentOf(body)
  const envelope = 'envelope' in content ? content.envelope : undefined
  const actor = envelope?.to ?? 'unknown'
  const reason =
    refusal ??
    ('problem' in content
      ? content.problem
      : `A message to ${actor} was received as often as its queue allows, and never handled`)
  const letter = {
    messageId,
    actor,
    kind: envelope?.kind,
    reason,
    text: envelope === undefined ? textOf(body) : undefined,
    records: recordsIn(envelope),
    body: Buffer.from(body).toString('base64'),
  }
  try {
    const bytes = Buffer.from(`${JSON.stringify(letter, undefined, 2)}\n`)
    await ports.blobs.putIfAbsent(`${FOLDER}${messageId}.json`, bytes)
    const following = refusal === undefined ? followingOf(letter, envelope, body) : []
    const outcomes = await ports.mailbox.send(following)
    if (outcomes.includes('failed')) return 'failed'
  } catch (cause) {
    ports.observe.event({ type: 'warning', message: `Dead letter ${messageId}: ${messageOf(cause)}` })
    return 'failed'
  }
  ports.observe.event({ type: 'warning', message: `Dead letter ${messageId}: ${reason}` })
  ports.observe.metric('numberOfDeadLetters', 1, 'Count')
  return 'done'
}

/** What is sent because of it, under an id that is always the same: when it comes twice, the queue swallows the repeat. */
function followingOf(
  { messageId, reason }: { readonly messageId: string; readonly reason: string },
  envelope: Envelope | undefined,
  body: Uint8Array,
): readonly OutgoingMessage[] {
  const deduplicationId = `dead-${messageId}`
  switch (envelope?.kind) {
    case 'message': {
      const { to: actor, attempt } = envelope
      const request: JobRequest = { type: 'dead-letter', requestId: messageId, actor, attempt, reason }
      return [{ to: COORDINATOR, deduplicationId, body: encodeRequest(COORDINATOR, request) }]
    }
    case 'nudge':
    case 'resend':
    case 'gone':
      // It holds nothing, and may come late and twice: another one does what it was to do.
      return [{ to: envelope.to, deduplicationId, body }]
    case 'request':
    // On no channel, and of no attempt: whoever asked, and has no answer, asks again.
    case undefined:
      return []
  }
}

function contentOf(body: Uint8Array): { readonly envelope: Envelope } | { readonly problem: string } {
  try {
    return { envelope: decodeEnvelope(body) }
  } catch (cause) {
    if (cause instanceof PoisonMessage) return { problem: cause.message }
    throw cause
  }
}

/** What a client was told is safe, for people to read, and to be sent again. */
function recordsIn(envelope: Envelope | undefined): readonly IngestedRecord[] | undefined {
  if (envelope?.kind !== 'request' || actorKind(envelope.to) !== 'ingest') return undefined
  const request = ingestRequestOf(envelope.payload)
  return request?.type === 'records' ? recordsOf(request.group) : undefined
}

/** Undefined: the bytes are no text. */
function textOf(body: Uint8Array): string | undefined {
  return isUtf8(body) ? Buffer.from(body).toString() : undefined
}
