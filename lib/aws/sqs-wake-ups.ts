import type { ActorId } from '../model/ids.ts'
import type { WakeUps } from '../ports/wake-ups.ts'
import { encodeWakeUp } from '../serverless/relay/wake-up.ts'
import { AWS_LIMITS } from './limits.ts'
import type { Retrying } from './retry.ts'
import type { SqsRequests } from './services.ts'
import { requestTo } from './sqs-mailbox.ts'

export interface SqsWakeUpsOptions {
  /** Of a standard queue. Asked when it is used; may throw. */
  readonly url: () => string
  /** Epoch milliseconds. */
  readonly now: () => number
}

/**
 * Wake-ups as delayed messages of a standard queue. A delay ends after 15 minutes at most: whoever receives the message
 * sends it on its way again if it came early (lib/serverless/relay).
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
