import { messageOf } from '../model/faults.ts'
import type { HttpAnswer, HttpPost, OutsideHttp } from '../ports/outside.ts'

/** Of a body: more than a message shows. */
const BODY_START_BYTES = 1_024

/** HTTP through Node's `fetch`. */
export const fetchHttp: OutsideHttp = {
  async post({ url, headers, body, timeoutMs }: HttpPost): Promise<HttpAnswer> {
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers,
        body,
        redirect: 'manual',
        signal: AbortSignal.timeout(timeoutMs),
      })
      const bodyStart = await startOf(response)
      const retryAfterMs = retryAfter(response.headers.get('retry-after'))
      return { type: 'answer', status: response.status, retryAfterMs, bodyStart }
    } catch (cause) {
      return { type: 'no-answer', reason: reasonOf(cause, timeoutMs) }
    }
  },
}

/** Reads no more than it returns, but lets go of the connection. */
async function startOf(response: Response): Promise<string> {
  if (response.body === null) return ''
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes >= BODY_START_BYTES) break
  }
  return new TextDecoder().decode(Buffer.concat(chunks).subarray(0, BODY_START_BYTES))
}

/** Seconds, or a date. */
function retryAfter(header: string | null): number | undefined {
  if (header === null) return undefined
  const ms = /^\d+$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - Date.now()
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined
}

function reasonOf(cause: unknown, timeoutMs: number): string {
  if (cause instanceof Error && cause.name === 'TimeoutError') return `no answer within ${timeoutMs} ms`
  // `fetch failed` alone says nothing.
  const inner = cause instanceof Error ? cause.cause : undefined
  return inner === undefined ? messageOf(cause) : messageOf(inner)
}
