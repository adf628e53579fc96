import type { RecordFormat, RequestPlace } from './parse-records.ts'

/** One HTTP request, whoever received it. */
export interface HttpRequest {
  /** `POST` */
  readonly method: string
  /** With or without a query: `/readings`. */
  readonly path: string
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: Uint8Array
}

export interface HttpAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** JSON. */
  readonly body: string
}

export function answer(
  status: number,
  content: Readonly<Record<string, unknown>>,
  headers: Readonly<Record<string, string>> = {},
): HttpAnswer {
  return {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store', ...headers },
    body: `${JSON.stringify(content)}\n`,
  }
}

/** What is wrong with a request, and where in it. */
export function refusal(
  status: number,
  error: string,
  where: Partial<RequestPlace> = {},
  headers: Readonly<Record<string, string>> = {},
): HttpAnswer {
  return answer(status, { error, ...where }, headers)
}

/** The media types that are taken, for the header Accept-Post. */
export const ACCEPTED_TYPES = 'application/json, application/x-ndjson'

/** Types that leave it to the shape of the body: it may hold one value, an array, or a value a line. */
const BY_SHAPE = new Set(['', 'application/json', 'text/json', 'text/plain', 'application/octet-stream'])
const JSON_LINES = new Set([
  'application/x-ndjson',
  'application/ndjson',
  'application/jsonl',
  'application/jsonlines',
  'application/x-jsonlines',
])
const CHARSETS = new Set(['utf-8', 'utf8', 'us-ascii', 'ascii'])

/** How the request says that its records are written, or why it cannot be read. */
export function formatOf({ headers }: HttpRequest): RecordFormat | { readonly problem: string } {
  const encoding = headers['content-encoding']?.trim().toLowerCase()
  if (encoding !== undefined && encoding !== '' && encoding !== 'identity') {
    return { problem: `Expected a body without content encoding, got ${encoding}` }
  }
  const [type = '', ...parameters] = (headers['content-type'] ?? '')
    .toLowerCase()
    .split(';')
    .map((part) => part.trim())
  const format = formatOfType(type)
  if (format === undefined) {
    const hint =
      type === 'application/x-www-form-urlencoded'
        ? "; with curl, add -H 'content-type: application/json'"
        : ''
    return { problem: `Expected content type ${ACCEPTED_TYPES.replace(', ', ' or ')}, got ${type}${hint}` }
  }
  const charset = parameters
    .find((one) => one.startsWith('charset='))
    ?.slice('charset='.length)
    .replaceAll('"', '')
  if (charset !== undefined && !CHARSETS.has(charset))
    return { problem: `Expected UTF-8, got charset ${charset}` }
  return format
}

function formatOfType(type: string): RecordFormat | undefined {
  if (JSON_LINES.has(type)) return 'json-lines'
  return BY_SHAPE.has(type) || /^application\/[\w.-]+\+json$/.test(type) ? 'any' : undefined
}
