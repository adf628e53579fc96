import { actorKind } from '../../model/actors.ts'
import { messageOf } from '../../model/faults.ts'
import type { ActorId } from '../../model/ids.ts'
import type { JobRuntime } from '../runtime.ts'
import { ObjectGone, type Behaviour, type Input } from './behaviour.ts'
import { encodeEnvelope, PoisonMessage, type ChannelMessage, type PackedPayload } from './envelope.ts'
import type { History } from './history.ts'
import { Inbox, inputOf, type Delivery } from './inbox.ts'
import { LOG_LIMITS } from './limits.ts'
import { payloadBytes } from './log-entry.ts'
import { unpack } from './packing.ts'
import { refuse } from './refuse.ts'
import type { Sender } from './sender.ts'

/** A delivery that may be taken, and what a step is given of it. */
export interface Admitted {
  readonly delivery: Delivery
  readonly message: ChannelMessage | undefined
  readonly input: Input
}

/** Numbers of a channel that its receiver asked for. */
interface Asked {
  readonly attempt: number
  readonly first: number
  readonly last: number
}

/** A channel that can never be gone on with in its attempt, and the delivery that told of it. */
export interface LostChannel {
  readonly from: ActorId
  readonly attempt: number
  readonly messageId: string
}

/** Resolves once it is sent to whoever ends the attempt. */
export type OnLost = (lost: LostChannel, cause: Error) => Promise<void>

/**
 * What of the mailbox a step is given: messages of channels in order and once, with what they carry. Where one is missing its
 * sender is asked for it, who asks is sent what it lacks, and what cannot be read or is of no known shape is refused.
 */
export class Admission<State, Delta> {
  readonly #actor: ActorId
  readonly #behaviour: Behaviour<State, Delta>
  readonly #runtime: JobRuntime
  readonly #sender: Sender
  readonly #onLost: OnLost
  readonly #askedAtMs = new Map<string, number>()
  readonly #gone: ReadonlySet<string>

  /**
   * `onLost` is told of messages that can never be taken. Objects are `gone` that were not there before the log was read last.
   */
  constructor(
    actor: ActorId,
    behaviour: Behaviour<State, Delta>,
    runtime: JobRuntime,
    sender: Sender,
    onLost: OnLost,
    gone: ReadonlySet<string>,
  ) {
    this.#actor = actor
    this.#behaviour = behaviour
    this.#runtime = runtime
    this.#sender = sender
    this.#onLost = onLost
    this.#gone = gone
  }

  /**
   * In order, up to the first that comes before its attempt has begun.
   * @throws ObjectGone the first time that what a message carries is not there.
   */
  async admit(
    deliveries: readonly Delivery[],
    history: History<State, Delta>,
  ): Promise<{ readonly admitted: readonly Admitted[]; readonly tooEarly: readonly Delivery[] }> {
    const { place, state, received } = history.current
    const hasAttempts = actorKind(this.#actor) === 'task'
    const inbox = new Inbox(
      {
        attempt: hasAttempts ? place.attempt : undefined,
        isOver: this.#behaviour.isOver(state),
        isFenced: history.isFenced,
      },
      received,
    )
    const admitted: Admitted[] = []
    const asked = new Map<ActorId, Asked>()
    for (const [index, delivery] of deliveries.entries()) {
      const admission = inbox.admit(delivery.envelope)
      if (admission.type === 'too-early') {
        await this.#resendAll(asked, history)
        return { admitted, tooEarly: deliveries.slice(index) }
      }
      if (admission.type === 'gap') await this.#askAgain(admission.from, admission.attempt, admission.next)
      if (admission.type === 'resend') {
        const { to, attempt, next } = admission
        const before = asked.get(to)
        const all = before?.attempt === attempt ? [before.first, before.last, next] : [next]
        // One of an attempt that is over may come late.
        if (before === undefined || before.attempt <= attempt)
          asked.set(to, { attempt, first: Math.min(...all), last: Math.max(...all) })
      }
      if (admission.type === 'lost') {
        const { from, attempt, next } = admission
        const cause = new Error(
          `${this.#actor} lacks message ${next} of ${from} in attempt ${attempt}, which is kept no more`,
        )
        await this.#onLost({ ...admission, messageId: delivery.messageId }, cause)
      }
      if (admission.type !== 'input') continue
      const { message } = admission
      try {
        const payload = message === undefined ? undefined : await this.#payloadOf(message.payload)
        const input = inputOf(delivery, payload)
        const problem = this.#behaviour.problemOf?.(input)
        if (problem !== undefined) await this.#refuse(delivery, problem)
        admitted.push({ delivery, message, input: problem === undefined ? input : { type: 'nudge' } })
      } catch (cause) {
        if (message === undefined) throw cause
        if (cause instanceof PoisonMessage) {
          await this.#refuse(delivery, cause.message)
          inbox.giveUp(message)
          // What its sender has of it can be read.
          await this.#askAgain(message.from, message.attempt, message.sequence)
          continue
        }
        if (!(cause instanceof ObjectGone)) throw cause
        // Most likely it was taken since, and removed then: a newer view tells.
        if (!this.#gone.has(cause.location)) throw cause
        // Either it is of an attempt that is over, which its sender has heard and this actor has not; or it is lost for good.
        const { from, attempt } = message
        await this.#onLost({ from, attempt, messageId: delivery.messageId }, cause)
        inbox.giveUp(message)
      }
    }
    await this.#resendAll(asked, history)
    return { admitted, tooEarly: [] }
  }

  /** Once in a while: while the repeat is under way, everything behind the gap tells of it again. */
  async #askAgain(sender: ActorId, attempt: number, next: number): Promise<void> {
    const what = `${sender}/${attempt}/${next}`
    const nowMs = this.#runtime.now()
    const askedAtMs = this.#askedAtMs.get(what)
    if (askedAtMs !== undefined && nowMs - askedAtMs < LOG_LIMITS.resendPauseMs) return
    await this.#sender.askAgain(sender, attempt, next)
    for (const [other, atMs] of this.#askedAtMs) {
      if (nowMs - atMs >= LOG_LIMITS.resendPauseMs) this.#askedAtMs.delete(other)
    }
    this.#askedAtMs.set(what, nowMs)
  }

  async #resendAll(asked: ReadonlyMap<ActorId, Asked>, history: History<State, Delta>): Promise<void> {
    for (const [to, { attempt, first, last }] of asked) {
      // The first may have been answered meanwhile, and what it asks for be folded.
      for (const next of new Set([first, last])) {
        const messages = history.sentFrom(to, attempt, next)
        if (messages !== undefined) {
          await this.#sender.sendAgain(messages)
          break
        }
        const message = `${this.#actor} was asked by ${to} for what is folded already: ${attempt}/${next}`
        this.#runtime.observe.event({ type: 'warning', message })
        await this.#sender.tellGone(to, attempt, next)
      }
    }
  }

  /** @throws PoisonMessage if the message holds what cannot be read. */
  async #payloadOf(payload: PackedPayload): Promise<unknown> {
    const bytes = await payloadBytes(this.#runtime.blobs, payload)
    try {
      return unpack(bytes)
    } catch (cause) {
      if ('blob' in payload) throw cause
      throw new PoisonMessage(
        `Expected a message of a channel, got one that holds none: ${messageOf(cause)}`,
        {
          cause,
        },
      )
    }
  }

  #refuse({ messageId, envelope, body = encodeEnvelope(envelope) }: Delivery, reason: string): Promise<void> {
    return refuse(this.#runtime, { messageId, body }, reason)
  }
}
