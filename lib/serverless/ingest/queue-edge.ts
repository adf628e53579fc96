import { deadLetterFolder } from '../../connectors/dead-letter-objects.ts'
import { acceptRecord } from '../../connectors/ingest/accept-record.ts'
import { groupRecords, partitionOf, type EdgeRecord } from '../../connectors/ingest/group-records.ts'
import type { IngestSource } from '../../connectors/ingest/ingest-sources.ts'
import { scanJson, skipSpace, unexpected } from '../../connectors/ingest/scan-json.ts'
import { idOf } from '../../connectors/ingest/record-group.ts'
import { LIMITS } from '../../model/limits.ts'
import type { BlobStore } from '../../ports/blob-store.ts'
import { storeNamed } from '../actor/named-blob.ts'
import type { BatchOutcome, JobRuntime } from '../runtime.ts'
import { deliverGroups } from './deliver.ts'

/** A message of the user's own queue. */
export interface QueueMessage {
  readonly messageId: string
  readonly body: string
  /** Of a FIFO queue. */
  readonly groupId?: string | undefined
}

/**
 * Takes a batch of messages of a source's queue: those that did not fail are durable, and may be deleted. One that cannot be
 * a record of the source is kept as refused, for the dead letters. Order is kept within a group of a FIFO queue: after one
 * that failed, the later ones of its group are named too.
 */
export async function takeFromQueue(
  runtime: JobRuntime,
  source: IngestSource,
  messages: readonly QueueMessage[],
): Promise<BatchOutcome> {
  const { partitions } = source.spec
  const records = await Promise.all(messages.map((message) => recordOf(runtime, message, source)))
  const taken = messages.map((message, index) => {
    const record = records[index]!
    return { ...record, message, partition: partitionOf(message.groupId ?? record.id, partitions) }
  })
  const groups = groupRecords(taken, runtime.now())
  const failed = await deliverGroups(runtime.mailbox, source.uid, groups)
  const lost = new Set<string>()
  for (const { partition, group } of failed) {
    for (const index of group.bodies.keys()) lost.add(`${partition} ${idOf(group, index)}`)
  }
  return {
    failed: taken
      .filter(({ partition, id }) => lost.has(`${partition} ${id}`))
      .map(({ message }) => message.messageId),
  }
}

/** Known by the id of its message, if it declares none: that is the same whenever the message is received. */
async function recordOf(
  { blobs }: JobRuntime,
  { messageId, body }: QueueMessage,
  { uid, spec }: IngestSource,
): Promise<EdgeRecord> {
  const defect = defectOf(body)
  const acceptance =
    defect === undefined ? acceptRecord(body, spec) : ({ type: 'refused', reason: defect } as const)
  if (acceptance.type !== 'accepted') return refused(blobs, uid, messageId, body, acceptance.reason)
  return { id: acceptance.id ?? messageId, body, refusal: undefined }
}

function defectOf(body: string): string | undefined {
  const scan = scanJson(body, 0)
  if (scan.type === 'defect') return `${scan.reason}, at character ${scan.offset + 1}`
  const next = skipSpace(body, scan.span.end)
  return next === body.length ? undefined : unexpected(body, next, 'nothing after the JSON value').reason
}

/**
 * Kept by the id of its message: what it declares cannot be trusted. All of it: the queue is about to forget it. Where what its
 * letter cannot hold cannot be stored, the batch comes again.
 */
async function refused(
  blobs: BlobStore,
  sourceUid: string,
  messageId: string,
  body: string,
  reason: string,
): Promise<EdgeRecord> {
  if (body.length <= LIMITS.deadLetterChars) return { id: messageId, body, refusal: reason }
  const name = await storeNamed(blobs, `${deadLetterFolder(sourceUid)}raw`, new TextEncoder().encode(body))
  const rawAt = `${blobs.location}/${name}`
  return { id: messageId, body: body.slice(0, LIMITS.deadLetterChars), refusal: reason, rawAt }
}
