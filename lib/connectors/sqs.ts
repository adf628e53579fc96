import { UserError } from '../model/faults.ts'
import type { Source } from '../stream/source.ts'
import {
  DEFAULT_ADDRESS,
  expectAddress,
  expecting,
  ingestSource,
  ingestSpec,
  type IngestOptions,
} from './ingest-source.ts'

export interface SqsOptions<T> extends IngestOptions<T> {
  /** Name or ARN of the queue, standard or FIFO. */
  readonly queue: string
  /**
   * What takes the queue's place in the embedded runtime, which has no queue. `http`: what is sent to `/<uid>`, as to an
   * `http()` source. Default: nothing, and the job is refused there.
   */
  readonly embedded?: 'http'
  /** Where the embedded runtime listens, if it does. 0: any free port. Default: 8080. */
  readonly port?: number
  /** As `port`. Default: 127.0.0.1. */
  readonly host?: string
}

const KIND = 'sqs'
const NAME = /^(?=.{1,80}$)[\w-]+(?:\.fifo)?$/
const ARN = /^arn:aws[\w-]*:sqs:[a-z\d-]+:\d{12}:([\w.-]+)$/

/**
 * The messages of an SQS queue, each a JSON value. A message is removed from the queue when its record is durable. One that
 * cannot be a record goes to the dead letters, with the reason; it blocks nothing. A message that is delivered twice, within
 * five minutes, is taken once: it is known by the record's id where `recordId` is given, else by its message id. A FIFO queue
 * itself removes repeats of a deduplication id. The queue's visibility timeout should be below those five minutes.
 *
 * Order: of a FIFO queue, within a message group; of a standard queue none. Unbounded. Delivery: exactly-once, as for
 * `http`. Of a message longer than `recordBytesMax` the dead letter keeps the beginning.
 *
 * @throws UserError with all that is wrong with the options.
 */
export function sqs<T = unknown>(options: SqsOptions<T>): Source<T> {
  const { queue, embedded, port = DEFAULT_ADDRESS.port, host = DEFAULT_ADDRESS.host } = options
  const problems: string[] = []
  const expect = expecting(KIND, problems)
  expect(
    NAME.test(queue) || NAME.test(ARN.exec(queue)?.[1] ?? ''),
    'queue',
    'the name or ARN of an SQS queue',
    queue,
  )
  const standIn = embedded === undefined ? undefined : { host, port }
  if (standIn !== undefined) expectAddress(standIn, expect)
  const spec = ingestSpec(options, { type: 'sqs', queue, standIn }, expect)
  if (problems.length > 0) throw new UserError(problems)
  return ingestSource<T>(KIND, spec)
}
