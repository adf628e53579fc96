import { UserError } from '../model/faults.ts'
import { QUEUE_BYTES_MAX, QUEUE_ENTRIES_MAX, type OutsideQueue, type QueueEntry } from '../ports/outside.ts'
import { isTimeUp, persist, PERSISTENCE, type Patience } from './persist.ts'
import { quoted } from './quoted.ts'

/**
 * Sends all entries, as many in a call as fit. Those of a group are sent in order, one in a call: of a call, one may fail
 * and the next be sent, which would then come first. `what` begins messages.
 * @throws UserError if one is refused; PlatformFault if the queue is not available, or the invocation ends.
 */
export async function sendAll(
  what: string,
  queue: OutsideQueue,
  entries: readonly QueueEntry[],
  outside: Patience,
): Promise<void> {
  let left = entries
  if (left.length === 0) return
  await persist(what, outside, PERSISTENCE, async () => {
    const before = left.length
    while (left.length > 0) {
      if (left.length < before && isTimeUp(outside))
        return { type: 'on', reason: `${left.length} messages are still to be sent` }
      const { call, rest } = nextCall(left)
      const answers = await queue.send(call)
      const failed = call.filter((entry, index) => {
        const answer = answers[index]
        if (answer?.type === 'refused')
          throw new UserError(`${what}: ${answer.reason}; the message: ${quoted(entry.body)}`)
        return answer?.type !== 'done'
      })
      left = [...failed, ...rest]
      if (failed.length === 0) continue
      const [reason] = answers.flatMap((answer) => (answer.type === 'unavailable' ? [answer.reason] : []))
      return { type: left.length === before ? 'again' : 'on', reason: reason ?? 'no answer' }
    }
    return { type: 'done' }
  })
}

/** The first entries that fit one call, and all others, in order. */
function nextCall(entries: readonly QueueEntry[]): { call: QueueEntry[]; rest: QueueEntry[] } {
  const call: QueueEntry[] = []
  const rest: QueueEntry[] = []
  const groups = new Set<string>()
  let bytes = 0
  for (const entry of entries) {
    const size = Buffer.byteLength(entry.body)
    const { group } = entry
    const fits = call.length < QUEUE_ENTRIES_MAX && bytes + size <= QUEUE_BYTES_MAX
    const isNext = group === undefined || !groups.has(group)
    // One that does not fit is followed by no other of its group.
    if (group !== undefined) groups.add(group)
    if (fits && isNext) {
      call.push(entry)
      bytes += size
    } else rest.push(entry)
  }
  return { call, rest }
}
