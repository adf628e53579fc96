import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'

import { encodeMessageText } from '../../lib/aws/message-text.ts'
import { ingestActor } from '../../lib/model/actors.ts'
import { encodeRequest } from '../../lib/serverless/actor/envelope.ts'
import type { IngestRequest } from '../../lib/serverless/ingest/ingest-state.ts'
import type { DeployedJob } from './deployed-job.ts'
import { listObjects, readObject } from './emulator.ts'
import { waitFor } from './wait.ts'

const LETTER_TIMEOUT_MS = 60_000

/** What of a letter under `dead-letters/` the guide to ingest makes use of. */
interface Letter {
  readonly key: string
  readonly messageId: string
  readonly actor: string
  readonly records: readonly { readonly body: string }[]
  readonly body: string
}

/** Puts records for a partition of ingest where SQS puts a message that was received as often as its queue allows. */
export async function sendDead(
  { emulator: { sqs }, outputs }: DeployedJob,
  sourceUid: string,
  records: readonly unknown[],
): Promise<void> {
  const actor = ingestActor(sourceUid, 0)
  const bodies = records.map((record) => JSON.stringify(record))
  const group = { receivedAtMs: Date.now(), ids: bodies.map(() => randomUUID()), bodies, refusals: [] }
  const request: IngestRequest = { type: 'records', group }
  await sqs.sendMessage({
    QueueUrl: outputs.deadLetterQueueUrl,
    MessageBody: encodeMessageText(encodeRequest(actor, request)),
    MessageGroupId: actor,
    MessageDeduplicationId: randomUUID(),
  })
}

/** The one that is kept, once it is. */
export async function firstLetter({ emulator, outputs: { bucketName } }: DeployedJob): Promise<Letter> {
  const [key] = await waitFor('a dead letter', LETTER_TIMEOUT_MS, async () => {
    const keys = await listObjects(emulator, bucketName, 'dead-letters/')
    return keys.length > 0 ? keys : undefined
  })
  return { ...(JSON.parse(await readObject(emulator, bucketName, key!)) as Omit<Letter, 'key'>), key: key! }
}

/** As the guide to ingest tells people to. */
export async function sendAgain(
  { emulator: { sqs, s3 }, outputs }: DeployedJob,
  { key, messageId, actor, records, body }: Letter,
): Promise<void> {
  assert.ok(records.length > 0, 'the letter holds records for people to read')
  await sqs.sendMessage({
    QueueUrl: outputs.ingestQueueUrl,
    MessageBody: body,
    MessageGroupId: actor,
    MessageDeduplicationId: `again-${messageId}`,
  })
  await s3.deleteObject({ Bucket: outputs.bucketName, Key: key })
}
