import type { ActorId } from '../model/ids.ts'
import type { WakeUps } from '../ports/wake-ups.ts'
import { AWS_LIMITS } from './limits.ts'
import type { Retrying } from './retry.ts'
import type { SqsRequests } from './services.ts'
import { requestTo } from './sqs-mailbox.ts'

/** Who is to be woken, and when, in epoch milliseconds: what a message of the queue says. */
export interface WakeUp {
  readonly actor: ActorId
  readonly atMs: number
}

export interface SqsWakeUpsOptions {
  /** Of a standard queue. Asked when it is used; may throw. */
  readonly url: () => string
  /** Epoch milliseconds. */
  readonly now: () => number
}

/**
 * Wake-ups as delayed messages of a standard queue. A delay ends after 15 minutes at most: whoever receives the message
 * asks {@link whatNow}, and sends it on its way again if it came early.
 */
export class SqsWakeUps implements WakeUps {
  readonly #sqs: SqsRequests
  readonly #retrying: Retrying
  readonly #options: SqsWakeUpsOptions

  constructor(sqs: SqsRequests, retrying: Retrying, options: SqsWakeUpsOptions) {
    this.#sqs = sqs
    this.#retrying = retrying
    this.#options = options
  }

  async wakeAt(actor: ActorId, atMs: number): Promise<void> {
    const url = this.#options.url()
    await this.#retrying.run(requestTo('SendMessage', url), () =>
      this.#sqs.sendMessage({
        QueueUrl: url,
        MessageBody: encodeWakeUp({ actor, atMs }),
        DelaySeconds: delaySec(atMs, this.#options.now()),
      }),
    )
  }
}

/** Whole seconds, never less than it takes: so a message of up to 15 minutes comes when it is due. */
export function delaySec(atMs: number, nowMs: number): number {
  return Math.min(AWS_LIMITS.sqsDelaySec, Math.max(0, Math.ceil((atMs - nowMs) / 1000)))
}

/** In ASCII: not every character of an actor's name may be in a message. */
export function encodeWakeUp({ actor, atMs }: WakeUp): string {
  return JSON.stringify({ actor, atMs }).replaceAll(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** What is to be done about a message of the wake-up queue. */
export type WakeUpDecision =
  /** It is due: a nudge goes into the actor's mailbox. */
  | { readonly type: 'relay'; readonly wakeUp: WakeUp }
  /** It came early, since its delay was cut or clocks differ: once more into the queue, by `wakeAt`. */
  | { readonly type: 'hop'; readonly wakeUp: WakeUp }
  /** It is no wake-up, and never will be. */
  | { readonly type: 'unknown'; readonly reason: string }

export function whatNow(text: string, nowMs: number): WakeUpDecision {
  const wakeUp = decodeWakeUp(text)
  if (wakeUp === undefined) {
    return { type: 'unknown', reason: `Expected a wake-up, got ${JSON.stringify(text.slice(0, 100))}` }
  }
  return { type: wakeUp.atMs <= nowMs ? 'relay' : 'hop', wakeUp }
}

function decodeWakeUp(text: string): WakeUp | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  const { actor, atMs } = (value ?? {}) as { actor?: unknown; atMs?: unknown }
  return typeof actor === 'string' && typeof atMs === 'number' ? { actor: actor as ActorId, atMs } : undefined
}
