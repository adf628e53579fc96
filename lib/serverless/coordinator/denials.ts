import { actorKind, COORDINATOR, taskOfActor } from '../../model/actors.ts'
import { messageOf } from '../../model/faults.ts'
import type { Denial } from '../actor/actor-process.ts'
import { encodeRequest } from '../actor/envelope.ts'
import type { JobRequest } from '../protocol.ts'
import type { JobRuntime } from '../runtime.ts'
import { hear } from './hear.ts'
import type { Effect } from './image.ts'
import { change, tell, type CoordinatorTurn } from './turn.ts'

/**
 * Tells the coordinator what an actor is refused. The coordinator itself has nobody to tell: what it logs, and the age of what
 * waits for it, are all there is.
 */
export async function reportDenial({ mailbox, observe }: JobRuntime, denial: Denial): Promise<void> {
  const { actor, attempt, messageId, message } = denial
  if (actorKind(actor) === 'coordinator') return
  const requestId = `denied-${messageId}`
  const request: JobRequest = { type: 'denied', requestId, actor, attempt, message }
  try {
    await mailbox.send([
      { to: COORDINATOR, deduplicationId: requestId, body: encodeRequest(COORDINATOR, request) },
    ])
  } catch (cause) {
    observe.event({ type: 'warning', message: `${actor}: the job is not told of it: ${messageOf(cause)}` })
  }
}

/** A task that cannot go on is a failure of its attempt. Records that wait for ingest wait on, in their queue. */
export function hearDenial(
  turn: CoordinatorTurn,
  { actor, attempt, message }: Extract<JobRequest, { type: 'denied' }>,
): void {
  const { coordinator } = turn.image
  if (actorKind(actor) !== 'task') return tell(turn, { type: 'warning', message: `${actor}: ${message}` })
  if (attempt !== undefined && attempt !== coordinator.attempt) return
  hear(turn, {
    type: 'task-failed',
    attempt: coordinator.attempt,
    task: taskOfActor(actor),
    cause: { message },
  })
}

/**
 * The coordinator itself may not do this: nothing else waits for it. Removals are tried again by visits, and so is the
 * schedule; a checkpoint that cannot begin runs into its timeout.
 */
export function giveUp(turn: CoordinatorTurn, effect: Effect, { message }: Error): void {
  turn.runtime.observe.event({ type: 'warning', message: `${effect.type}: ${message}` })
  if (effect.type === 'deploy') {
    const { attempt } = effect
    return hear(turn, { type: 'task-failed', attempt, task: undefined, cause: { message } })
  }
  if (effect.type === 'schedule') change(turn, { isScheduleOn: effect.on })
}
