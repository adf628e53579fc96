import { durationMs, tryParseDurationMs, type Duration } from '../model/durations.ts'
import { UserError } from '../model/faults.ts'
import type { HttpAnswer, Outside } from '../ports/outside.ts'
import type { SinkContext, WriterSink } from '../stream/sink.ts'
import { digest } from './digest.ts'
import { fetchHttp } from './fetch-http.ts'
import { jsonText } from './line-format.ts'
import { inParallel } from './in-parallel.ts'
import { answerableMs, persist, PERSISTENCE, type Patience, type Persistence, type Try } from './persist.ts'
import { quoted } from './quoted.ts'
import { OptionProblems } from './sink-options.ts'

interface AnyHttpOptions<T> {
  /** `http://` or `https://`, without user and password: what they would say belongs into a header. */
  readonly url: string
  /** Sent with every request; they take the place of those that the sink would send, but not of `Idempotency-Key`. */
  readonly headers?: Readonly<Record<string, string>>
  /** What is sent of a record, as JSON. Default: the record. */
  readonly body?: (value: T) => unknown
  /** Requests under way at once; with more than one, their order is not kept. Default: 1. */
  readonly concurrency?: number
  /** How long an answer may take. Default: `5 s`. */
  readonly timeout?: Duration
  /** How often a request is made at most. Default: 4. */
  readonly attemptsMax?: number
}

export interface HttpBatchOptions<T> extends AnyHttpOptions<T> {
  /** `array`: a JSON array of records. `lines`: a JSON value a line (NDJSON). */
  readonly format?: 'array' | 'lines'
  /** Records of one request at most. Default: 100. */
  readonly batchRecords?: number
  /** About how large a request may be that holds several records. Bytes. Default: 1 MiB. */
  readonly batchBytes?: number
  readonly idempotencyKey?: never
}

export interface HttpSingleOptions<T> extends AnyHttpOptions<T> {
  /** One record a request: the JSON of it. */
  readonly format: 'single'
  /** The header `Idempotency-Key` of a record's request. Visible ASCII. Default: a key of the runtime's. */
  readonly idempotencyKey?: (value: T) => string
  readonly batchRecords?: never
  readonly batchBytes?: never
}

export type HttpPostOptions<T> = HttpBatchOptions<T> | HttpSingleOptions<T>

const KIND = 'httpPost'
const BATCH_BYTES = 1_048_576
/** What says that the same request may do better later. The rest of 4xx will not. */
const WORTH_ANOTHER_TRY = new Set([408, 425, 429])
const KEY = /^[\x21-\x7e]{1,255}$/

/**
 * Posts records to a server, as JSON: many in a request, or one. Each request has a header `Idempotency-Key`, so that a
 * server which keeps keys does what it says once. Redirects are not followed.
 *
 * Delivery: at-least-once. A request is repeated, with the same key and content, when its answer was lost, said 408, 425,
 * 429 or 5xx (after a pause, and after what `Retry-After` says, up to 3 s), and when an invocation on AWS was lost that
 * may have made it. After a restart, records that came after the last completed checkpoint are sent again: in requests
 * with other keys, unless there is one a record and `idempotencyKey` depends on that alone.
 * Order: that of the subtask, with a concurrency of 1.
 *
 * @throws UserError while it runs, with the start of the answer: any other answer than 2xx. PlatformFault when the server was
 * not available in as many tries as allowed: a failure of the job in one process; on AWS its messages come again, which fails
 * the job when it goes on for minutes.
 */
export function httpPost<T>(options: HttpPostOptions<T>): WriterSink<T> {
  const { url, headers = {}, concurrency = 1, timeout = '5 s', attemptsMax = 4 } = options
  const { batchRecords = 100, batchBytes = BATCH_BYTES } = options
  const problems = new OptionProblems(KIND)
  problems.expect(
    isPlainUrl(url),
    'url',
    'an http or https URL without user, password and fragment',
    withoutSecrets(url),
  )
  problems.expect(isCount(concurrency), 'concurrency', 'a whole number from 1', concurrency)
  problems.expect(isCount(attemptsMax), 'attemptsMax', 'a whole number from 1', attemptsMax)
  problems.expect(isCount(batchRecords), 'batchRecords', 'a whole number from 1', batchRecords)
  problems.expect(batchBytes > 0, 'batchBytes', 'above 0', batchBytes)
  problems.expect(
    (tryParseDurationMs(timeout) ?? 0) > 0,
    'timeout',
    "a duration above 0, such as '5 s'",
    timeout,
  )
  problems.refuse()
  const posting: Posting = {
    url,
    headers,
    timeoutMs: durationMs(timeout, `${KIND}: timeout`),
    persistence: { ...PERSISTENCE, attemptsMax },
  }
  return {
    type: 'writer',
    kind: KIND,
    writes: 'committed',
    // Requests that are under way together: whatever a server's pace, they are answered within an invocation.
    batchRecordsMax: concurrency * (options.format === 'single' ? 1 : batchRecords),
    createWriter: (ctx) => ({
      async write(values) {
        const requests = requestsOf(options, { batchRecords, batchBytes }, values, ctx)
        await inParallel(requests, concurrency, (request) => post(posting, request, ctx.outside ?? HERE))
      },
    }),
  }
}

/** Without a runtime's world, Node's own. */
const HERE: Pick<Outside, 'http'> & Patience = {
  http: fetchHttp,
  pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  random: { next: () => Math.random() },
}

interface Posting {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly timeoutMs: number
  readonly persistence: Persistence
}

interface PostedRequest {
  readonly contentType: string
  readonly key: string
  readonly body: string
}

async function post(
  { url, headers, timeoutMs, persistence }: Posting,
  { contentType, key, body }: PostedRequest,
  outside: Pick<Outside, 'http'> & Patience,
): Promise<void> {
  const given = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  )
  const request = { url, headers: { 'content-type': contentType, ...given, 'idempotency-key': key }, body }
  const what = `${KIND}: cannot post to ${withoutSecrets(url)}`
  await persist(what, outside, persistence, async () => {
    const answer = await outside.http.post({
      ...request,
      timeoutMs: Math.min(timeoutMs, answerableMs(outside)),
    })
    return outcomeOf(what, answer)
  })
}

function outcomeOf(what: string, answer: HttpAnswer): Try {
  if (answer.type === 'no-answer') return { type: 'again', reason: answer.reason }
  const { status, retryAfterMs, bodyStart } = answer
  if (status >= 200 && status < 300) return { type: 'done' }
  const reason = `expected an answer of 2xx, got ${status}${bodyStart === '' ? '' : `: ${quoted(bodyStart)}`}`
  if (status >= 500 || WORTH_ANOTHER_TRY.has(status)) return { type: 'again', reason, afterMs: retryAfterMs }
  throw new UserError(`${what}: ${reason}`)
}

function requestsOf<T>(
  options: HttpPostOptions<T>,
  bounds: { readonly batchRecords: number; readonly batchBytes: number },
  values: readonly T[],
  ctx: SinkContext,
): PostedRequest[] {
  const { body = (value: T): unknown => value, format = 'array' } = options
  const texts = values.map((value) => jsonText(body(value)))
  const keyOf = (index: number): string => digest(`${ctx.batchId()}/${index}`)
  if (format === 'single') {
    return texts.map((text, index) => ({
      contentType: 'application/json',
      key: checkedKey(options.idempotencyKey?.(values[index]!) ?? keyOf(index)),
      body: text,
    }))
  }
  return slices(texts, bounds).map((slice, index) => ({
    contentType: format === 'array' ? 'application/json' : 'application/x-ndjson',
    key: keyOf(index),
    body: format === 'array' ? `[${slice.join(',')}]` : slice.map((text) => `${text}\n`).join(''),
  }))
}

/** Cut at either bound; a text above the one of bytes goes alone. */
function slices(
  texts: readonly string[],
  { batchRecords, batchBytes }: { readonly batchRecords: number; readonly batchBytes: number },
): string[][] {
  const all: string[][] = []
  let bytes = 0
  for (const text of texts) {
    const size = Buffer.byteLength(text) + 1
    const last = all.at(-1)
    if (last === undefined || last.length === batchRecords || bytes + size > batchBytes) {
      all.push([text])
      bytes = size
    } else {
      last.push(text)
      bytes += size
    }
  }
  return all
}

function checkedKey(key: string): string {
  if (KEY.test(key)) return key
  throw new UserError(
    `${KIND}: expected idempotencyKey to give 1 to 255 visible ASCII characters, got ${quoted(key)}`,
  )
}

function isPlainUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, username, password, hash } = new URL(text)
  return ['http:', 'https:'].includes(protocol) && username === '' && password === '' && hash === ''
}

/** A URL for messages: user, password and query may be what nobody should read. */
function withoutSecrets(text: string): string {
  if (!URL.canParse(text)) return text.slice(0, 200)
  const { origin, pathname } = new URL(text)
  return `${origin}${pathname}`
}

function isCount(value: number): boolean {
  return Number.isInteger(value) && value >= 1
}
