import type { ActorId } from '../../model/ids.ts'
import type { Mailbox, OutgoingMessage } from '../../ports/mailbox.ts'
import type { Random } from '../../ports/random.ts'
import { encodeEnvelope, encodeNudge } from './envelope.ts'
import { LOG_LIMITS } from './limits.ts'
import type { OutboxMessage } from './log-entry.ts'
import { actorFolder } from './log-entry.ts'

/** Not everything could be sent: the messages that led to it have to come again. */
class NotSent extends Error {
  override readonly name: string = 'NotSent'
}

/** Sends what turns committed. Nothing here is remembered: what counts is in the log. */
export class Sender {
  readonly #mailbox: Mailbox
  readonly #random: Random
  readonly #actor: ActorId
  readonly #prefix: string

  constructor(actor: ActorId, mailbox: Mailbox, random: Random) {
    this.#actor = actor
    this.#mailbox = mailbox
    this.#random = random
    this.#prefix = actorFolder(actor)
  }

  /**
   * Sends an outbox for the first time, or again where that is not known: under ids of its own, so that a repeat within
   * minutes is swallowed.
   */
  sendFirst(outbox: readonly OutboxMessage[]): Promise<void> {
    return this.#sendAll(outbox, (one) => this.#idOf(one, 'first'))
  }

  /**
   * Sends again what its receiver may have dropped: a fresh id each time, or the queue would swallow the repeat of
   * something that was delivered and dropped.
   */
  sendAgain(outbox: readonly OutboxMessage[]): Promise<void> {
    return this.#sendAll(outbox, (one) => this.#idOf(one, this.#fresh()))
  }

  async sendNudges(actors: readonly ActorId[]): Promise<void> {
    const messages = actors.map((to): OutgoingMessage => ({
      to,
      deduplicationId: this.#fresh(),
      body: encodeNudge(to),
    }))
    await this.#deliver(messages)
  }

  /** Asks `sender` to send again from `next` on. */
  async askAgain(sender: ActorId, attempt: number, next: number): Promise<void> {
    const body = encodeEnvelope({ kind: 'resend', to: sender, from: this.#actor, attempt, next })
    await this.#deliver([{ to: sender, deduplicationId: this.#fresh(), body }])
  }

  /** Tells `receiver` that what it asked for is folded. */
  async tellGone(receiver: ActorId, attempt: number, next: number): Promise<void> {
    const body = encodeEnvelope({ kind: 'gone', to: receiver, from: this.#actor, attempt, next })
    await this.#deliver([{ to: receiver, deduplicationId: this.#fresh(), body }])
  }

  async #sendAll(outbox: readonly OutboxMessage[], idOf: (one: OutboxMessage) => string): Promise<void> {
    const messages = outbox.map((one): OutgoingMessage => ({
      to: one.to,
      deduplicationId: idOf(one),
      body: encodeEnvelope({ kind: 'message', from: this.#actor, ...one }),
    }))
    await this.#deliver(messages)
  }

  /**
   * In the order given for each receiver. After one that failed, the receiver drops those that came behind it: all of
   * them are sent again, under fresh ids.
   */
  async #deliver(messages: readonly OutgoingMessage[]): Promise<void> {
    let left = messages
    for (let round = 0; left.length > 0; round++) {
      if (round === LOG_LIMITS.sendRoundsMax) {
        throw new NotSent(`${this.#actor}: ${left.length} of ${messages.length} messages could not be sent`)
      }
      const outcomes = await this.#mailbox.send(left)
      const broken = new Set<ActorId>()
      left = left.filter(({ to }, index) => {
        if (outcomes[index] === 'failed') broken.add(to)
        return broken.has(to)
      })
      left = left.map((message) => ({ ...message, deduplicationId: this.#fresh() }))
    }
  }

  #idOf({ to, attempt, sequence }: OutboxMessage, suffix: string): string {
    return `${this.#prefix}-${actorFolder(to)}-${attempt}-${sequence}-${suffix}`
  }

  #fresh(): string {
    const part = (): string => Math.floor(this.#random.next() * 2 ** 32).toString(36)
    return `${this.#prefix}-${part()}${part()}${part()}`
  }
}
