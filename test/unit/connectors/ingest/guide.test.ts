import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { httpSource, TestEdge } from './edge-support.ts'

const SOURCES = [
  httpSource(),
  httpSource({ schema: undefined, recordBytesMax: 20 }, 'short'),
  httpSource({}, 'full'),
  httpSource({}, 'failing'),
]

/** A request or an answer as docs/guide/ingest.md shows it: a line, headers, a body after a blank line. */
interface Message {
  readonly start: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

function messageOf(text: string): Message {
  const [head = '', ...body] = text.split('\n\n')
  const [start = '', ...lines] = head.split('\n')
  return {
    start,
    headers: Object.fromEntries(lines.map((line) => line.split(': '))),
    body: body.join('\n\n'),
  }
}

/** Requests, each with the answer after it. */
function exchanges(): readonly (readonly [request: Message, answer: Message])[] {
  const guide = readFileSync(new URL('../../../../docs/guide/ingest.md', import.meta.url), 'utf8')
  const messages = [...guide.matchAll(/^```http\n(.*?)\n```$/gms)].map(([, text]) => messageOf(text!))
  return messages.flatMap((message, index) =>
    message.start.startsWith('POST ') ? [[message, messages[index + 1]!] as const] : [],
  )
}

test.each(exchanges())('the guide shows the answer to $start as it is', async (request, expected) => {
  const edge = new TestEdge(SOURCES, {
    deliver: async ({ uid }) => uid !== 'failing',
    retryAfterSec: async ({ uid }) => (uid === 'full' ? 5 : undefined),
  })
  const answer = await edge.post(request.body, request.headers, request.start.slice('POST '.length))
  expect([String(answer.status), answer.body.trimEnd()]).toEqual([expected.start, expected.body])
  expect(answer.headers).toMatchObject(expected.headers)
})

test('the guide shows an answer of each kind that says something of its own', () => {
  const statuses = exchanges().map(([, { start }]) => start)
  expect([...new Set(statuses)].toSorted()).toEqual(['202', '400', '404', '413', '429', '503'])
})
