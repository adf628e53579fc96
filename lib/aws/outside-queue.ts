import type { Answer, OutsideQueue, QueueEntry } from '../ports/outside.ts'
import { answerTo } from './aws-fault.ts'
import type { SqsRequests } from './services.ts'
import { mayPass } from './sqs-batches.ts'

/** A queue that sinks send to, by its URL or by its name in this account and region. */
export class SqsOutsideQueue implements OutsideQueue {
  readonly #sqs: SqsRequests
  readonly #queue: string
  #url: string | undefined

  constructor(sqs: SqsRequests, queue: string) {
    this.#sqs = sqs
    this.#queue = queue
  }

  async send(entries: readonly QueueEntry[]): Promise<readonly Answer[]> {
    try {
      this.#url ??= await this.#find()
      const { Failed = [] } = await this.#sqs.sendMessageBatch({
        QueueUrl: this.#url,
        Entries: entries.map(({ body, group, deduplicationId }, index) => ({
          Id: String(index),
          MessageBody: body,
          ...(group !== undefined && { MessageGroupId: group }),
          ...(deduplicationId !== undefined && { MessageDeduplicationId: deduplicationId }),
        })),
      })
      const failed = new Map(Failed.map((failure) => [failure.Id, failure]))
      return entries.map((_, index): Answer => {
        const failure = failed.get(String(index))
        if (failure === undefined) return { type: 'done' }
        const reason = `${failure.Code}: ${failure.Message ?? 'no reason given'}`
        return { type: mayPass(failure) ? 'unavailable' : 'refused', reason }
      })
    } catch (cause) {
      const answer = answerTo({ action: 'sqs:SendMessage', resource: `queue ${this.#queue}` }, cause)
      return entries.map(() => answer)
    }
  }

  async #find(): Promise<string> {
    if (/^https?:/.test(this.#queue)) return this.#queue
    const { QueueUrl = this.#queue } = await this.#sqs.getQueueUrl({ QueueName: this.#queue })
    return QueueUrl
  }
}
