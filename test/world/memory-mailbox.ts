import { actorKind } from '../../lib/model/actors.ts'
import { assert } from '../../lib/model/faults.ts'
import type { ActorId } from '../../lib/model/ids.ts'
import type { Clock } from '../../lib/ports/clock.ts'
import { MESSAGE_BYTES_MAX } from '../../lib/ports/mailbox.ts'
import type { Mailbox, OutgoingMessage } from '../../lib/ports/mailbox.ts'
import { base64Bytes, CallLedger, sqsRequests } from './call-ledger.ts'
import { callerOf } from './caller.ts'
import type { Caller } from './caller.ts'
import { PlatformFault } from '../../lib/ports/platform-fault.ts'
import { perform } from './faults.ts'
import type { Operation } from './faults.ts'
import { FifoQueue } from './fifo-queue.ts'

export interface MemoryMailboxOptions {
  readonly clock: Clock
  /** Default 36 s: a little more than a function runs. */
  readonly visibilityMs?: number
  /** Default 10. */
  readonly maxReceiveCount?: number
  /** Which queue an actor is served from. Default: one for each kind of actor. */
  readonly queueOf?: (actor: ActorId) => string
  /** Default `queue`, which swallows more than `messageGroup` does. */
  readonly deduplicationScope?: 'queue' | 'messageGroup'
  /** Counts the requests of whoever receives. */
  readonly pollerLedger?: CallLedger
}

const BATCH_ENTRIES_MAX = 10
const BATCH_BYTES_MAX = 1024 * 1024

/** The mailboxes of a job: FIFO queues whose message groups are actors, and one queue for the dead letters of all. */
export class MemoryMailbox {
  readonly #options: MemoryMailboxOptions
  readonly #queues = new Map<string, FifoQueue>()
  /** Where messages go that were received too often, or that their receiver refused. */
  readonly deadLetters: FifoQueue

  constructor(options: MemoryMailboxOptions) {
    this.#options = options
    this.deadLetters = this.#newQueue('dead-letters', Infinity, undefined)
  }

  /** Those that anything was sent to, or that were asked for. */
  queues(): FifoQueue[] {
    return [...this.#queues.values()]
  }

  queue(name: string): FifoQueue {
    let queue = this.#queues.get(name)
    if (queue === undefined) {
      queue = this.#newQueue(name, this.#options.maxReceiveCount ?? 10, this.deadLetters)
      this.#queues.set(name, queue)
    }
    return queue
  }

  /** It is gone, with all that is in it. */
  removeQueue(name: string): void {
    this.#queues.delete(name)
  }

  queueFor(actor: ActorId): FifoQueue {
    return this.queue(this.#queueName(actor))
  }

  /** The port, as one process sees it. */
  client(given: Partial<Caller> = {}): Mailbox {
    const caller = callerOf(given)
    return {
      send: (messages) => this.#send(caller, messages),
      refuse: ({ messageId, body }, reason) => {
        const operation: Operation = { port: 'mailbox', name: 'refuse', subject: messageId }
        return perform(caller.faults, operation, () => {
          caller.ledger.count(operation, { fifoRequests: sqsRequests(base64Bytes(body.length)) })
          this.deadLetters.send({ group: messageId, deduplicationId: messageId, body, reason })
        })
      },
      backlog: async (actors) => {
        const byQueue = new Map(actors.map((actor) => [this.#queueName(actor), actor]))
        const sizes = await Promise.all(
          [...byQueue.values()].map((actor) => {
            const operation: Operation = { port: 'mailbox', name: 'backlog', actor }
            return perform(caller.faults, operation, () => {
              caller.ledger.count(operation, { fifoRequests: 1 })
              return this.queueFor(actor).size
            })
          }),
        )
        return Math.max(0, ...sizes)
      },
    }
  }

  async #send(caller: Caller, messages: readonly OutgoingMessage[]): Promise<readonly ('sent' | 'failed')[]> {
    const answers = Array.from<'sent' | 'failed'>({ length: messages.length }).fill('failed')
    for (const batch of this.#batches(messages)) {
      const first = messages[batch[0]!]!
      const operation: Operation = { port: 'mailbox', name: 'send', actor: first.to, entries: batch.length }
      try {
        const fates = await perform(caller.faults, operation, () =>
          this.#sendBatch(caller, operation, messages, batch),
        )
        for (const [at, index] of batch.entries()) answers[index] = fates[at]!
      } catch (error) {
        if (!(error instanceof PlatformFault)) throw error
      }
    }
    return answers
  }

  #sendBatch(
    { faults, ledger }: Caller,
    operation: Operation,
    messages: readonly OutgoingMessage[],
    batch: readonly number[],
  ): ('sent' | 'failed')[] {
    const bytes = batch.reduce((sum, index) => sum + base64Bytes(messages[index]!.body.length), 0)
    ledger.count(operation, { fifoRequests: sqsRequests(bytes) })
    return batch.map((index, at) => {
      const { to, deduplicationId, body } = messages[index]!
      const fate = faults.entry(operation, at)
      if (fate !== 'refused') this.queueFor(to).send({ group: to, deduplicationId, body })
      return fate === 'done' ? 'sent' : 'failed'
    })
  }

  /** By index: requests to one queue each, of at most ten messages and 1 MiB, in order. */
  #batches(messages: readonly OutgoingMessage[]): number[][] {
    const batches: number[][] = []
    const open = new Map<string, { readonly batch: number[]; bytes: number }>()
    for (const [index, { to, body }] of messages.entries()) {
      assert(
        body.length > 0 && body.length <= MESSAGE_BYTES_MAX,
        `a message has 1 to ${MESSAGE_BYTES_MAX} bytes, got ${body.length}`,
      )
      const name = this.#queueName(to)
      const bytes = base64Bytes(body.length)
      const last = open.get(name)
      if (
        last !== undefined &&
        last.batch.length < BATCH_ENTRIES_MAX &&
        last.bytes + bytes <= BATCH_BYTES_MAX
      ) {
        last.batch.push(index)
        last.bytes += bytes
      } else {
        const batch = [index]
        batches.push(batch)
        open.set(name, { batch, bytes })
      }
    }
    return batches
  }

  #queueName(actor: ActorId): string {
    return this.#options.queueOf?.(actor) ?? actorKind(actor)
  }

  #newQueue(name: string, maxReceiveCount: number, deadLetters: FifoQueue | undefined): FifoQueue {
    const { clock, visibilityMs = 36_000, deduplicationScope = 'queue', pollerLedger } = this.#options
    const ledger = pollerLedger ?? new CallLedger()
    return new FifoQueue({
      name,
      clock,
      visibilityMs,
      deduplicationScope,
      ledger,
      maxReceiveCount,
      deadLetters,
    })
  }
}
