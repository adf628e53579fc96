import type { RoutedGroup } from '../../connectors/ingest/group-records.ts'
import { namesOf } from '../../connectors/ingest/record-group.ts'
import { ingestActor } from '../../model/actors.ts'
import type { Mailbox, OutgoingMessage } from '../../ports/mailbox.ts'
import { encodeRequest } from '../actor/envelope.ts'
import { sha256 } from '../../node/sha256.ts'
import type { IngestRequest } from './ingest-state.ts'

/** Times that what could not be sent is sent again at once; the mailbox itself has tried by then, with pauses. */
const ROUNDS_MAX = 2

/**
 * Sends groups to the ingest partitions of a source. Resolves to those that are not known to be sent: for each partition
 * the first that failed, and all after it, so that the order within a partition outlives a failure.
 */
export async function deliverGroups(
  mailbox: Mailbox,
  sourceUid: string,
  groups: readonly RoutedGroup[],
): Promise<ReadonlySet<RoutedGroup>> {
  const failed = new Set<RoutedGroup>()
  const waiting = new Map<number, RoutedGroup[]>()
  for (const group of groups) waiting.set(group.partition, [...(waiting.get(group.partition) ?? []), group])
  while (waiting.size > 0) {
    // One of each partition at a time: what is behind one that fails must not come before it.
    const wave = [...waiting.values()].map((queue) => queue.shift()!)
    const unsent = await sendAll(mailbox, sourceUid, wave)
    for (const { partition } of wave) if (waiting.get(partition)!.length === 0) waiting.delete(partition)
    for (const group of unsent) {
      for (const one of [group, ...(waiting.get(group.partition) ?? [])]) failed.add(one)
      waiting.delete(group.partition)
    }
  }
  return failed
}

async function sendAll(
  mailbox: Mailbox,
  sourceUid: string,
  groups: readonly RoutedGroup[],
): Promise<readonly RoutedGroup[]> {
  let left = groups
  for (let round = 0; round < ROUNDS_MAX && left.length > 0; round++) {
    const outcomes = await mailbox.send(left.map((group) => messageOf(sourceUid, group)))
    left = left.filter((_, index) => outcomes[index] !== 'sent')
  }
  return left
}

/**
 * A repeat of the same records has the same deduplication id, and is swallowed where the first was sent: nothing that is
 * sent to an ingest partition is ever dropped there, so it needs no second delivery.
 */
function messageOf(sourceUid: string, { partition, group }: RoutedGroup): OutgoingMessage {
  const to = ingestActor(sourceUid, partition)
  const content: IngestRequest = { type: 'records', group }
  const deduplicationId = sha256(JSON.stringify([to, ...namesOf(group)]))
  return { to, deduplicationId, body: encodeRequest(to, content) }
}
