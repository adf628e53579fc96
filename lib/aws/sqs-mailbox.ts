import { messageOf, UserError } from '../model/faults.ts'
import type { ActorId } from '../model/ids.ts'
import { MESSAGE_BYTES_MAX, type Mailbox, type OutgoingMessage } from '../ports/mailbox.ts'
import { denialIn } from '../ports/platform-fault.ts'
import { inParallel } from './in-parallel.ts'
import { encodeMessageText } from './message-text.ts'
import type { Retrying } from './retry.ts'
import type { SqsRequests } from './services.ts'
import { entryOf, mayPass, sqsId, sqsLanes, type SqsEntry } from './sqs-batches.ts'

export interface SqsMailboxOptions {
  /** The URL of the FIFO queue that an actor is served from. @throws UserError where there is none. */
  readonly queueOf: (actor: ActorId) => string
  /** The URL of the FIFO queue for messages that nobody can handle. */
  readonly deadLetters: () => string
  /** Told what the port does not say: why messages could not be sent. `cause`: where a request failed as a whole. */
  readonly warn: (message: string, cause?: unknown) => void
}

/** Requests under way at once. */
const REQUESTS_MAX = 20

const REASON_CHARS_MAX = 2_000

/** Messages between actors through FIFO queues of SQS, an actor's in a message group of its own. */
export class SqsMailbox implements Mailbox {
  readonly #sqs: SqsRequests
  readonly #retrying: Retrying
  readonly #options: SqsMailboxOptions

  constructor(sqs: SqsRequests, retrying: Retrying, options: SqsMailboxOptions) {
    this.#sqs = sqs
    this.#retrying = retrying
    this.#options = options
  }

  async send(messages: readonly OutgoingMessage[]): Promise<readonly ('sent' | 'failed')[]> {
    const outcomes = Array.from<'sent' | 'failed'>({ length: messages.length }).fill('failed')
    const byQueue = new Map<string, SqsEntry[]>()
    for (const [index, message] of messages.entries()) {
      const url = this.#options.queueOf(message.to)
      const entry = entryOf(message, index)
      const entries = byQueue.get(url)
      if (entries === undefined) byQueue.set(url, [entry])
      else entries.push(entry)
    }
    const lanes = [...byQueue].flatMap(([url, entries]) =>
      sqsLanes(entries).map((batches) => ({ url, batches })),
    )
    await inParallel(lanes, REQUESTS_MAX, async ({ url, batches }) => {
      const held = new Set<string>()
      for (const batch of batches) {
        // Behind a message that failed, its group's later ones would only be dropped by their receiver.
        const ready = batch.filter(({ group }) => !held.has(group))
        for (const { index } of await this.#sendBatch(url, ready)) outcomes[index] = 'sent'
        for (const { index, group } of batch) if (outcomes[index] === 'failed') held.add(group)
      }
    })
    return outcomes
  }

  async refuse(
    { messageId, body }: { readonly messageId: string; readonly body: Uint8Array },
    reason: string,
  ): Promise<void> {
    const url = this.#options.deadLetters()
    const isCut = body.length > MESSAGE_BYTES_MAX
    const why = `${reason.slice(0, REASON_CHARS_MAX)}${isCut ? ` (the first of ${body.length} bytes)` : ''}`
    await this.#retrying.run(requestTo('SendMessage', url), () =>
      this.#sqs.sendMessage({
        QueueUrl: url,
        MessageBody: encodeMessageText(isCut ? body.subarray(0, MESSAGE_BYTES_MAX) : body, why),
        MessageGroupId: sqsId(messageId),
        MessageDeduplicationId: sqsId(messageId),
      }),
    )
  }

  async backlog(actors: readonly ActorId[]): Promise<number> {
    const urls = new Set(actors.map((actor) => this.#options.queueOf(actor)))
    const looks = await Promise.allSettled([...urls].map((url) => this.#backlogOf(url)))
    const known = looks.flatMap((look) => (look.status === 'fulfilled' ? [look.value] : []))
    for (const look of looks) {
      if (look.status === 'fulfilled') continue
      const cause: unknown = look.reason
      if (known.length === 0 || denialIn(cause) === undefined) throw cause
      this.#options.warn(messageOf(cause), cause)
    }
    return Math.max(0, ...known)
  }

  async #backlogOf(url: string): Promise<number> {
    const { Attributes: counts } = await this.#retrying.run(requestTo('GetQueueAttributes', url), () =>
      this.#sqs.getQueueAttributes({
        QueueUrl: url,
        AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
      }),
    )
    return (
      Number(counts?.ApproximateNumberOfMessages ?? 0) +
      Number(counts?.ApproximateNumberOfMessagesNotVisible ?? 0)
    )
  }

  /** Those that were sent. Entries that failed on the side of SQS are tried again, as a whole batch is. */
  async #sendBatch(url: string, batch: readonly SqsEntry[]): Promise<readonly SqsEntry[]> {
    const request = requestTo('SendMessage', url)
    const backoff = this.#retrying.backoff(request)
    let left = batch
    let refused: readonly SqsEntry[] = []
    try {
      while (left.length > 0) {
        const { retryable, lost, said } = await this.#attempt(url, left)
        refused = [...refused, ...lost]
        left = retryable
        if (left.length > 0)
          await backoff.wait(new Error(`${left.length} of ${batch.length} entries failed: ${said}`))
      }
    } catch (cause) {
      if (cause instanceof UserError) throw cause
      this.#options.warn(messageOf(cause), cause)
    }
    return batch.filter((entry) => !left.includes(entry) && !refused.includes(entry))
  }

  async #attempt(
    url: string,
    entries: readonly SqsEntry[],
  ): Promise<{
    readonly retryable: readonly SqsEntry[]
    readonly lost: readonly SqsEntry[]
    readonly said: string
  }> {
    const answer = await this.#retrying.run(requestTo('SendMessage', url), () =>
      this.#sqs.sendMessageBatch({
        QueueUrl: url,
        Entries: entries.map(({ index, group, deduplicationId, text }) => ({
          Id: String(index),
          MessageBody: text,
          MessageGroupId: group,
          MessageDeduplicationId: deduplicationId,
        })),
      }),
    )
    const failed = answer.Failed ?? []
    const entriesThat = (pass: boolean): SqsEntry[] => {
      const ids = new Set(failed.filter((entry) => mayPass(entry) === pass).map(({ Id }) => Id))
      return entries.filter(({ index }) => ids.has(String(index)))
    }
    const lost = entriesThat(false)
    const said = [...new Set(failed.map(({ Code, Message }) => `${Code}: ${Message}`))].join('; ')
    if (lost.length > 0) {
      this.#options.warn(`sqs:SendMessage on ${resourceOf(url)} refused ${lost.length} messages (${said})`)
    }
    return { retryable: entriesThat(true), lost, said }
  }
}

export function requestTo(
  operation: string,
  url: string,
): { readonly action: string; readonly resource: string } {
  return { action: `sqs:${operation}`, resource: resourceOf(url) }
}

const resourceOf = (url: string): string => `queue ${url}`
