import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { GROUP_BYTES_MAX } from '../../../../lib/connectors/ingest/group-records.ts'
import { REQUEST_BYTES_MAX, REQUEST_RECORDS_MAX } from '../../../../lib/connectors/ingest/http-edge.ts'
import { bytesOf, idOf } from '../../../../lib/connectors/ingest/record-group.ts'
import { JSON_DEPTH_MAX } from '../../../../lib/connectors/ingest/scan-json.ts'
import { MESSAGE_BYTES_MAX } from '../../../../lib/ports/mailbox.ts'
import { content, httpSource, JSON_TYPE, LINES_TYPE, queueSource, TestEdge } from './edge-support.ts'

const A = '{"sensor":"a","celsius":1}'
const B = '{"sensor":"b","celsius":2}'
const BAD = '{"sensor":"b","celsius":"hot"}'

describe('202: every record is durable', () => {
  test.each<[title: string, headers: Record<string, string>, body: string, bodies: string[]]>([
    ['one value', JSON_TYPE, A, [A]],
    ['an array', JSON_TYPE, `[${A},${B}]`, [A, B]],
    ['an array over several lines', JSON_TYPE, `[\n  ${A},\r\n  ${B}\n]\n`, [A, B]],
    ['an empty array', JSON_TYPE, '[]', []],
    ['a value a line', LINES_TYPE, `${A}\n${B}`, [A, B]],
    ['lines with CRLF, blank lines, a last newline', LINES_TYPE, `\r\n${A}\r\n\n  \n${B}\r\n`, [A, B]],
    ['one line', LINES_TYPE, A, [A]],
    ['lines under the type of JSON, by their shape', JSON_TYPE, `${A}\n${B}\n`, [A, B]],
    ['no content type', {}, `${A}\n${B}`, [A, B]],
    ['text/plain', { 'content-type': 'text/plain;charset=UTF-8' }, A, [A]],
    ['a charset in quotes', { 'content-type': 'Application/JSON; Charset="utf-8"' }, A, [A]],
    ['a structured suffix', { 'content-type': 'application/vnd.acme.reading+json' }, A, [A]],
    ['identity encoding', { 'content-encoding': 'identity' }, A, [A]],
    ['a byte order mark', JSON_TYPE, `\uFEFF${A}`, [A]],
    ['a byte order mark before lines', LINES_TYPE, `\uFEFF${A}\n${B}`, [A, B]],
    ['white space around', JSON_TYPE, ` \n\t${A}\r\n `, [A]],
    [
      'characters of every plane',
      JSON_TYPE,
      '{"sensor":"水😀\\ud83d\\ude00é","celsius":0}',
      ['{"sensor":"水😀\\ud83d\\ude00é","celsius":0}'],
    ],
    [
      'as they were written',
      JSON_TYPE,
      '[ {"sensor" : "a", "celsius": 1.50} ]',
      ['{"sensor" : "a", "celsius": 1.50}'],
    ],
  ])('%s', async (_title, headers, body, bodies) => {
    const edge = new TestEdge()
    const answer = await edge.post(body, headers)
    expect(content(answer)).toEqual({
      accepted: bodies.length,
      ids: bodies.map((_, index) => `key1-${index}`),
    })
    expect(answer.status).toBe(202)
    expect(answer.headers['idempotency-key']).toBe('key1')
    expect(edge.bodies).toEqual(bodies)
  })

  test('a record that is an array comes in an array, or on a line', async () => {
    const source = httpSource({ schema: z.tuple([z.string(), z.number()]) })
    for (const [headers, body] of [
      [JSON_TYPE, '[["a",1]]'],
      [LINES_TYPE, '["a",1]'],
    ] as const) {
      const edge = new TestEdge([source])
      expect((await edge.post(body, headers)).status).toBe(202)
      expect(edge.bodies).toEqual(['["a",1]'])
    }
    expect((await new TestEdge([source]).post('["a",1]', JSON_TYPE)).status).toBe(400)
  })

  test('numbers keep all their digits', async () => {
    const edge = new TestEdge([httpSource({ schema: undefined })])
    const numbers = ['12345678901234567890', '1e400', '-0', '0.1000000000000000055511151231257827']
    expect((await edge.post(`[${numbers.join(',')}]`)).status).toBe(202)
    expect(edge.bodies).toEqual(numbers)
  })

  test('values that are no objects, without a schema', async () => {
    const edge = new TestEdge([httpSource({ schema: undefined })])
    const values = ['null', 'true', '"text"', '{}', '[]', '0']
    expect((await edge.post(values.join('\n'), LINES_TYPE)).status).toBe(202)
    expect(edge.bodies).toEqual(values)
  })

  test('nesting up to its bound', async () => {
    const nested = '['.repeat(JSON_DEPTH_MAX - 1) + ']'.repeat(JSON_DEPTH_MAX - 1)
    const edge = new TestEdge([httpSource({ schema: undefined })])
    expect((await edge.post(`[${nested}]`)).status).toBe(202)
    expect((await edge.post(`[[${nested}]]`)).status).toBe(400)
  })
})

const notUtf8 = (before: string, after = ''): Uint8Array =>
  Uint8Array.from([...Buffer.from(before), 0xff, ...Buffer.from(after)])

describe('400: nothing is accepted, and the place is told', () => {
  const latin1 = Uint8Array.from(Buffer.from('{"sensor":"é","celsius":1}', 'latin1'))
  const utf16 = Uint8Array.from(Buffer.from(`\uFEFF${A}`, 'utf16le'))
  test.each<
    [title: string, headers: Record<string, string>, body: string | Uint8Array, error: RegExp, place: object]
  >([
    ['an empty body', JSON_TYPE, '', /empty body/, { record: 0, line: 1, column: 1 }],
    ['nothing but white space', LINES_TYPE, ' \r\n\n', /empty body/, { record: 0, line: 1, column: 1 }],
    ['nothing but a byte order mark', JSON_TYPE, '\uFEFF', /empty body/, { record: 0 }],
    ['no JSON', JSON_TYPE, 'hello', /expected a value, got "h"/i, { record: 0, line: 1, column: 1 }],
    ['JSON that is cut off', JSON_TYPE, '{"sensor":"a",', /got the end/, { record: 0, line: 1, column: 15 }],
    [
      'a bad element',
      JSON_TYPE,
      `[${A},\n {"sensor":}]`,
      /a value, got "}"/,
      { record: 1, line: 2, column: 12 },
    ],
    [
      'something after the value',
      JSON_TYPE,
      `${A} ${B}`,
      /nothing after/,
      { record: 0, line: 1, column: 28 },
    ],
    ['a bad line', LINES_TYPE, `${A}\n\n${A}}\n${B}`, /end of the line/, { record: 1, line: 3, column: 27 }],
    [
      'a bad line, by shape',
      JSON_TYPE,
      `${A}\n{"sensor"`,
      /':' after a key, got the end/,
      { record: 1, line: 2, column: 10 },
    ],
    [
      'a value over two lines of NDJSON',
      LINES_TYPE,
      '{"sensor":"a",\n"celsius":1}',
      /got the end/,
      { line: 1 },
    ],
    ['a refused record', JSON_TYPE, BAD, /^celsius: /, { record: 0, line: 1, column: 1 }],
    ['a refused element', JSON_TYPE, `[\n${A},\n  ${BAD}]`, /^celsius: /, { record: 1, line: 3, column: 3 }],
    ['a refused line', LINES_TYPE, `${A}\n \t${BAD}\n`, /^celsius: /, { record: 1, line: 2, column: 3 }],
    ['a control character', JSON_TYPE, '{"sensor":"\u0000","celsius":1}', /escaped/, { column: 12 }],
    ['a million open brackets', JSON_TYPE, '['.repeat(1_000_000), /nested/, { column: JSON_DEPTH_MAX + 1 }],
  ])('%s', async (_title, headers, body, error, place) => {
    const edge = new TestEdge()
    const answer = await edge.post(body, headers)
    expect(answer.status).toBe(400)
    expect(content(answer)).toMatchObject({ error: expect.stringMatching(error) as unknown, ...place })
    expect(edge.delivered).toEqual([])
  })

  test.each<[title: string, headers: Record<string, string>, body: Uint8Array, place: object]>([
    ['in the first record', LINES_TYPE, latin1, { record: 0, line: 1, column: 12 }],
    [
      'in a later record: blank lines are none',
      LINES_TYPE,
      notUtf8(`${A}\n \r\n${A}\n\n{"é":"`, '"}\n1'),
      { record: 2, line: 5, column: 7 },
    ],
    ['in a line of its own', LINES_TYPE, notUtf8(`${A}\n`), { record: 1, line: 2, column: 1 }],
    [
      'after a byte order mark, and what stands for no character',
      LINES_TYPE,
      notUtf8('\uFEFF"\uFFFD"\n"\uFFFD\uFFFD😀'),
      { record: 1, line: 2, column: 6 },
    ],
    [
      'a character that is cut off',
      LINES_TYPE,
      Buffer.from('"€').subarray(0, 3),
      { record: 0, line: 1, column: 2 },
    ],
    ['a value, or one of many: nobody knows', JSON_TYPE, latin1, { line: 1, column: 12 }],
    ['an element', JSON_TYPE, notUtf8(`[${A},\n ${A},\n  "`, '"]'), { line: 3, column: 4 }],
    ['all of it', JSON_TYPE, utf16, { line: 1, column: 1 }],
  ])('bytes that are no UTF-8: %s', async (_title, headers, body, place) => {
    const answer = await new TestEdge().post(body, headers)
    const error = 'Expected UTF-8, got bytes that are none'
    const expected = { error, ...place }
    expect([answer.status, content(answer)]).toEqual([400, expected])
  })

  test.each(['', 'a b', 'é', 'x'.repeat(201), 'a\nb'])('the idempotency key %j', async (key) => {
    const answer = await new TestEdge().post(A, { 'idempotency-key': key })
    expect([answer.status, content(answer)]).toEqual([
      400,
      { error: expect.stringContaining('Idempotency-Key') as unknown },
    ])
  })

  test.each([undefined, '', 'x'.repeat(257), 7])('a record id that is %j', async (id) => {
    const answer = await new TestEdge([httpSource({ recordId: () => id })]).post(A)
    expect(answer.status).toBe(400)
    expect(content(answer)).toMatchObject({
      error: expect.stringContaining('recordId') as unknown,
      record: 0,
    })
  })
})

/** JSON text of so many bytes. */
const text = (bytes: number): string => `"${'é'.repeat((bytes - 2) / 2)}"`
/** A number in so many bytes. */
const padded = (bytes: number): string => `1${' '.repeat(bytes - 1)}`

describe('413', () => {
  const any = httpSource({ schema: undefined, recordBytesMax: 1_000 })

  test('a record over its bound, in bytes', async () => {
    const edge = new TestEdge([any])
    expect((await edge.post(`[1,${text(1_000)}]`)).status).toBe(202)
    const answer = await edge.post(`[1,${text(1_002)}]`)
    expect([answer.status, content(answer)]).toEqual([
      413,
      { error: 'Expected a record of at most 1000 bytes, got 1002', record: 1, line: 1, column: 4 },
    ])
  })

  test('a request over its bound', async () => {
    const edge = new TestEdge([any])
    expect((await edge.post(padded(REQUEST_BYTES_MAX))).status).toBe(202)
    const answer = await edge.post(padded(REQUEST_BYTES_MAX + 1))
    expect(answer.status).toBe(413)
    expect(content(answer)).toEqual({
      error: 'Expected a body of at most 6291456 bytes, got 6291457: send it in parts',
    })
  })

  test('more records than an answer can name', async () => {
    const edge = new TestEdge([any])
    expect((await edge.post('1\n'.repeat(REQUEST_RECORDS_MAX), LINES_TYPE)).status).toBe(202)
    expect((await edge.post('1\n'.repeat(REQUEST_RECORDS_MAX + 1), LINES_TYPE)).status).toBe(413)
  })
})

describe('415', () => {
  test.each([
    [{ 'content-type': 'application/xml' }, /application\/xml/],
    [{ 'content-type': 'application/x-www-form-urlencoded' }, /with curl, add -H/],
    [{ 'content-type': 'multipart/form-data; boundary=x' }, /multipart/],
    [{ 'content-type': 'constructor' }, /constructor/],
    [{ 'content-type': 'application/json; charset=utf-16' }, /utf-16/],
    [{ 'content-type': 'application/json', 'content-encoding': 'gzip' }, /gzip/],
  ])('%j', async (headers, error) => {
    const answer = await new TestEdge().post(A, headers)
    expect(answer.status).toBe(415)
    expect(answer.headers['accept-post']).toContain('application/x-ndjson')
    expect(content(answer)).toMatchObject({ error: expect.stringMatching(error) as unknown })
  })
})

describe('404 and 405', () => {
  const two = [httpSource({}, 'readings'), httpSource({}, 'more readings')]

  test.each(['/nothing', '/readings/1', '/more//readings', '/%zz', '/READINGS'])(
    '%s is no source',
    async (path) => {
      const answer = await new TestEdge(two).post(A, {}, path)
      expect(answer.status).toBe(404)
      expect(content(answer)).toMatchObject({ sources: ['/readings', '/more%20readings'] })
    },
  )

  test.each(['/readings', '//readings', '/readings/', '/readings?x=1', '/more%20readings', 'readings'])(
    '%s is one',
    async (path) => {
      expect((await new TestEdge(two).post(A, {}, path)).status).toBe(202)
    },
  )

  test('the root is the source, where there is one', async () => {
    expect((await new TestEdge().post(A, {}, '/')).status).toBe(202)
    expect((await new TestEdge(two).post(A, {}, '/')).status).toBe(404)
    expect((await new TestEdge([]).post(A, {}, '/')).status).toBe(404)
  })

  test.each(['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS'])('%s is not the way', async (method) => {
    const answer = await new TestEdge().handle({
      method,
      path: '/readings',
      headers: {},
      body: new Uint8Array(),
    })
    expect([answer.status, answer.headers['allow']]).toEqual([405, 'POST'])
  })
})

test('429: there is no room, and nothing is accepted', async () => {
  const edge = new TestEdge()
  edge.retryAfterSec = 7
  const answer = await edge.post(A)
  expect([answer.status, answer.headers['retry-after']]).toEqual([429, '7'])
  expect(edge.delivered).toEqual([])
  // What is wrong with it, it had better be told at once.
  expect((await edge.post(BAD)).status).toBe(400)
})

test('503: the same request may be sent again, under the key that is told', async () => {
  const edge = new TestEdge()
  edge.isDurable = false
  const answer = await edge.post(`[${A},${B}]`)
  expect([answer.status, answer.headers['retry-after'], answer.headers['idempotency-key']]).toEqual([
    503,
    '1',
    'key1',
  ])
  expect(content(answer)).toMatchObject({
    error: expect.stringContaining('Idempotency-Key: key1') as unknown,
  })
  edge.isDurable = true
  const again = await edge.post(`[${A},${B}]`, { 'idempotency-key': 'key1' })
  expect(content(again)).toEqual({ accepted: 2, ids: ['key1-0', 'key1-1'] })
})

test('500: a schema that is of no use is the fault of nobody who sends', async () => {
  const asynchronous = { '~standard': { version: 1, vendor: 'test', validate: async () => ({ value: 1 }) } }
  const edge = new TestEdge([httpSource({ schema: asynchronous })])
  const answer = await edge.post(A)
  expect(answer.status).toBe(500)
  expect(content(answer)).toMatchObject({ error: expect.stringContaining("'readings'") as unknown })
})

/** By id. */
const partitionsOf = (edge: TestEdge): Map<string, number> =>
  new Map(
    edge.delivered.flatMap(({ partition, group }) =>
      group.bodies.map((_, index) => [idOf(group, index), partition] as const),
    ),
  )

describe('where records go', () => {
  test('a queue source is not reached by HTTP', async () => {
    const edge = new TestEdge(
      [httpSource(), queueSource('queue')].filter(({ spec }) => spec.from.type === 'http'),
    )
    expect((await edge.post(A, {}, '/queue')).status).toBe(404)
  })

  test('a request goes to one partition, whole, by its key', async () => {
    const source = httpSource({ partitions: 8 })
    const edge = new TestEdge([source])
    for (let request = 0; request < 64; request++) await edge.post(`[${A},${B}]`)
    expect(edge.delivered.every(({ group }) => group.bodies.length === 2)).toBe(true)
    expect(new Set(edge.delivered.map(({ partition }) => partition)).size).toBe(8)
    const again = new TestEdge([source])
    await again.post(`[${A},${B}]`, { 'idempotency-key': 'key1' })
    expect(again.delivered[0]).toEqual(edge.delivered[0])
  })

  test('records that declare ids go by them, whatever request brings them', async () => {
    const source = httpSource({ partitions: 4, recordId: (one: { sensor: string }) => one.sensor })
    const records = Array.from({ length: 40 }, (_, number) => `{"sensor":"s${number}","celsius":1}`)
    const one = new TestEdge([source])
    const answer = await one.post(records.join('\n'))
    expect(content(answer)).toMatchObject({ ids: records.map((_, number) => `s${number}`) })
    const many = new TestEdge([source])
    for (const record of records) await many.post(record)
    expect(partitionsOf(many)).toEqual(partitionsOf(one))
    expect(new Set(partitionsOf(one).values()).size).toBe(4)
  })

  test('large requests are cut into groups that fit into a message, in order', async () => {
    const edge = new TestEdge([httpSource({ schema: undefined, recordBytesMax: 524_288 })])
    const bodies = Array.from(
      { length: 40 },
      (_, n) => `"${String(n % 10).repeat(n % 3 === 0 ? 300_000 : 5_000)}"`,
    )
    expect((await edge.post(bodies.join('\n'))).status).toBe(202)
    expect(edge.bodies).toEqual(bodies)
    expect(edge.delivered.length).toBeGreaterThan(5)
    for (const { group } of edge.delivered) expect(bytesOf(group)).toBeLessThan(MESSAGE_BYTES_MAX)
    const ids = edge.delivered.flatMap(({ group }) => group.bodies.map((_, index) => idOf(group, index)))
    expect(ids).toEqual(bodies.map((_, number) => `key1-${number}`))
  })

  test('a record of the greatest length fits into a message', async () => {
    const edge = new TestEdge([httpSource({ schema: undefined, recordBytesMax: 524_288 })])
    expect((await edge.post(`"${'x'.repeat(524_286)}"`)).status).toBe(202)
    expect(bytesOf(edge.delivered[0]!.group)).toBeLessThan(GROUP_BYTES_MAX)
  })
})
