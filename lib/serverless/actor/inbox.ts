import { COORDINATOR } from '../../model/actors.ts'
import type { ActorId } from '../../model/ids.ts'
import type { Input } from './behaviour.ts'
import type { ChannelMessage, Envelope } from './envelope.ts'
import type { ChannelCount } from './history.ts'
import type { Consumed } from './log-entry.ts'

/** A message of an invocation, for one actor. */
export interface Delivery {
  readonly messageId: string
  readonly envelope: Envelope
  /** What it was read from. Default: the envelope, encoded. */
  readonly body?: Uint8Array
}

/** What becomes of a delivery, given what the actor knows. */
export type Admission =
  | { readonly type: 'input'; readonly message: ChannelMessage | undefined }
  /** Nothing to do about it: it was taken before, or is of an attempt that is over. */
  | { readonly type: 'drop' }
  /** Something before it is missing: it is dropped, and the channel sent again from what is missing. */
  | { readonly type: 'gap'; readonly from: ActorId; readonly attempt: number; readonly next: number }
  /** Of an attempt that this actor has not heard of: it and all after it come again. */
  | { readonly type: 'too-early' }
  /** What it lacks is nowhere any more. */
  | { readonly type: 'lost'; readonly from: ActorId; readonly attempt: number; readonly next: number }
  | { readonly type: 'resend'; readonly to: ActorId; readonly attempt: number; readonly next: number }

/** What admission goes by. */
export interface AdmissionRules {
  /** The attempt of the actor; undefined where it takes messages of any attempt, each sender's newest counting. */
  readonly attempt: number | undefined
  /** Nothing more counts in this attempt, but for what the coordinator orders. */
  readonly isOver: boolean
  /** The attempt was ended: nothing at all counts. */
  readonly isFenced: boolean
}

/**
 * Puts deliveries in their place on their channels. It takes exactly the next number of each channel and nothing else
 * (invariant 3, channels); what it counts is forgotten with it, unless the turn is committed.
 */
export class Inbox {
  readonly #rules: AdmissionRules
  readonly #received: ReadonlyMap<ActorId, ChannelCount>
  readonly #expected = new Map<ActorId, ChannelCount>()

  constructor(rules: AdmissionRules, received: ReadonlyMap<ActorId, ChannelCount>) {
    this.#rules = rules
    this.#received = received
  }

  admit(envelope: Envelope): Admission {
    switch (envelope.kind) {
      case 'message':
        return this.#admitMessage(envelope)
      case 'resend':
        return { type: 'resend', to: envelope.from, attempt: envelope.attempt, next: envelope.next }
      case 'gone':
        return this.#admitGone(envelope)
      case 'nudge':
      case 'request':
        return { type: 'input', message: undefined }
    }
  }

  /** What was admitted last on its channel is not to be had: it counts as not taken, so that what follows is behind a gap. */
  giveUp({ from, attempt, sequence }: ChannelMessage): void {
    this.#expected.set(from, { attempt, next: sequence })
  }

  /** It may have been asked for twice, and have come since. */
  #admitGone({ from, attempt, next }: Extract<Envelope, { kind: 'gone' }>): Admission {
    const isLacking = this.#otherThanNext(from, attempt, next) === undefined
    return isLacking ? { type: 'lost', from, attempt, next } : { type: 'drop' }
  }

  #admitMessage(message: ChannelMessage): Admission {
    const { from, attempt, sequence } = message
    const other = this.#otherThanNext(from, attempt, sequence)
    if (other !== undefined) return other
    this.#expected.set(from, { attempt, next: sequence + 1 })
    return { type: 'input', message }
  }

  /** Undefined: the channel waits for just this number. */
  #otherThanNext(from: ActorId, attempt: number, sequence: number): Admission | undefined {
    const { attempt: own, isOver, isFenced } = this.#rules
    if (own !== undefined) {
      if (attempt > own) return { type: 'too-early' }
      if (attempt < own || isFenced) return { type: 'drop' }
      if (isOver && from !== COORDINATOR) return { type: 'drop' }
    }
    const known = this.#expected.get(from) ?? this.#received.get(from)
    if (known !== undefined && attempt < known.attempt) return { type: 'drop' }
    const next = known?.attempt === attempt ? known.next : 0
    if (sequence < next) return { type: 'drop' }
    return sequence > next ? { type: 'gap', from, attempt, next } : undefined
  }
}

/** How far the channels are consumed by these messages, which come in order. */
export function consumedBy(messages: readonly (ChannelMessage | undefined)[]): Consumed[] {
  const last = new Map<ActorId, Consumed>()
  for (const message of messages) {
    if (message === undefined) continue
    const { from, attempt, sequence } = message
    last.set(from, { from, attempt, next: sequence + 1 })
  }
  return [...last.values()]
}

/** What the behaviour sees of a delivery. */
export function inputOf({ messageId, envelope }: Delivery, payload: unknown): Input {
  switch (envelope.kind) {
    case 'message':
      return { type: 'message', from: envelope.from, attempt: envelope.attempt, payload }
    case 'request':
      return { type: 'request', payload: envelope.payload, messageId }
    case 'nudge':
    case 'resend':
    case 'gone':
      return { type: 'nudge' }
  }
}
