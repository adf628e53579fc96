import { actorKind, type ActorKind } from '../model/actors.ts'
import { messageOf } from '../model/faults.ts'
import type { ActorId } from '../model/ids.ts'
import { ActorProcess } from './actor/actor-process.ts'
import type { Behaviour } from './actor/behaviour.ts'
import { decodeEnvelope, PoisonMessage, type Envelope } from './actor/envelope.ts'
import type { Delivery } from './actor/inbox.ts'
import { refuse } from './actor/refuse.ts'
import { reportFault } from './coordinator/actor-faults.ts'
import { coordinatorBehaviour } from './coordinator/coordinator-behaviour.ts'
import { ingestBehaviour } from './ingest/ingest-behaviour.ts'
import type { BatchOutcome, IncomingMessage, Invocation, JobRuntime, MessageHandler } from './runtime.ts'
import { taskBehaviour } from './task/task-behaviour.ts'

/** The handlers of one job in one process: what the functions behind its queues call. */
export interface JobHandlers {
  readonly operator: MessageHandler
  readonly coordinator: MessageHandler
  readonly ingest: MessageHandler
}

export function createHandlers(runtime: JobRuntime): JobHandlers {
  return {
    operator: actorHandler(runtime, 'task', (actor) => taskBehaviour(runtime, actor)),
    coordinator: actorHandler(runtime, 'coordinator', () => coordinatorBehaviour(runtime)),
    ingest: actorHandler(runtime, 'ingest', (actor) => ingestBehaviour(runtime, actor)),
  }
}

/**
 * Deals a batch, which may mix actors, to them. Each is handled by itself: one that fails keeps none of the others. What
 * was read of an actor's log is kept for the next invocation of this process.
 */
function actorHandler<State, Delta>(
  runtime: JobRuntime,
  kind: ActorKind,
  behaviourOf: (actor: ActorId) => Behaviour<State, Delta>,
): MessageHandler {
  const processes = new Map<ActorId, ActorProcess<State, Delta>>()
  const processOf = (actor: ActorId): ActorProcess<State, Delta> => {
    let process = processes.get(actor)
    if (process === undefined) {
      process = new ActorProcess(actor, behaviourOf(actor), runtime, (fault) => reportFault(runtime, fault))
      processes.set(actor, process)
    }
    return process
  }
  return async (messages, invocation) => {
    const { byActor, failed } = await sorted(runtime, kind, messages)
    const outcomes = await Promise.all(
      [...byActor].map(([actor, deliveries]) => handled(runtime, processOf, actor, deliveries, invocation)),
    )
    return { failed: [...failed, ...outcomes.flatMap((outcome) => outcome.failed)] }
  }
}

async function handled<State, Delta>(
  runtime: JobRuntime,
  processOf: (actor: ActorId) => ActorProcess<State, Delta>,
  actor: ActorId,
  deliveries: readonly Delivery[],
  invocation: Invocation,
): Promise<BatchOutcome> {
  try {
    return { failed: await processOf(actor).handle(deliveries, invocation) }
  } catch (cause) {
    runtime.observe.event({ type: 'warning', message: `${actor}: ${messageOf(cause)}` })
    return { failed: deliveries.map(({ messageId }) => messageId) }
  }
}

/** By actor, in the order of the batch. Messages that can never be handled are refused here, and block nothing. */
async function sorted(
  runtime: JobRuntime,
  kind: ActorKind,
  messages: readonly IncomingMessage[],
): Promise<{ byActor: Map<ActorId, Delivery[]>; failed: string[] }> {
  const byActor = new Map<ActorId, Delivery[]>()
  const failed: string[] = []
  for (const message of messages) {
    const envelope = readable(message, kind)
    if (typeof envelope !== 'string') {
      const delivery = { ...message, envelope }
      const own = byActor.get(envelope.to)
      if (own === undefined) byActor.set(envelope.to, [delivery])
      else own.push(delivery)
      continue
    }
    try {
      await refuse(runtime, message, envelope)
    } catch {
      failed.push(message.messageId)
    }
  }
  return { byActor, failed }
}

/** The envelope, or why there is none. */
function readable(message: IncomingMessage, kind: ActorKind): Envelope | string {
  try {
    const envelope = decodeEnvelope(message.body)
    const found = actorKind(envelope.to)
    return found === kind ? envelope : `Expected a message to a ${kind} actor, got one to ${envelope.to}`
  } catch (cause) {
    if (cause instanceof PoisonMessage) return cause.message
    throw cause
  }
}
