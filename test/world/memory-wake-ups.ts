import type { Clock } from '../../lib/ports/clock.ts'
import type { SafetySchedule, WakeUps } from '../../lib/ports/wake-ups.ts'
import { encodeWakeUp, type WakeUp } from '../../lib/serverless/relay/wake-up.ts'
import { base64Bytes, CallLedger, sqsRequests } from './call-ledger.ts'
import { callerOf } from './caller.ts'
import type { Caller } from './caller.ts'
import { perform } from './faults.ts'
import type { Operation } from './faults.ts'
import { DELAY_SECONDS_MAX, DelayQueue } from './memory-delay-queue.ts'

export interface MemoryWakeUpsOptions {
  readonly clock: Clock
  readonly visibilityMs?: number
  /** What a message of the delay queue is. Default: the text of a {@link WakeUp}. */
  readonly encode?: (wakeUp: WakeUp) => Uint8Array
  /** Counts the requests of whoever receives. */
  readonly pollerLedger?: CallLedger
}

/**
 * Wake-ups over a queue with delays. A message comes after 900 s at the latest: whoever receives it before its time sends
 * it on its way again, with `wakeAt`.
 */
export class MemoryWakeUps {
  readonly queue: DelayQueue
  readonly #options: MemoryWakeUpsOptions
  #enabled = false

  constructor(options: MemoryWakeUpsOptions) {
    const { clock, visibilityMs, pollerLedger } = options
    this.#options = options
    this.queue = new DelayQueue({
      clock,
      ledger: pollerLedger ?? new CallLedger(),
      ...(visibilityMs !== undefined && { visibilityMs }),
    })
  }

  /** The port, as one process sees it. `now` is that process's clock, which may be wrong. Default: the queue's. */
  client(given: Partial<Caller> & { readonly now?: () => number } = {}): WakeUps {
    const caller = callerOf(given)
    const { clock, encode = textOf } = this.#options
    return {
      wakeAt: (actor, atMs) => {
        const operation: Operation = { port: 'wake-ups', name: 'wake-at', actor }
        const nowMs = given.now?.() ?? clock.now()
        const delaySeconds = Math.min(DELAY_SECONDS_MAX, Math.max(0, Math.ceil((atMs - nowMs) / 1000)))
        return perform(caller.faults, operation, () => {
          const body = encode({ actor, atMs })
          caller.ledger.count(operation, { standardRequests: sqsRequests(base64Bytes(body.length)) })
          this.queue.send(body, delaySeconds)
        })
      },
    }
  }

  /** The port, as one process sees it. */
  schedule(given: Partial<Caller> = {}): SafetySchedule {
    const caller = callerOf(given)
    const turn = (name: 'enable' | 'disable'): Promise<void> => {
      const operation: Operation = { port: 'schedule', name }
      return perform(caller.faults, operation, () => {
        caller.ledger.count(operation, {})
        this.#enabled = name === 'enable'
      })
    }
    return { enable: () => turn('enable'), disable: () => turn('disable') }
  }

  /** Whether the tick, once a minute, is on. */
  get scheduleEnabled(): boolean {
    return this.#enabled
  }
}

function textOf(wakeUp: WakeUp): Uint8Array {
  return new TextEncoder().encode(encodeWakeUp(wakeUp))
}
