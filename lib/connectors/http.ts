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

export interface HttpOptions<T> extends IngestOptions<T> {
  /** Where the embedded runtime listens; a deployment has a URL of its own. 0: any free port. Default: 8080. */
  readonly port?: number
  /** As `port`. Default: 127.0.0.1, which this machine alone can reach. */
  readonly host?: string
}

const KIND = 'http'

/**
 * Records that are sent by HTTP: POST one JSON value, a JSON array of records, or a record a line (NDJSON) to `/<uid>`.
 * The answer 202 comes when all of them are durable; a request is accepted whole or not at all. A repeat of a request
 * within five minutes, under the same `Idempotency-Key`, or of a record, where `recordId` is given, is not taken twice.
 *
 * Order: as accepted, within a partition. Unbounded. Delivery: exactly-once; what was accepted is kept until no retained
 * checkpoint needs it, and a checkpoint holds how far each partition is read. A job that begins from nothing reads all that
 * is kept.
 *
 * @throws UserError with all that is wrong with the options.
 */
export function http<T = unknown>(options: HttpOptions<T> = {}): Source<T> {
  const { port = DEFAULT_ADDRESS.port, host = DEFAULT_ADDRESS.host } = options
  const problems: string[] = []
  const expect = expecting(KIND, problems)
  expectAddress({ host, port }, expect)
  const spec = ingestSpec(options, { type: 'http', host, port }, expect)
  if (problems.length > 0) throw new UserError(problems)
  return ingestSource<T>(KIND, spec)
}
