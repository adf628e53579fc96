import { shortHash, type IdWindowBounds } from '../../connectors/ingest/id-window.ts'
import { namesOf, type RecordGroup } from '../../connectors/ingest/record-group.ts'

/**
 * What a partition remembers of the messages that it took, by when it took them: about 320 kB of a cold start at most.
 *
 * An invocation may die after its turn was committed, and before the queue hears that its messages are done: then they come
 * again, however late. But nothing later of their message group comes before they are done, so they are always among the last
 * ten that were taken; a thousand leave room for a queue that repeats what was done. The time is for an invocation that
 * outlives its messages' visibility timeout of 36 s, while others take them and go on: five times that.
 */
export const TAKEN_MESSAGES: IdWindowBounds = { windowMs: 3 * 60_000, idsMin: 1_000, idsMax: 20_000 }

/**
 * What a message is known by, whatever of its records is taken. A request or record that is sent again is another message: it
 * was received at another time.
 */
export function messageHash(group: RecordGroup): string {
  return shortHash(JSON.stringify([group.receivedAtMs, ...namesOf(group)]))
}
