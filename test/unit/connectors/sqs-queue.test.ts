import { describe, expect, test } from 'vitest'
import { sqsQueue, UserError, type SqsQueueOptions } from '../../../lib/index.ts'
import { QUEUE_BYTES_MAX, type QueueEntry } from '../../../lib/ports/outside.ts'
import { TurnTask } from '../operators/turn-drive.ts'
import { Crash, MemoryOutside } from '../../world/memory-outside.ts'
import { writerOf } from './sink-context.ts'

const QUEUE = 'orders'
const FIFO = 'orders.fifo'
const many = (count: number): string[] => Array.from({ length: count }, (_, i) => String(i))

const send = async (
  outside: MemoryOutside,
  options: SqsQueueOptions<string>,
  values: readonly string[],
): Promise<void> => writerOf(sqsQueue(options), { outside }).write(values, [])

describe('a standard queue', () => {
  test('gets ten messages a call, as JSON unless told otherwise', async () => {
    const outside = new MemoryOutside()
    await send(outside, { queue: QUEUE }, many(25))
    expect(outside.calls).toEqual(['send orders 10', 'send orders 10', 'send orders 5'])
    expect(outside.sent.get(QUEUE)![0]).toEqual({ body: '"0"' })
    await send(outside, { queue: 'texts', format: 'text' }, ['水'])
    await send(outside, { queue: 'own', format: (value) => `<${value}>` }, ['a'])
    expect(outside.bodies('texts')).toEqual(['水'])
    expect(outside.bodies('own')).toEqual(['<a>'])
  })

  test('gets calls no larger than SQS takes, by bytes and not by characters', async () => {
    const outside = new MemoryOutside()
    const half = '水'.repeat(Math.floor(QUEUE_BYTES_MAX / 6))
    await send(outside, { queue: QUEUE, format: 'text' }, [half, half, half, 'x'])
    // The small one rides with the first pair: in a standard queue no order is promised.
    expect(outside.calls).toHaveLength(2)
    expect(outside.bodies(QUEUE).toSorted()).toEqual([half, half, half, 'x'].toSorted())
  })

  test('a message as large as allowed is sent, a larger one or an empty one fails the job, before any is sent', async () => {
    const outside = new MemoryOutside()
    await send(outside, { queue: QUEUE, format: 'text' }, ['x'.repeat(QUEUE_BYTES_MAX)])
    expect(outside.calls).toHaveLength(1)
    const large = send(outside, { queue: QUEUE, format: 'text' }, ['fine', 'x'.repeat(QUEUE_BYTES_MAX + 1)])
    await expect(large).rejects.toThrow(UserError)
    await expect(large).rejects.toThrow(
      /^sqsQueue: cannot send to orders: expected messages of at most 1048576 bytes, got 1048577: "x{200}" …$/,
    )
    await expect(send(outside, { queue: QUEUE, format: 'text' }, [''])).rejects.toThrow(
      'at least one character',
    )
    expect(outside.calls).toHaveLength(1)
  })

  test('entries that fail are sent again, and only they, after longer and longer pauses', async () => {
    const outside = new MemoryOutside()
    const failures = new Map([
      ['"3"', 2],
      ['"7"', 1],
    ])
    outside.entryAnswer = ({ body }) => {
      const left = failures.get(body) ?? 0
      failures.set(body, left - 1)
      return left > 0 ? { type: 'unavailable', reason: 'InternalError: try again' } : undefined
    }
    await send(outside, { queue: QUEUE }, many(10))
    expect(outside.calls).toEqual(['send orders 10', 'send orders 2', 'send orders 1'])
    expect(outside.bodies(QUEUE).toSorted()).toEqual(many(10).map((value) => JSON.stringify(value)))
  })

  test('gives up in the end, having paused with jitter inside its bounds', async () => {
    const outside = new MemoryOutside()
    outside.entryAnswer = () => ({ type: 'unavailable', reason: 'RequestThrottled: slow down' })
    const sending = send(outside, { queue: QUEUE }, ['a'])
    await expect(sending).rejects.toThrow(
      'sqsQueue: cannot send to orders: gave up after 6 attempts: RequestThrottled: slow down',
    )
    await expect(sending).rejects.not.toThrow(UserError)
    expect(outside.calls).toHaveLength(6)
    expect(outside.pausesMs).toHaveLength(5)
    for (const [index, ms] of outside.pausesMs.entries()) {
      expect(ms).toBeGreaterThanOrEqual(50 * 2 ** index)
      expect(ms).toBeLessThanOrEqual(100 * 2 ** index)
    }
    expect(new Set(outside.pausesMs.map((ms, index) => ms / 2 ** index)).size).toBeGreaterThan(1)
  })

  test('what goes through starts the count of tries anew', async () => {
    const outside = new MemoryOutside()
    // Of each call only the first entry goes through.
    let accepted = 0
    outside.entryAnswer = () =>
      accepted < outside.calls.length && ++accepted ? undefined : { type: 'unavailable', reason: 'busy' }
    await send(outside, { queue: QUEUE }, many(20))
    expect(outside.calls).toHaveLength(20)
    expect(outside.bodies(QUEUE)).toEqual(many(20).map((value) => JSON.stringify(value)))
  })

  test('an entry that SQS refuses fails the job with its beginning', async () => {
    const outside = new MemoryOutside()
    outside.entryAnswer = ({ body }) =>
      body.includes('bad') ? { type: 'refused', reason: 'InvalidMessageContents: no' } : undefined
    const sending = send(outside, { queue: QUEUE }, ['good', 'bad'])
    await expect(sending).rejects.toThrow(UserError)
    await expect(sending).rejects.toThrow('InvalidMessageContents: no; the message: "\\"bad\\""')
    expect(outside.calls).toHaveLength(1)
  })
})

describe('a FIFO queue', () => {
  const byFirst = { queue: FIFO, format: 'text', group: (value: string) => value[0]! } as const

  test('gets records of a group in order, whatever fails', async () => {
    const outside = new MemoryOutside()
    const values = ['a1', 'a2', 'b1', 'a3', 'b2', 'c1']
    let chance = 0
    outside.entryAnswer = () => (++chance % 3 === 0 ? { type: 'unavailable', reason: 'busy' } : undefined)
    await send(outside, byFirst, values)
    const arrived = outside.bodies(FIFO)
    for (const group of ['a', 'b', 'c']) {
      const of = (all: readonly string[]): string[] => all.filter((value) => value.startsWith(group))
      expect(of(arrived)).toEqual(of(values))
    }
    expect(outside.calls[0]).toBe('send orders.fifo 3')
  })

  test('a record that does not fit holds back those of its group, not others', async () => {
    const outside = new MemoryOutside()
    const large = 'x'.repeat(QUEUE_BYTES_MAX - 100)
    await send(outside, byFirst, [`a${large}`, `b${large}`, 'b2', 'c1'])
    expect(outside.bodies(FIFO).map((body) => body.slice(0, 2))).toEqual(['ax', 'c1', 'bx', 'b2'])
  })

  test('ids: of the batch and place by default, the same for the same batch; a digest of what SQS does not allow', async () => {
    const outside = new MemoryOutside()
    await send(outside, byFirst, ['a', 'b'])
    await send(outside, byFirst, ['a', 'b'])
    expect(outside.bodies(FIFO)).toEqual(['a', 'b'])
    const own = { ...byFirst, group: () => 'New York', deduplicationId: (value: string) => `id ${value}` }
    await send(outside, own, ['x', 'y', 'x'])
    const entries: QueueEntry[] = outside.sent.get(FIFO)!.slice(2)
    expect(entries.map(({ body }) => body)).toEqual(['x', 'y'])
    for (const { group, deduplicationId } of entries) {
      expect(group).toMatch(/^[\x21-\x7e]{1,128}$/)
      expect(deduplicationId).toMatch(/^[\x21-\x7e]{1,128}$/)
    }
    expect(new Set(entries.map(({ group }) => group)).size).toBe(1)
  })

  test.for(['before', 'after'] as const)(
    'in turns, each record arrives once, whatever call a process dies %s',
    async (when) => {
      const records = [['a1', 'b1', 'a2'], ['c1', 'b2', 'a3'], ['b3']]
      for (let at = 0; at < 5; at++) {
        const outside = new MemoryOutside()
        let calls = 0
        outside[when] = (call) => {
          if (calls++ === at) throw new Crash(call)
        }
        const task = new TurnTask(sqsQueue(byFirst), { outside })
        const turn = (values: readonly string[]): Promise<void> =>
          task.turn(({ push }) => push(...values)).catch(() => turn(values))
        for (const values of records) {
          // A lost turn had other records.
          await task.turn(({ push }) => push(...values.toReversed()), 'lost').catch(() => undefined)
          await turn(values)
        }
        while (task.wantsTurn) await turn([])
        expect(calls).toBeGreaterThan(at)
        expect(outside.bodies(FIFO).toSorted()).toEqual(records.flat().toSorted())
      }
    },
  )
})

test('options are checked', () => {
  expect(() => sqsQueue({ queue: 'a b' })).toThrow(
    'sqsQueue: expected queue to be the name or URL of a queue, got "a b"',
  )
  expect(() => sqsQueue({ queue: FIFO })).toThrow('expected group to be a function, for a FIFO queue')
  expect(() => sqsQueue({ queue: QUEUE, group: () => 'g' })).toThrow(
    'a FIFO queue (….fifo), as there is a group',
  )
  expect(() => sqsQueue({ queue: 'https://sqs.eu-west-1.amazonaws.com/123456789012/orders' })).not.toThrow()
  expect(() => writerOf(sqsQueue({ queue: QUEUE }))).toThrow('npm install @aws-sdk/client-sqs')
})
