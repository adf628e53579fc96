import type { BatchResultErrorEntry } from '@aws-sdk/client-sqs'
import { assert } from '../model/faults.ts'
import { MESSAGE_BYTES_MAX, type OutgoingMessage } from '../ports/mailbox.ts'
import { sha256 } from '../node/sha256.ts'
import { classifyName } from './aws-fault.ts'
import { AWS_LIMITS } from './limits.ts'
import { encodeMessageText } from './message-text.ts'

/** A message as SQS is given it. */
export interface SqsEntry {
  /** Of the message in what was to be sent. */
  readonly index: number
  readonly group: string
  readonly deduplicationId: string
  readonly text: string
}

const PLAIN = /^[!-~]+$/

/** Of text that SQS would not take as the id of a group or for deduplication, a digest. */
export function sqsId(text: string): string {
  return text.length <= AWS_LIMITS.sqsIdChars && PLAIN.test(text) ? text : `sha256-${sha256(text)}`
}

export function entryOf({ to, deduplicationId, body }: OutgoingMessage, index: number): SqsEntry {
  assert(
    body.length > 0 && body.length <= MESSAGE_BYTES_MAX,
    `a message has 1 to ${MESSAGE_BYTES_MAX} bytes, got ${body.length}`,
  )
  return { index, group: sqsId(to), deduplicationId: sqsId(deduplicationId), text: encodeMessageText(body) }
}

/**
 * As few requests as it takes, in lanes: requests of one lane are made one after another, since they share a group, whose
 * messages are to stay in order; lanes have no group in common.
 */
export function sqsLanes(entries: readonly SqsEntry[]): SqsEntry[][][] {
  const byGroup = new Map<string, SqsEntry[]>()
  for (const entry of entries) {
    const group = byGroup.get(entry.group)
    if (group === undefined) byGroup.set(entry.group, [entry])
    else group.push(entry)
  }
  const lanes: SqsEntry[][][] = []
  let batch: SqsEntry[] = []
  let bytes = 0
  for (const entry of [...byGroup.values()].flat()) {
    const full =
      batch.length === AWS_LIMITS.sqsBatchEntries || bytes + entry.text.length > AWS_LIMITS.sqsBatchBytes
    if (batch.length === 0 || full) {
      const goesOn = batch.at(-1)?.group === entry.group
      batch = []
      bytes = 0
      if (goesOn) lanes.at(-1)!.push(batch)
      else lanes.push([batch])
    }
    batch.push(entry)
    bytes += entry.text.length
  }
  return lanes
}

/** Of an entry of a batch that failed. Throttles may be called the sender's fault: the code says more than the flag. */
export function mayPass({ Code, SenderFault }: BatchResultErrorEntry): boolean {
  const problem = classifyName(Code ?? '')
  return problem === undefined ? SenderFault !== true : problem === 'retryable'
}
