import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { collection, defineJob, httpPost, runJob } from '../../../lib/index.ts'
import { fetchHttp } from '../../../lib/connectors/fetch-http.ts'

let server: Server | undefined
afterEach(() => {
  server?.closeAllConnections()
  server?.close()
})

async function serve(
  handle: (request: IncomingMessage, response: ServerResponse, body: string) => void,
): Promise<string> {
  server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8')
    request.on('data', (chunk: string) => (body += chunk))
    request.on('end', () => handle(request, response, body))
  })
  await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

const request = (url: string, timeoutMs = 10_000) => ({
  url,
  headers: { 'x-own': 'yes' },
  body: '"水"',
  timeoutMs,
})

test('posts a body with its headers, and tells of the answer', async () => {
  const seen: unknown[] = []
  const url = await serve(({ method, headers }, response, body) => {
    seen.push(method, headers['x-own'], body)
    response.writeHead(429, { 'retry-after': '2' }).end('x'.repeat(100_000))
  })
  const answer = await fetchHttp.post(request(url))
  expect(answer).toEqual({ type: 'answer', status: 429, retryAfterMs: 2_000, bodyStart: 'x'.repeat(1_024) })
  expect(seen).toEqual(['POST', 'yes', '"水"'])
})

test('follows no redirect, understands a date, and makes nothing of nonsense', async () => {
  const headers = [
    { location: '/elsewhere', 'retry-after': new Date(0).toUTCString() },
    { 'retry-after': 'soon' },
  ]
  const url = await serve((_request, response) => response.writeHead(307, headers.shift()).end())
  expect(await fetchHttp.post(request(url))).toEqual({
    type: 'answer',
    status: 307,
    retryAfterMs: 0,
    bodyStart: '',
  })
  expect(await fetchHttp.post(request(url))).toMatchObject({ status: 307, retryAfterMs: undefined })
})

test('an answer that does not come, or does not end, is none; nor is a server that is not there', async () => {
  const silent = await serve(() => {})
  expect(await fetchHttp.post(request(silent, 50))).toEqual({
    type: 'no-answer',
    reason: 'no answer within 50 ms',
  })
  server!.closeAllConnections()
  server!.close()
  const endless = await serve((_request, response) => response.writeHead(200).write('begun'))
  expect(await fetchHttp.post(request(endless, 50))).toEqual({
    type: 'no-answer',
    reason: 'no answer within 50 ms',
  })
  server!.closeAllConnections()
  await new Promise((resolve) => server!.close(resolve))
  expect(await fetchHttp.post(request(endless))).toMatchObject({
    type: 'no-answer',
    reason: expect.stringContaining('ECONNREFUSED'),
  })
})

test('a job in this process posts without further ado', async () => {
  const bodies: string[] = []
  const url = await serve((_request, response, body) => {
    bodies.push(body)
    response.writeHead(202).end()
  })
  const job = defineJob({ name: 'posting' }, (env) => {
    env.source('in', collection([1, 2, 3])).sinkTo('out', httpPost({ url }))
  })
  const { status } = await (await runJob(job)).result
  expect(status).toBe('FINISHED')
  expect(bodies).toEqual(['[1,2,3]'])
})
