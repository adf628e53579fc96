import { assert } from '../../lib/model/faults.ts'
import type { Clock } from '../../lib/ports/clock.ts'
import type { Random } from '../../lib/ports/random.ts'
import { base64Bytes, sqsRequests } from './call-ledger.ts'
import type { CallLedger } from './call-ledger.ts'
import { shuffled } from './chance.ts'

/** A message as its receiver sees it. */
export interface ReceivedMessage {
  readonly messageId: string
  /** Of FIFO queues: the message group, which is the actor. */
  readonly group: string
  readonly body: Uint8Array
  /** Of this receipt: a later one of the same message has another. */
  readonly receiptHandle: string
  /** This receipt included. */
  readonly receiveCount: number
  /** Of a dead letter: why its receiver refused it. Undefined for others, as for those that came up too often. */
  readonly reason?: string | undefined
}

export interface FifoMessage {
  readonly group: string
  readonly deduplicationId: string
  readonly body: Uint8Array
  readonly reason?: string | undefined
}

export interface FifoQueueOptions {
  readonly name: string
  readonly clock: Clock
  /** How long a received message is hidden, unless it is deleted. */
  readonly visibilityMs: number
  /** A message that was received as often and comes up again goes to `deadLetters`. */
  readonly maxReceiveCount: number
  readonly deadLetters: FifoQueue | undefined
  /** Within what a deduplication id is known: queues of high throughput know it within the group. */
  readonly deduplicationScope: 'queue' | 'messageGroup'
  /** Counts what receivers ask. */
  readonly ledger: CallLedger
}

interface Stored extends FifoMessage {
  readonly messageId: string
  readonly sequence: number
  receiveCount: number
  /** In flight until then. */
  hiddenUntilMs: number
}

/** SQS gives at most so many in one answer. */
export const RECEIVE_MAX = 10
const DEDUPLICATION_MS = 5 * 60_000
/** Deleted messages that may yet be delivered again. */
const REMEMBERED_MAX = 32

/**
 * An SQS FIFO queue. Messages of a group come in order; while some of a group are in flight, no more of it come. Ids are
 * deduplicated for five minutes, also after the message was deleted. There is no delay for one message: AWS refuses it.
 */
export class FifoQueue {
  readonly name: string
  readonly #options: FifoQueueOptions
  /** In the order in which receivers look at them; none is empty. Messages by sequence. */
  readonly #groups = new Map<string, Stored[]>()
  /** By id. */
  readonly #messages = new Map<string, Stored>()
  /** When each id was first sent, in that order. */
  readonly #sentAtMs = new Map<string, number>()
  #deleted: Stored[] = []
  #sequence = 0

  constructor(options: FifoQueueOptions) {
    this.name = options.name
    this.#options = options
  }

  /** Takes a message in, or swallows it as the repeat of one that was sent in the last five minutes. */
  send(message: FifoMessage): void {
    assert(
      /^[\x21-\x7e]{1,128}$/.test(message.deduplicationId),
      `an id is plain text, got ${message.deduplicationId}`,
    )
    const nowMs = this.#options.clock.now()
    for (const [id, atMs] of this.#sentAtMs) {
      if (atMs + DEDUPLICATION_MS > nowMs) break
      this.#sentAtMs.delete(id)
    }
    const { deduplicationId, group, reason } = message
    const known =
      this.#options.deduplicationScope === 'queue' ? deduplicationId : `${deduplicationId} ${group}`
    if (this.#sentAtMs.has(known)) return
    this.#sentAtMs.set(known, nowMs)
    const sequence = ++this.#sequence
    this.#insert({
      group,
      deduplicationId,
      reason,
      // The sender may use its buffer again.
      body: message.body.slice(),
      messageId: `${this.name}-${sequence}`,
      sequence,
      receiveCount: 0,
      hiddenUntilMs: 0,
    })
  }

  /**
   * What can be received now, and hides it. At most `maximum` messages, of any groups, of each from its first on. With
   * `random`, groups come in any order and there may be fewer than could be.
   */
  receive(maximum: number = RECEIVE_MAX, random?: Random): ReceivedMessage[] {
    const received: ReceivedMessage[] = []
    const names = [...this.#groups.keys()]
    const most = random === undefined ? maximum : 1 + Math.floor(random.next() * maximum)
    for (const name of random === undefined ? names : shuffled(names, random)) {
      if (received.length === most) break
      received.push(...this.#receiveOf(name, most - received.length))
    }
    const bytes = received.reduce((sum, { body }) => sum + base64Bytes(body.length), 0)
    this.#options.ledger.count({ port: 'mailbox', name: 'receive' }, { fifoRequests: sqsRequests(bytes) })
    return received
  }

  /** Deletes what these receipts are the last and unexpired ones of: others change nothing. At most ten. */
  delete(receiptHandles: readonly string[]): void {
    assert(receiptHandles.length <= RECEIVE_MAX, 'one request deletes at most ten messages')
    if (receiptHandles.length === 0) return
    this.#options.ledger.count({ port: 'mailbox', name: 'delete' }, { fifoRequests: 1 })
    for (const handle of receiptHandles) {
      const message = this.#held(handle)
      if (message === undefined) continue
      this.#remove(message)
      this.#deleted = [...this.#deleted, message].slice(-REMEMBERED_MAX)
    }
  }

  /** Hides the message for that long from now; 0: it can be received again at once. A stale receipt changes nothing. */
  changeVisibility(receiptHandle: string, visibilityMs: number): void {
    this.#options.ledger.count({ port: 'mailbox', name: 'change-visibility' }, { fifoRequests: 1 })
    const message = this.#held(receiptHandle)
    if (message !== undefined) message.hiddenUntilMs = this.#options.clock.now() + visibilityMs
  }

  /**
   * Brings back a message that was deleted, before all later ones of its group: delivery is at least once. Which one is
   * chance. False if there is none.
   */
  redeliver(random: Random): boolean {
    const message = this.#deleted[Math.floor(random.next() * this.#deleted.length)]
    if (message === undefined) return false
    this.#deleted = this.#deleted.filter((other) => other !== message)
    this.#insert({ ...message, hiddenUntilMs: 0 })
    return true
  }

  /** Messages that wait or are in flight. */
  get size(): number {
    return this.#messages.size
  }

  get inFlight(): number {
    const nowMs = this.#options.clock.now()
    let count = 0
    for (const { hiddenUntilMs } of this.#messages.values()) if (hiddenUntilMs > nowMs) count++
    return count
  }

  /** From when on something can be received, if nobody does anything: now at the earliest. Undefined: the queue is empty. */
  get nextReceivableMs(): number | undefined {
    const nowMs = this.#options.clock.now()
    let nextMs: number | undefined
    for (const messages of this.#groups.values()) {
      const freeMs = messages.reduce((latest, { hiddenUntilMs }) => Math.max(latest, hiddenUntilMs), nowMs)
      if (nextMs === undefined || freeMs < nextMs) nextMs = freeMs
    }
    return nextMs
  }

  #receiveOf(name: string, most: number): ReceivedMessage[] {
    const nowMs = this.#options.clock.now()
    const messages = this.#groups.get(name)
    assert(messages !== undefined, `${name} has messages`)
    if (messages.some(({ hiddenUntilMs }) => hiddenUntilMs > nowMs)) return []
    const received: ReceivedMessage[] = []
    for (const message of messages.slice()) {
      if (received.length === most) break
      if (message.receiveCount >= this.#options.maxReceiveCount && this.#options.deadLetters !== undefined) {
        this.#remove(message)
        this.#options.deadLetters.#insert({ ...message, receiveCount: 0, hiddenUntilMs: 0 })
        continue
      }
      message.receiveCount++
      message.hiddenUntilMs = nowMs + this.#options.visibilityMs
      const { messageId, group, body, receiveCount, reason } = message
      const receiptHandle = handleOf(message)
      received.push({ messageId, group, body: body.slice(), receiptHandle, receiveCount, reason })
    }
    this.#toTheEnd(name)
    return received
  }

  /** Others have their turn before this group comes up again. */
  #toTheEnd(name: string): void {
    const messages = this.#groups.get(name)
    if (messages === undefined) return
    this.#groups.delete(name)
    this.#groups.set(name, messages)
  }

  /** The message that this is the last receipt of, while it is in flight. */
  #held(receiptHandle: string): Stored | undefined {
    const message = this.#messages.get(receiptHandle.slice(0, receiptHandle.lastIndexOf('/')))
    if (message === undefined || handleOf(message) !== receiptHandle) return undefined
    return message.hiddenUntilMs > this.#options.clock.now() ? message : undefined
  }

  #insert(message: Stored): void {
    const messages = this.#groups.get(message.group) ?? []
    const after = messages.findIndex(({ sequence }) => sequence > message.sequence)
    messages.splice(after < 0 ? messages.length : after, 0, message)
    this.#groups.set(message.group, messages)
    this.#messages.set(message.messageId, message)
  }

  #remove(message: Stored): void {
    this.#messages.delete(message.messageId)
    const left = this.#groups.get(message.group)!.filter((other) => other !== message)
    if (left.length === 0) this.#groups.delete(message.group)
    else this.#groups.set(message.group, left)
  }
}

const handleOf = (message: Stored): string => `${message.messageId}/${message.receiveCount}`
