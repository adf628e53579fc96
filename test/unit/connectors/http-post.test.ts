import { describe, expect, test } from 'vitest'
import { httpPost, UserError, type HttpPostOptions } from '../../../lib/index.ts'
import type { HttpAnswer } from '../../../lib/ports/outside.ts'
import { TurnTask } from '../operators/turn-drive.ts'
import { Crash, MemoryOutside } from '../../world/memory-outside.ts'
import { writerOf } from './sink-context.ts'

const URL = 'https://example.com/events'
const KEY = 'idempotency-key'

const post = async (
  outside: MemoryOutside,
  options: Partial<HttpPostOptions<unknown>>,
  values: readonly unknown[],
): Promise<void> =>
  writerOf(httpPost({ url: URL, ...options } as HttpPostOptions<unknown>), { outside }).write(values, [])

const answer = (status: number, bodyStart = '', retryAfterMs?: number): HttpAnswer => ({
  type: 'answer',
  status,
  bodyStart,
  retryAfterMs,
})

const bodies = (outside: MemoryOutside): string[] => outside.posts.map(({ body }) => body)
const keys = (outside: MemoryOutside): string[] => outside.posts.map(({ headers }) => headers[KEY]!)

describe('requests', () => {
  test('a JSON array of records by default, of a hundred at most', async () => {
    const outside = new MemoryOutside()
    await post(
      outside,
      {},
      Array.from({ length: 201 }, (_, n) => ({ n })),
    )
    expect(outside.posts.map(({ body }) => (JSON.parse(body) as unknown[]).length)).toEqual([100, 100, 1])
    expect(outside.posts[0]).toMatchObject({
      url: URL,
      timeoutMs: 5_000,
      headers: { 'content-type': 'application/json', [KEY]: expect.stringMatching(/^[0-9a-f]{40}$/) },
    })
    expect(new Set(keys(outside)).size).toBe(3)
  })

  test('lines, and one record a request', async () => {
    const outside = new MemoryOutside()
    await post(outside, { format: 'lines', batchRecords: 2, body: (value) => ({ value }) }, ['a', 'b', 'c'])
    expect(bodies(outside)).toEqual(['{"value":"a"}\n{"value":"b"}\n', '{"value":"c"}\n'])
    expect(outside.posts[0]!.headers['content-type']).toBe('application/x-ndjson')
    const single = new MemoryOutside()
    await post(single, { format: 'single', idempotencyKey: (value) => `key-${value as string}` }, ['a', 'b'])
    expect(bodies(single)).toEqual(['"a"', '"b"'])
    expect(keys(single)).toEqual(['key-a', 'key-b'])
  })

  test('a request with several records stays inside its bytes', async () => {
    const outside = new MemoryOutside()
    await post(outside, { batchBytes: 20 }, ['123456', '水水', 'x'.repeat(100), 'y'])
    expect(bodies(outside)).toEqual(['["123456","水水"]', `["${'x'.repeat(100)}"]`, '["y"]'])
  })

  test("headers of the user's take the place of the sink's, but for the key", async () => {
    const outside = new MemoryOutside()
    const headers = { 'Content-Type': 'text/plain', Authorization: 'Bearer x', 'Idempotency-Key': 'mine' }
    await post(outside, { headers }, ['a'])
    expect(outside.posts[0]!.headers).toEqual({
      'content-type': 'text/plain',
      authorization: 'Bearer x',
      [KEY]: expect.stringMatching(/^[0-9a-f]{40}$/),
    })
  })

  test('one after the other, in order, unless told otherwise', async () => {
    let underWay = 0
    let most = 0
    const counting = (outside: MemoryOutside): MemoryOutside => {
      outside.before = () => void (most = Math.max(most, ++underWay))
      outside.after = () => void underWay--
      return outside
    }
    const outside = counting(new MemoryOutside())
    await post(outside, { format: 'single' }, [1, 2, 3])
    expect(bodies(outside)).toEqual(['1', '2', '3'])
    expect(most).toBe(1)
    most = 0
    await post(counting(new MemoryOutside()), { format: 'single', concurrency: 2 }, [1, 2, 3, 4])
    expect(most).toBe(2)
  })

  test('the same batch has the same requests with the same keys', async () => {
    const outside = new MemoryOutside()
    for (let n = 0; n < 2; n++) await post(outside, { batchRecords: 1 }, ['a', 'b'])
    const [first, second, ...again] = keys(outside)
    expect(again).toEqual([first, second])
    expect(first).not.toBe(second)
  })
})

describe('answers', () => {
  test.for([200, 201, 202, 204])('%i is done', async (status) => {
    const outside = new MemoryOutside()
    outside.httpAnswer = () => answer(status)
    await post(outside, {}, ['a'])
    expect(outside.posts).toHaveLength(1)
  })

  test.for([400, 401, 403, 404, 409, 413, 422, 301, 304])(
    '%i fails the job at once, with the answer',
    async (status) => {
      const outside = new MemoryOutside()
      outside.httpAnswer = () => answer(status, `no\n\u001b[31m "such" ${'x'.repeat(500)}`)
      const posting = post(outside, { url: `${URL}?token=secret` }, ['a'])
      await expect(posting).rejects.toThrow(UserError)
      const message = await posting.then(
        () => '',
        (cause: unknown) => (cause as Error).message,
      )
      expect(message).toMatch(
        new RegExp(
          `^httpPost: cannot post to https://example.com/events: expected an answer of 2xx, got ${status}: ` +
            String.raw`"no\\n\\u001b\[31m \\"such\\" x+" …$`,
        ),
      )
      expect(message.length).toBeLessThan(400)
      expect(message).not.toContain('secret')
      expect(outside.posts).toHaveLength(1)
    },
  )

  test.for([408, 425, 429, 500, 502, 503, 504])(
    '%i is tried again with the same key, inside bounds',
    async (status) => {
      const outside = new MemoryOutside()
      outside.httpAnswer = () => answer(status, 'later')
      const posting = post(outside, {}, ['a'])
      await expect(posting).rejects.not.toThrow(UserError)
      await expect(posting).rejects.toThrow(
        `httpPost: cannot post to https://example.com/events: gave up after 4 attempts: expected an answer of 2xx, got ${status}: "later"`,
      )
      expect(outside.posts).toHaveLength(4)
      expect(new Set(keys(outside)).size).toBe(1)
      expect(outside.pausesMs).toHaveLength(3)
      for (const [index, ms] of outside.pausesMs.entries()) {
        expect(ms).toBeGreaterThanOrEqual(50 * 2 ** index)
        expect(ms).toBeLessThanOrEqual(100 * 2 ** index)
      }
    },
  )

  test('no answer is tried again; then it is done', async () => {
    const outside = new MemoryOutside()
    const answers: HttpAnswer[] = [{ type: 'no-answer', reason: 'no answer within 5000 ms' }, answer(503)]
    outside.httpAnswer = () => answers.shift()
    await post(outside, {}, ['a'])
    expect(outside.posts).toHaveLength(3)
  })

  test('Retry-After is waited for, up to a bound', async () => {
    const outside = new MemoryOutside()
    const answers = [answer(429, '', 1_000), answer(503, '', 3_600_000)]
    outside.httpAnswer = () => answers.shift()
    await post(outside, {}, ['a'])
    expect(outside.pausesMs).toEqual([1_000, 3_000])
  })
})

test('in turns, a request that is made again is the same, whatever call a process dies after', async () => {
  for (let at = 0; at < 4; at++) {
    const outside = new MemoryOutside()
    let calls = 0
    outside.after = (call) => {
      if (calls++ === at) throw new Crash(call)
    }
    const sink = httpPost<string>({ url: URL, batchRecords: 2 })
    const task = new TurnTask(sink, { outside })
    const turn = (...values: readonly string[]): Promise<void> =>
      task.turn(({ push }) => push(...values)).catch(() => turn(...values))
    // A lost turn had other records.
    await task.turn(({ push }) => push('a'), 'lost')
    await turn('a', 'b', 'c')
    await turn('d')
    await turn('e')
    while (task.wantsTurn) await turn()
    expect(calls).toBeGreaterThan(4)
    // As a server sees it that keeps keys.
    const seen = new Map(outside.posts.map(({ headers, body }) => [headers[KEY], body]))
    expect([...seen.values()]).toEqual(['["a","b"]', '["c"]', '["d"]', '["e"]'])
    for (const { headers, body } of outside.posts) expect(seen.get(headers[KEY])).toBe(body)
  }
})

test('what JSON cannot hold, and a key that no header can, fail the job', async () => {
  const outside = new MemoryOutside()
  await expect(post(outside, {}, [undefined])).rejects.toThrow('a value that JSON can hold, got undefined')
  const wrongKey = post(outside, { format: 'single', idempotencyKey: () => 'a\nb' }, ['a'])
  await expect(wrongKey).rejects.toThrow(
    'expected idempotencyKey to give 1 to 255 visible ASCII characters, got "a\\nb"',
  )
  expect(outside.posts).toEqual([])
})

test('options are checked together, and no secret is shown', () => {
  const wrong = {
    url: 'https://user:secret@example.com/x?y=secret#z',
    concurrency: 0,
    attemptsMax: 1.5,
    batchRecords: 0,
    batchBytes: 0,
    timeout: 'soon',
  }
  const problems = (() => {
    try {
      httpPost(wrong)
      return []
    } catch (cause) {
      return (cause as UserError).problems
    }
  })()
  expect(problems[0]).toBe(
    'httpPost: expected url to be an http or https URL without user, password and fragment, got "https://example.com/x"',
  )
  expect(problems.map((problem) => /expected (\w+) to be/.exec(problem)?.[1])).toEqual([
    'url',
    'concurrency',
    'attemptsMax',
    'batchRecords',
    'batchBytes',
    'timeout',
  ])
  expect(() => httpPost({ url: 'ftp://example.com' })).toThrow('an http or https URL')
})
