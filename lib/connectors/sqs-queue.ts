import { UserError } from '../model/faults.ts'
import { QUEUE_BYTES_MAX, type QueueEntry } from '../ports/outside.ts'
import type { SinkContext, SinkWriter, WriterSink } from '../stream/sink.ts'
import { digest } from './digest.ts'
import { lineFormatter, type LineFormat } from './line-format.ts'
import { sendAll } from './queue-send.ts'
import { quoted } from './quoted.ts'
import { reachOutside } from './reach-outside.ts'
import { OptionProblems } from './sink-options.ts'

interface AnyQueueOptions<T> {
  /** The body of a record's message: JSON, text as `print` shows it, or what a function makes. Default: `json`. */
  readonly format?: LineFormat<T>
}

export interface StandardQueueOptions<T> extends AnyQueueOptions<T> {
  /** The name of a queue in the job's account and region, or its URL. */
  readonly queue: string
  readonly group?: never
  readonly deduplicationId?: never
}

export interface FifoQueueOptions<T> extends AnyQueueOptions<T> {
  /** The name of a FIFO queue in the job's account and region, which ends with `.fifo`, or its URL. */
  readonly queue: string
  /** The message group: records of one group that come from one subtask are received in their order. Any text. */
  readonly group: (value: T) => string
  /**
   * Names a record: of those with the same id within five minutes SQS keeps the first. Any text. Default: an id of the
   * runtime's, different for each record.
   */
  readonly deduplicationId?: (value: T) => string
}

export type SqsQueueOptions<T> = StandardQueueOptions<T> | FifoQueueOptions<T>

const KIND = 'sqsQueue'
/** Of SQS: letters, digits and punctuation. API_SendMessage. */
const SQS_ID = /^[\x21-\x7e]{1,128}$/

/**
 * Sends each record as a message to an SQS queue, ten to a call where they fit. A FIFO queue needs the option `group`;
 * groups and ids that SQS does not allow are replaced by a digest of them.
 *
 * Delivery: at-least-once. What was sent after the last completed checkpoint is sent again after a restart, and a call whose
 * answer was lost is repeated. To a FIFO queue, such a call is repeated under the same ids, and so is what a lost
 * invocation on AWS had sent: SQS drops the repeats of five minutes. With `deduplicationId` it drops those of a restart
 * as well, if the restart comes within that time and the id depends on the record alone.
 * Order: FIFO queues, within a group; a call takes one message of a group, so few groups mean more calls.
 *
 * @throws UserError while it runs: a message above 1 MiB, or what SQS refuses. PlatformFault when it was not available several
 * times in a row: a failure of the job in one process; on AWS its messages come again, which fails the job when it goes on for
 * minutes.
 */
export function sqsQueue<T>(options: SqsQueueOptions<T>): WriterSink<T> {
  const { queue, group, deduplicationId, format = 'json' } = options
  const isFifo = queue.endsWith('.fifo')
  const problems = new OptionProblems(KIND)
  problems.expect(
    /^(https?:\/\/\S+|[\w-]{1,80}(\.fifo)?)$/.test(queue),
    'queue',
    'the name or URL of a queue',
    queue,
  )
  problems.expect(!isFifo || group !== undefined, 'group', 'a function, for a FIFO queue', group)
  problems.expect(isFifo || group === undefined, 'queue', 'a FIFO queue (….fifo), as there is a group', queue)
  problems.refuse()
  const body = lineFormatter(format)
  const entriesOf = (values: readonly T[], ctx: SinkContext): QueueEntry[] =>
    values.map((value, index) => {
      const text = body(value)
      refuseOversized(queue, text)
      if (group === undefined) return { body: text }
      const id = deduplicationId?.(value) ?? digest(`${ctx.batchId()}/${index}`)
      return { body: text, group: sqsId(group(value)), deduplicationId: sqsId(id) }
    })
  return {
    type: 'writer',
    kind: KIND,
    writesTo: { type: 'queue', queue },
    writes: 'committed',
    createWriter(ctx): SinkWriter<T> {
      const outside = reachOutside(KIND, 'Amazon SQS', '@aws-sdk/client-sqs', ctx)
      const target = outside.queue(queue)
      return {
        write: (values) =>
          sendAll(`${KIND}: cannot send to ${queue}`, target, entriesOf(values, ctx), outside),
      }
    },
  }
}

function sqsId(text: string): string {
  return SQS_ID.test(text) ? text : digest(text)
}

function refuseOversized(queue: string, body: string): void {
  const bytes = Buffer.byteLength(body)
  if (bytes <= QUEUE_BYTES_MAX && bytes > 0) return
  throw new UserError(
    bytes === 0
      ? `${KIND}: cannot send to ${queue}: expected messages of at least one character, got an empty one`
      : `${KIND}: cannot send to ${queue}: expected messages of at most ${QUEUE_BYTES_MAX} bytes, got ${bytes}: ${quoted(body)}`,
  )
}
