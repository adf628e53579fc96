import { messageOf, UserError } from '../../model/faults.ts'
import { acceptRecord } from './accept-record.ts'
import { groupRecords, groupRequest, partitionOf, type RoutedGroup } from './group-records.ts'
import {
  ACCEPTED_TYPES,
  answer,
  formatOf,
  refusal,
  type HttpAnswer,
  type HttpRequest,
} from './http-messages.ts'
import type { IngestSource } from './ingest-sources.ts'
import { parseRecords, type RawRecord } from './parse-records.ts'
import { requestRecordId } from './record-group.ts'

/** What the edge asks of its runtime. */
export interface HttpEdgeParts {
  /** Those that are reached here, by uid. */
  readonly sources: readonly IngestSource[]
  /** Makes groups durable. True only where all are. */
  readonly deliver: (source: IngestSource, groups: readonly RoutedGroup[]) => Promise<boolean>
  /** Seconds after which a client may try again, where there is no room for more now. */
  readonly retryAfterSec: (source: IngestSource) => Promise<number | undefined>
  readonly nowMs: () => number
  /** For a request that brings no key: unlike that of any other. */
  readonly newKey: () => string
}

export type HttpEdge = (request: HttpRequest) => Promise<HttpAnswer>

/** What a function URL takes. Bytes of the body. */
export const REQUEST_BYTES_MAX: number = 6 * 1024 * 1024
/** Bounds the answer, which names each of them, and the time that a request takes. */
export const REQUEST_RECORDS_MAX = 10_000
const KEY_CHARS_MAX = 200
/** What a failure to make a request durable lasts, as a rule. */
const RETRY_AFTER_FAILURE_SEC = 1

/**
 * Answers one request: POST of records to `/<uid of the source>`, or to `/` where there is one source. All of its records
 * are accepted, or none: 202 says that they are durable.
 */
export function httpEdge(parts: HttpEdgeParts): HttpEdge {
  return async (request) => {
    const source = routed(request, parts.sources)
    if ('status' in source) return source
    const records = recordsIn(request, source)
    if ('status' in records) return records
    const key = request.headers['idempotency-key'] ?? parts.newKey()
    const retryAfterSec = await parts.retryAfterSec(source)
    if (retryAfterSec !== undefined) {
      const error = `Source '${source.uid}' has no room for more records now: send them again later`
      return refusal(429, error, {}, { 'retry-after': String(retryAfterSec) })
    }
    return deliver(parts, source, records, key)
  }
}

interface AcceptedRecord {
  readonly text: string
  /** What the record declares. */
  readonly id: string | undefined
}

async function deliver(
  { deliver: send, nowMs }: HttpEdgeParts,
  source: IngestSource,
  records: readonly AcceptedRecord[],
  key: string,
): Promise<HttpAnswer> {
  const { partitions, recordId } = source.spec
  const ids = records.map(({ id }, number) => id ?? requestRecordId(key, number))
  const bodies = records.map(({ text }) => text)
  const groups =
    recordId === undefined
      ? groupRequest(bodies, key, partitions, nowMs())
      : groupRecords(
          ids.map((id, index) => ({
            id,
            body: bodies[index]!,
            refusal: undefined,
            partition: partitionOf(id, partitions),
          })),
          nowMs(),
        )
  const headers = { 'idempotency-key': key }
  if (await send(source, groups)) return answer(202, { accepted: records.length, ids }, headers)
  const error =
    'Not all records could be made durable: send the same request again, with the header ' +
    `Idempotency-Key: ${key}. What was accepted already is not taken twice`
  return refusal(503, error, {}, { ...headers, 'retry-after': String(RETRY_AFTER_FAILURE_SEC) })
}

function routed({ method, path }: HttpRequest, sources: readonly IngestSource[]): IngestSource | HttpAnswer {
  const name = nameIn(path)
  const source = name === '' && sources.length === 1 ? sources[0]! : sources.find(({ uid }) => uid === name)
  if (source === undefined) {
    const paths = sources.map(({ uid }) => `/${encodeURIComponent(uid)}`)
    return answer(404, { error: `Expected the path of a source, got ${path}`, sources: paths })
  }
  if (method.toUpperCase() === 'POST') return source
  const error = `Expected POST, got ${method}`
  return refusal(405, error, {}, { allow: 'POST', 'accept-post': ACCEPTED_TYPES })
}

/**
 * The path without its slashes and query; undefined if it is no path. Of slashes before it there may be several: the address
 * of a function ends in one, and who puts a path after it is likely to write another.
 */
function nameIn(path: string): string | undefined {
  const [name = ''] = path.replace(/^\/+/, '').split(/[?#]/)
  try {
    return decodeURIComponent(name.replace(/\/$/, ''))
  } catch {
    return undefined
  }
}

function recordsIn(
  request: HttpRequest,
  { uid, spec }: IngestSource,
): readonly AcceptedRecord[] | HttpAnswer {
  const keyProblem = problemOfKey(request.headers['idempotency-key'])
  if (keyProblem !== undefined) return refusal(400, keyProblem)
  const format = formatOf(request)
  if (typeof format !== 'string') return refusal(415, format.problem, {}, { 'accept-post': ACCEPTED_TYPES })
  if (request.body.length > REQUEST_BYTES_MAX) return tooLarge(request.body.length)
  const parsed = parseRecords(request.body, format)
  if (parsed.type === 'malformed') return refusal(400, sentence(parsed.reason), parsed.place)
  if (parsed.records.length > REQUEST_RECORDS_MAX) {
    return refusal(413, `Expected at most ${REQUEST_RECORDS_MAX} records, got ${parsed.records.length}`)
  }
  const accepted: AcceptedRecord[] = []
  for (const record of parsed.records) {
    const one = accepting(record, uid, spec)
    if ('status' in one) return one
    accepted.push(one)
  }
  return accepted
}

/** For a body that is not even read. */
export function tooLarge(bytes: number | undefined): HttpAnswer {
  const found = bytes === undefined ? 'more' : `${bytes}`
  return refusal(413, `Expected a body of at most ${REQUEST_BYTES_MAX} bytes, got ${found}: send it in parts`)
}

function accepting(
  { text, place }: RawRecord,
  uid: string,
  spec: IngestSource['spec'],
): AcceptedRecord | HttpAnswer {
  try {
    const acceptance = acceptRecord(text, spec)
    switch (acceptance.type) {
      case 'accepted':
        return { text, id: acceptance.id }
      case 'too-long':
        return refusal(413, sentence(acceptance.reason), place)
      case 'refused':
        return refusal(400, acceptance.reason, place)
    }
  } catch (cause) {
    // The source itself is of no use, whatever is sent.
    if (!(cause instanceof UserError)) throw cause
    return refusal(500, `Source '${uid}': ${messageOf(cause)}`)
  }
}

function problemOfKey(key: string | undefined): string | undefined {
  if (key === undefined || (key.length <= KEY_CHARS_MAX && /^[\u0021-\u007e]+$/.test(key))) return undefined
  return `Expected Idempotency-Key to be 1 to ${KEY_CHARS_MAX} visible ASCII characters, got ${key.length} characters`
}

function sentence(reason: string): string {
  return reason.charAt(0).toUpperCase() + reason.slice(1)
}
