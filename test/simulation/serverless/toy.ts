import { taskActor } from '../../../lib/model/actors.ts'
import { taskId, type ActorId } from '../../../lib/model/ids.ts'
import { ActorProcess } from '../../../lib/serverless/actor/actor-process.ts'
import type { Behaviour, Outgoing } from '../../../lib/serverless/actor/behaviour.ts'
import { decodeEnvelope } from '../../../lib/serverless/actor/envelope.ts'
import type { Delivery } from '../../../lib/serverless/actor/inbox.ts'
import type { JobRuntime, MessageHandler } from '../../../lib/serverless/runtime.ts'
import { groupBy } from '../reference.ts'

/** What a toy actor has seen: from a source that counts, through some in the middle, to one that keeps all. */
export interface ToyState {
  readonly counted: number
  readonly values: readonly number[]
}

interface ToyDelta {
  readonly counted: number
  readonly values: readonly number[]
}

export const SOURCE: ActorId = taskActor(taskId('source', 0))
export const COLLECTOR: ActorId = taskActor(taskId('collector', 0))
export const MIDDLES = 3
const middle = (index: number): ActorId => taskActor(taskId('middle', index))

/** More turns than messages of theirs are ever under way. */
const RESEND_TURNS = 60

/** The least that runs on the kernel: numbers that must come through once and in order. No coordinator, no attempts. */
export function toyBehaviour(actor: ActorId, upTo: number): Behaviour<ToyState, ToyDelta> {
  return {
    initial: { counted: 0, values: [] },
    begin: (base) => base,
    apply: (state, delta) => ({ counted: delta.counted, values: [...state.values, ...delta.values] }),
    // What was sent lately may have to be sent again.
    foldable: (_state, { position }) => position - RESEND_TURNS,
    encode: (state) => state,
    decode: (encoded) => encoded as ToyState,
    isOver: () => false,
    headEveryTurns: 7,
    step: ({ state }, inputs, { nowMs }) => {
      const values = inputs.flatMap((input) => (input.type === 'message' ? [input.payload as number] : []))
      const outgoing: Outgoing[] = values.map((value) => ({ to: COLLECTOR, payload: value }))
      if (actor === SOURCE) {
        const counted = Math.min(upTo, state.counted + 5)
        for (let n = state.counted; n < counted; n++) outgoing.push({ to: middle(n % MIDDLES), payload: n })
        return Promise.resolve({
          taken: inputs.length,
          delta: counted === state.counted ? undefined : { counted, values },
          outgoing,
          nudges: [],
          wakeAtMs: counted < upTo && counted % 3 === 0 ? nowMs + 50 : undefined,
          more: counted < upTo && counted % 3 !== 0,
        })
      }
      return Promise.resolve({
        taken: inputs.length,
        delta: values.length === 0 ? undefined : { counted: state.counted + values.length, values },
        outgoing: actor === COLLECTOR ? [] : outgoing,
        nudges: [],
        wakeAtMs: undefined,
        more: false,
      })
    },
  }
}

export function toyHandler(runtime: JobRuntime, upTo: number): MessageHandler {
  const processes = new Map<ActorId, ActorProcess<ToyState, ToyDelta>>()
  return async (messages, invocation) => {
    const byActor = groupBy(
      messages.map(({ messageId, body }): Delivery => ({ messageId, envelope: decodeEnvelope(body) })),
      ({ envelope }) => envelope.to,
    )
    const failed = await Promise.all(
      [...byActor].map(([actor, deliveries]) => {
        const process = processes.get(actor) ?? new ActorProcess(actor, toyBehaviour(actor, upTo), runtime)
        processes.set(actor, process)
        return process.handle(deliveries, invocation)
      }),
    )
    return { failed: failed.flat() }
  }
}
