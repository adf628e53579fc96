import { fetchHttp } from '../connectors/fetch-http.ts'
import { systemClock } from '../node/system-clock.ts'
import type { Clock } from '../ports/clock.ts'
import type { Outside, OutsideQueue } from '../ports/outside.ts'
import type { Random } from '../ports/random.ts'
import { awsClients } from './clients.ts'
import { DynamoOutsideTable } from './outside-table.ts'
import { SqsOutsideQueue } from './outside-queue.ts'
import { Retrying } from './retry.ts'
import { S3BlobStore } from './s3-blob-store.ts'
import type { AwsServices } from './services.ts'

export interface AwsOutsideOptions {
  /** Default: clients for what the process's environment names. A client is loaded when a sink first uses it. */
  readonly services?: AwsServices
  /** Milliseconds until the invocation under way ends. Default: Infinity. */
  readonly remainingMs?: () => number
  readonly clock?: Clock
  readonly random?: Random
}

/** What sinks use of the world: S3, SQS and DynamoDB through the SDK, HTTP through Node. Nothing is asked of AWS here. */
export function awsOutside(options: AwsOutsideOptions = {}): Outside {
  const { remainingMs = () => Infinity, clock = systemClock } = options
  const services = options.services ?? awsClients(process.env)
  const random = options.random ?? { next: () => Math.random() }
  const retrying = new Retrying({ clock, random, remainingMs })
  const queues = new Map<string, OutsideQueue>()
  return {
    objects: (bucket) => new S3BlobStore(services.s3, retrying, { bucket: () => bucket, prefix: '' }),
    queue(name) {
      // It remembers its URL.
      let queue = queues.get(name)
      if (queue === undefined) queues.set(name, (queue = new SqsOutsideQueue(services.sqs, name)))
      return queue
    },
    table: (name) => new DynamoOutsideTable(services.dynamo, name),
    http: fetchHttp,
    pause: (ms) =>
      new Promise((resolve) => {
        clock.schedule(clock.now() + ms, resolve)
      }),
    random,
    remainingMs,
  }
}
