import { actorKind, COORDINATOR, taskOfActor } from '../../model/actors.ts'
import { messageOf } from '../../model/faults.ts'
import { denialIn } from '../../ports/platform-fault.ts'
import type { ActorFault } from '../actor/actor-process.ts'
import { OtherCode } from '../actor/behaviour.ts'
import { encodeRequest } from '../actor/envelope.ts'
import type { JobRequest } from '../protocol.ts'
import type { JobRuntime } from '../runtime.ts'
import { hear } from './hear.ts'
import type { Effect } from './image.ts'
import { leaveInFlight } from './in-flight-copies.ts'
import { change, warn, type CoordinatorTurn } from './turn.ts'

/**
 * Tells the coordinator of what will not pass by itself. The coordinator has nobody to tell of its own: what it logs, and the
 * age of what waits for it, are all there is. False: it is to be told, and could not be.
 */
export async function reportFault(runtime: JobRuntime, fault: ActorFault): Promise<boolean> {
  const { mailbox, observe, random } = runtime
  const { actor, messageId } = fault
  const request = actorKind(actor) === 'coordinator' ? undefined : requestOf(fault)
  if (request === undefined) return true
  // As often as the message comes: the coordinator's own code may still be the old one when it first hears of it.
  const deduplicationId = `fault-${messageId}-${random.next()}`
  const message = { to: COORDINATOR, deduplicationId, body: encodeRequest(COORDINATOR, request) }
  let problem = 'it could not be sent'
  try {
    const [outcome] = await mailbox.send([message])
    if (outcome === 'sent') return true
  } catch (cause) {
    problem = messageOf(cause)
  }
  observe.event({ type: 'warning', message: `${actor}: the job is not told of it: ${problem}` })
  return false
}

function requestOf({ actor, attempt, messageId, cause }: ActorFault): JobRequest | undefined {
  const denial = denialIn(cause)
  if (denial !== undefined) {
    // An attempt fails once, however many of its messages tell of it.
    const isOfAttempt = attempt !== undefined && actorKind(actor) === 'task'
    const requestId = `denied-${isOfAttempt ? `${actor}/${attempt}` : messageId}`
    return { type: 'denied', requestId, actor, attempt, message: denial.message }
  }
  if (!(cause instanceof OtherCode)) return undefined
  if (actorKind(actor) === 'ingest')
    return { type: 'denied', requestId: `denied-${messageId}`, actor, attempt, message: cause.message }
  // Whose code is the old one, the coordinator knows: it compares its own with the run's at each tick.
  return { type: 'tick' }
}

/** A task that cannot go on is a failure of its attempt. Records that wait for ingest wait on, in their queue. */
export function hearDenial(
  turn: CoordinatorTurn,
  { actor, attempt, message }: Extract<JobRequest, { type: 'denied' }>,
): void {
  const { coordinator } = turn.image
  if (actorKind(actor) !== 'task') return warn(turn, `${actor}: ${message}`)
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
  if (effect.type === 'copy-in-flight') return leaveInFlight(turn, effect.checkpointId, message)
  const warning = `${effect.type}: ${message}`
  // What cannot be shown is not to be shown by the same way again.
  if (effect.type === 'publish') turn.runtime.observe.event({ type: 'warning', message: warning })
  else warn(turn, warning)
  if (effect.type === 'deploy') {
    const { attempt } = effect
    return hear(turn, { type: 'task-failed', attempt, task: undefined, cause: { message } })
  }
  if (effect.type === 'schedule') change(turn, { isScheduleOn: effect.on })
}
