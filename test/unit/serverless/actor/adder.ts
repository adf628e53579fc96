import type { ActorId } from '../../../../lib/model/ids.ts'
import { ActorProcess, type OnFault } from '../../../../lib/serverless/actor/actor-process.ts'
import type { Behaviour, Input, StepOutcome } from '../../../../lib/serverless/actor/behaviour.ts'
import { decodeEnvelope, encodeRequest } from '../../../../lib/serverless/actor/envelope.ts'
import type { Delivery } from '../../../../lib/serverless/actor/inbox.ts'
import { appendGenesis } from '../../../../lib/serverless/actor/log-entry.ts'
import type { JobHappening } from '../../../../lib/serverless/observe.ts'
import type { JobRuntime } from '../../../../lib/serverless/runtime.ts'
import { ManualClock } from '../../../../lib/testing/manual-clock.ts'
import { SeededRandom } from '../../../../lib/testing/seeded-random.ts'
import type { Faults } from '../../../world/faults.ts'
import { MemoryWorld } from '../../../world/memory-world.ts'

export const A = 'task:a#0' as ActorId
export const B = 'task:b#0' as ActorId

/** What an adder is asked, and what it passes on. */
export interface Addend {
  readonly add: number
  /** Makes the turn large. */
  readonly ballast?: string
  readonly wakeAtMs?: number
}

export interface AdderState {
  readonly sum: number
  readonly ballast: string
}

/** Adds what it is asked to add, and passes it on to `next`. Requests are remembered by nobody: a repeat counts. */
export function adder(
  next: ActorId | undefined,
  foldable = (position: number): number => position - 20,
): Behaviour<AdderState, Addend> {
  return {
    initial: { sum: 0, ballast: '' },
    headEveryTurns: 4,
    begin: (base) => base,
    apply: ({ sum }, { add, ballast = '' }) => ({ sum: sum + add, ballast }),
    foldable: (_state, { position }) => foldable(position),
    isOver: ({ sum }) => sum < 0,
    encode: (state) => state,
    decode: (encoded) => encoded as AdderState,
    step: (_view, inputs) => Promise.resolve(stepOf(inputs, next)),
  }
}

function stepOf(inputs: readonly Input[], next: ActorId | undefined): StepOutcome<Addend> {
  const [first] = inputs
  if (first === undefined || first.type === 'nudge')
    return {
      taken: inputs.length && 1,
      delta: undefined,
      outgoing: [],
      nudges: [],
      wakeAtMs: undefined,
      more: false,
    }
  const delta = first.payload as Addend
  return {
    taken: 1,
    delta,
    outgoing: next === undefined ? [] : [{ to: next, payload: delta }],
    nudges: [],
    wakeAtMs: delta.wakeAtMs,
    more: false,
  }
}

/** Two adders, one passing on to the other, in a world in memory. */
export class Adders {
  readonly clock = new ManualClock(1_000_000)
  readonly world: MemoryWorld = new MemoryWorld({ clock: this.clock })
  readonly happenings: JobHappening[] = []
  #requests = 0

  /** A process that sees the world through these faults. */
  runtime(faults?: Faults): JobRuntime {
    return {
      now: () => this.clock.now(),
      random: new SeededRandom(++this.#requests),
      observe: { event: (event: JobHappening) => this.happenings.push(event), metric: () => {} },
      ...this.world.ports(faults && { faults }),
    } as unknown as JobRuntime
  }

  process(
    actor: ActorId,
    behaviour: Behaviour<AdderState, Addend> = adder(actor === A ? B : undefined),
    faults?: Faults,
    onFault?: OnFault,
  ): ActorProcess<AdderState, Addend> {
    return new ActorProcess(actor, behaviour, this.runtime(faults), onFault)
  }

  async begin(actor: ActorId, attempt: number, base?: { attempt: number; position: number }): Promise<void> {
    const { log, blobs } = this.world.ports()
    const genesis = { attempt, base, content: { attempt } }
    await appendGenesis(log, actor, (base?.position ?? 0) + 1, genesis, this.clock.now(), blobs)
  }

  /** A delivery of a request to add. */
  ask(actor: ActorId, addend: Addend): Delivery {
    const envelope = decodeEnvelope(encodeRequest(actor, addend))
    return { messageId: `request-${++this.#requests}`, envelope }
  }

  nudge(actor: ActorId): Delivery {
    return {
      messageId: `nudge-${++this.#requests}`,
      envelope: { kind: 'nudge', to: actor, wakeUpAtMs: undefined },
    }
  }

  /** Receives what waits for `actor` (in the order of the queue), and hides it for a while. */
  received(): { readonly delivery: Delivery; readonly receiptHandle: string }[] {
    return this.world.mailbox
      .queue('task')
      .receive()
      .map(({ messageId, body, receiptHandle }) => ({
        delivery: { messageId, envelope: decodeEnvelope(body) },
        receiptHandle,
      }))
  }

  /** Lets processes work on all that waits, and deletes what is done, until nothing waits. */
  async drain(processes: ReadonlyMap<ActorId, ActorProcess<AdderState, Addend>>): Promise<void> {
    for (let all = this.received(); all.length > 0; all = this.received()) {
      for (const [actor, process] of processes) {
        const own = all.filter(({ delivery }) => delivery.envelope.to === actor)
        const failed = await process.handle(
          own.map(({ delivery }) => delivery),
          forever,
        )
        const done = own.filter(({ delivery }) => !failed.includes(delivery.messageId))
        this.world.mailbox.queue('task').delete(done.map((one) => one.receiptHandle))
      }
    }
  }
}

export const forever = { remainingMs: (): number => 60_000 }
