import type { TaskId } from '../model/ids.ts'
import type { LogPositions } from './checkpoint-record.ts'

/** What was under way from one task to another at a checkpoint: the messages from number `first` to before `end`. */
export interface InFlight {
  readonly to: TaskId
  /** The attempt whose channel it is. */
  readonly attempt: number
  readonly first: number
  readonly end: number
}

/**
 * What was under way from `task`, at an unaligned checkpoint: between what its receivers had consumed at their barriers and
 * what it had sent at its own (invariant 4, consistent cut). It lies in the task's log. Empty where all was aligned.
 */
export function inFlightFrom(logs: LogPositions, task: TaskId): InFlight[] {
  const own = logs[task]
  if (own?.channels === undefined) return []
  return Object.entries(own.channels.sent).flatMap(([other, end]) => {
    const to = other as TaskId
    const first = logs[to]?.channels?.received[task] ?? 0
    return first < end ? [{ to, attempt: own.attempt, first, end }] : []
  })
}

/**
 * Whether something may have been under way at the checkpoint: on channels, or at tasks that had consumed it and not come to
 * it yet.
 */
export function mayHaveInFlight(logs: LogPositions): boolean {
  return Object.values(logs).some(({ channels }) => channels !== undefined)
}
