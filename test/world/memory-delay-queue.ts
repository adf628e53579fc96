import { assert } from '../../lib/model/faults.ts'
import type { Clock } from '../../lib/ports/clock.ts'
import type { Random } from '../../lib/ports/random.ts'
import type { CallLedger } from './call-ledger.ts'
import { base64Bytes, sqsRequests } from './call-ledger.ts'
import { shuffled } from './chance.ts'
import type { ReceivedMessage } from './fifo-queue.ts'
import { RECEIVE_MAX } from './fifo-queue.ts'

export interface DelayQueueOptions {
  readonly clock: Clock
  /** Default 36 s. */
  readonly visibilityMs?: number
  /** Counts what receivers ask. */
  readonly ledger: CallLedger
}

interface Stored {
  readonly messageId: string
  readonly body: Uint8Array
  receiveCount: number
  /** Not received before then: delayed, or in flight. */
  hiddenUntilMs: number
}

/** SQS delays a message by at most so much. */
export const DELAY_SECONDS_MAX = 900
/** Deleted messages that may yet be delivered again. */
const REMEMBERED_MAX = 32

/** An SQS standard queue: each message may be delayed, comes in any order, and at least once. */
export class DelayQueue {
  readonly #options: DelayQueueOptions
  #messages: Stored[] = []
  #deleted: Stored[] = []
  #sent = 0

  constructor(options: DelayQueueOptions) {
    this.#options = options
  }

  /** @param delaySeconds whole, from 0 to 900. */
  send(body: Uint8Array, delaySeconds: number): void {
    assert(
      Number.isInteger(delaySeconds) && delaySeconds >= 0 && delaySeconds <= DELAY_SECONDS_MAX,
      `a delay is a whole number of seconds up to ${DELAY_SECONDS_MAX}, got ${delaySeconds}`,
    )
    const hiddenUntilMs = this.#options.clock.now() + delaySeconds * 1000
    this.#messages.push({ messageId: `delay-${++this.#sent}`, body, receiveCount: 0, hiddenUntilMs })
  }

  /** What can be received now, and hides it. With `random`, in any order, and there may be fewer than could be. */
  receive(maximum: number = RECEIVE_MAX, random?: Random): ReceivedMessage[] {
    const nowMs = this.#options.clock.now()
    const ready = this.#messages.filter(({ hiddenUntilMs }) => hiddenUntilMs <= nowMs)
    const most = random === undefined ? maximum : 1 + Math.floor(random.next() * maximum)
    const taken = (random === undefined ? ready : shuffled(ready, random)).slice(0, most)
    const bytes = taken.reduce((sum, { body }) => sum + base64Bytes(body.length), 0)
    this.#options.ledger.count(
      { port: 'wake-ups', name: 'receive' },
      { standardRequests: sqsRequests(bytes) },
    )
    return taken.map((message) => {
      message.receiveCount++
      message.hiddenUntilMs = nowMs + (this.#options.visibilityMs ?? 36_000)
      const { messageId, body, receiveCount } = message
      return { messageId, group: '', body, receiptHandle: handleOf(message), receiveCount }
    })
  }

  /** Deletes what these receipts are the last ones of; others change nothing. At most ten. */
  delete(receiptHandles: readonly string[]): void {
    assert(receiptHandles.length <= RECEIVE_MAX, 'one request deletes at most ten messages')
    if (receiptHandles.length === 0) return
    this.#options.ledger.count({ port: 'wake-ups', name: 'delete' }, { standardRequests: 1 })
    const gone = this.#messages.filter((message) => receiptHandles.includes(handleOf(message)))
    this.#messages = this.#messages.filter((message) => !gone.includes(message))
    this.#deleted = [...this.#deleted, ...gone].slice(-REMEMBERED_MAX)
  }

  /** Hides the message for that long from now; 0: it can be received again at once. A stale receipt changes nothing. */
  changeVisibility(receiptHandle: string, visibilityMs: number): void {
    this.#options.ledger.count({ port: 'wake-ups', name: 'change-visibility' }, { standardRequests: 1 })
    const message = this.#messages.find((one) => handleOf(one) === receiptHandle)
    if (message !== undefined) message.hiddenUntilMs = this.#options.clock.now() + visibilityMs
  }

  /** Brings back a message that was deleted: delivery is at least once. Which one is chance. False if there is none. */
  redeliver(random: Random): boolean {
    const message = this.#deleted[Math.floor(random.next() * this.#deleted.length)]
    if (message === undefined) return false
    this.#deleted = this.#deleted.filter((other) => other !== message)
    this.#messages.push({ ...message, hiddenUntilMs: 0 })
    return true
  }

  /**
   * Loses a message that has not been received: what SQS never does, and a schedule is there to make good. Which one is
   * chance. False if there is none.
   */
  lose(random: Random): boolean {
    const lost = this.#messages[Math.floor(random.next() * this.#messages.length)]
    this.#messages = this.#messages.filter((message) => message !== lost)
    return lost !== undefined
  }

  /** Messages that are delayed, wait or are in flight. */
  get size(): number {
    return this.#messages.length
  }

  /** From when on something can be received, if nobody does anything: now at the earliest. Undefined: the queue is empty. */
  get nextReceivableMs(): number | undefined {
    if (this.#messages.length === 0) return undefined
    const earliestMs = this.#messages.reduce((least, one) => Math.min(least, one.hiddenUntilMs), Infinity)
    return Math.max(this.#options.clock.now(), earliestMs)
  }
}

const handleOf = ({ messageId, receiveCount }: Stored): string => `${messageId}/${receiveCount}`
