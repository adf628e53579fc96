import { isUtf8 } from 'node:buffer'

import type { SQSRecord } from 'aws-lambda'

import { decodeMessageText } from '../lib/aws/message-text.ts'
import { COORDINATOR } from '../lib/model/actors.ts'
import { messageOf } from '../lib/model/faults.ts'
import {
  decodeEnvelope,
  encodeRequest,
  PoisonMessage,
  type Envelope,
} from '../lib/serverless/actor/envelope.ts'
import type { JobRequest } from '../lib/serverless/protocol.ts'
import type { JobRuntime } from '../lib/serverless/runtime.ts'

export type DeadLetterPorts = Pick<JobRuntime, 'blobs' | 'mailbox' | 'observe'>

type DeadRecord = Pick<SQSRecord, 'messageId' | 'body'>

/** Where they are kept, one object each; infra/permissions.ts allows no other. */
const FOLDER = 'dead-letters/'

/**
 * Keeps each message for people to look at, and reports to the coordinator what was to be done and never will be. A message
 * that its receiver refused, or that is no envelope, was never going to be anything: it is kept and counted, and changes
 * nothing. Returns the ids of those that could not be dealt with, and are to come again.
 */
export async function keepDeadLetters(
  records: readonly DeadRecord[],
  ports: DeadLetterPorts,
): Promise<readonly string[]> {
  const outcomes = await Promise.all(records.map((record) => kept(record, ports)))
  return records.filter((_, index) => outcomes[index] === 'failed').map(({ messageId }) => messageId)
}

async function kept(
  { messageId, body: text }: DeadRecord,
  ports: DeadLetterPorts,
): Promise<'done' | 'failed'> {
  const { body, reason: refusal } = decodeMessageText(text)
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
    body: Buffer.from(body).toString('base64'),
  }
  try {
    const bytes = Buffer.from(`${JSON.stringify(letter, undefined, 2)}\n`)
    await ports.blobs.putIfAbsent(`${FOLDER}${messageId}.json`, bytes)
  } catch (cause) {
    ports.observe.event({ type: 'warning', message: `Dead letter ${messageId}: ${messageOf(cause)}` })
    return 'failed'
  }
  const wasToBeDone = refusal === undefined && envelope !== undefined && !isReport(envelope)
  if (wasToBeDone && !(await reported(messageId, actor, reason, ports))) return 'failed'
  ports.observe.metric('numberOfDeadLetters', 1, 'Count')
  return 'done'
}

async function reported(
  messageId: string,
  actor: string,
  reason: string,
  { mailbox }: DeadLetterPorts,
): Promise<boolean> {
  const request: JobRequest = { type: 'dead-letter', requestId: messageId, actor, reason }
  const body = encodeRequest(COORDINATOR, request)
  const [outcome] = await mailbox.send([{ to: COORDINATOR, deduplicationId: `dead-${messageId}`, body }])
  return outcome === 'sent'
}

/** A report that the coordinator could not handle either: reporting it would go round for ever. */
function isReport(envelope: Envelope): boolean {
  return (
    envelope.kind === 'request' &&
    (envelope.payload as Partial<JobRequest> | undefined)?.type === 'dead-letter'
  )
}

function contentOf(body: Uint8Array): { readonly envelope: Envelope } | { readonly problem: string } {
  try {
    return { envelope: decodeEnvelope(body) }
  } catch (cause) {
    if (cause instanceof PoisonMessage) return { problem: cause.message }
    throw cause
  }
}

/** Undefined: the bytes are no text. */
function textOf(body: Uint8Array): string | undefined {
  return isUtf8(body) ? Buffer.from(body).toString() : undefined
}
