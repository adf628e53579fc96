import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { sqs, type SqsOptions } from '../../../../lib/connectors/index.ts'
import { ingestActor } from '../../../../lib/model/actors.ts'
import { takeFromQueue, type QueueMessage } from '../../../../lib/serverless/ingest/queue-edge.ts'
import { NO_FAULTS, Throttled, type Faults } from '../../../world/faults.ts'
import { IngestWorld, SOURCE } from './ingest-world.ts'
import { failingSends } from './send-faults.ts'

const order = z.object({ order: z.string() })

async function queueWorld(options: Partial<SqsOptions<unknown>> = {}, faults?: Faults): Promise<IngestWorld> {
  return IngestWorld.of(sqs({ queue: 'orders', schema: order, ...options }), faults && { faults })
}

const message = (n: number, over: Partial<QueueMessage> = {}): QueueMessage => ({
  messageId: `m${n}`,
  body: JSON.stringify({ order: `o${n}` }),
  ...over,
})

const take = (world: IngestWorld, messages: readonly QueueMessage[]) =>
  takeFromQueue(world.runtime, world.source, messages)

async function inAll(world: IngestWorld): Promise<string[][]> {
  await world.drain()
  return Promise.all(
    Array.from({ length: world.source.spec.partitions }, (_, partition) => world.bodies(partition)),
  )
}

test('messages are in the log, known by their ids', async () => {
  const world = await queueWorld()
  expect(await take(world, [message(1), message(2)])).toEqual({ failed: [] })
  await world.drain()
  expect(await world.read()).toEqual([
    { id: 'm1', body: '{"order":"o1"}', refusal: undefined, receivedAtMs: 1_000_000 },
    { id: 'm2', body: '{"order":"o2"}', refusal: undefined, receivedAtMs: 1_000_000 },
  ])
})

describe('a message that comes again is taken once', () => {
  test.each<[string, Partial<SqsOptions<unknown>>, QueueMessage, QueueMessage]>([
    ['by its message id', {}, message(1), message(1)],
    [
      'by the id that its record declares',
      { recordId: (record) => (record as { order: string }).order },
      message(1),
      message(2, { body: '{"order":"o1"}' }),
    ],
  ])('%s', async (_title, options, first, second) => {
    const world = await queueWorld(options)
    await take(world, [first])
    await world.drain()
    // With others: so that the queue between does not know the message.
    await take(world, [second, message(9)])
    expect(await inAll(world)).toEqual([['{"order":"o1"}', '{"order":"o9"}']])
  })
})

describe('a message that can be no record is kept, with the reason, and blocks nothing', () => {
  const long = JSON.stringify({ order: 'x'.repeat(300_000) })
  test.each([
    ['', 'expected a value, got the end, at character 1'],
    ['hello', 'expected a value, got "h", at character 1'],
    ['{"order":"o1"} {}', 'expected nothing after the JSON value, got "{"'],
    ['{"order":1}', 'order: '],
    ['['.repeat(1_000), 'values nested more than 200 deep, at character 201'],
    [long, 'expected a record of at most 262144 bytes, got 300012'],
  ])('%#', async (body, reason) => {
    const world = await queueWorld()
    expect(await take(world, [message(1), message(2, { body }), message(3)])).toEqual({ failed: [] })
    await world.drain()
    const [first, second, third] = await world.read()
    expect([first?.id, third?.id]).toEqual(['m1', 'm3'])
    expect(second).toMatchObject({
      id: 'm2',
      body: body.slice(0, 65_536),
      refusal: expect.stringContaining(reason) as unknown,
      receivedAtMs: 1_000_000,
    })
  })

  describe('whole, where its dead letter does not hold all of it', () => {
    const sha256OfLong = createHash('sha256').update(long).digest('hex')
    const name = `dead-letters/${SOURCE}/raw-${sha256OfLong}`

    test('as an object that the letter names', async () => {
      const world = await queueWorld()
      await take(world, [message(1, { body: long })])
      await world.drain()
      const [record] = await world.read()
      expect(record?.rawAt).toBe(`${world.runtime.blobs.location}/${name}`)
      expect(new TextDecoder().decode(await world.runtime.blobs.get(name))).toBe(long)
    })

    test('once, however often the message comes', async () => {
      const world = await queueWorld()
      await take(world, [message(1, { body: long })])
      await world.drain()
      await take(world, [message(1, { body: long }), message(2, { body: long })])
      await world.drain()
      const rawAt = `${world.runtime.blobs.location}/${name}`
      expect(await world.read()).toMatchObject([
        { id: 'm1', rawAt },
        { id: 'm2', rawAt },
      ])
      expect(await world.runtime.blobs.list('dead-letters/')).toEqual([name])
    })

    test('or it stays in the queue, with those behind it', async () => {
      const world = await queueWorld(
        {},
        {
          ...NO_FAULTS,
          before: async (operation) => {
            if (operation.port === 'blobs') throw new Throttled(operation)
          },
        },
      )
      await expect(take(world, [message(1, { body: long }), message(2)])).rejects.toThrow('throttled')
      await world.drain()
      expect(await world.read()).toEqual([])
    })

    test('and only then: what is short is in its letter', async () => {
      const world = await queueWorld()
      await take(world, [message(1, { body: 'x'.repeat(65_536) })])
      await world.drain()
      expect(await world.read()).toMatchObject([{ body: 'x'.repeat(65_536), rawAt: undefined }])
      expect(await world.runtime.blobs.list('dead-letters/')).toEqual([])
    })
  })

  test('also where its declared id is of no use', async () => {
    const world = await queueWorld({ recordId: () => '' })
    await take(world, [message(1)])
    await world.drain()
    expect(await world.read()).toMatchObject([
      { id: 'm1', refusal: expect.stringContaining('recordId') as unknown },
    ])
  })
})

const longBody = (n: number): string => JSON.stringify({ order: String(n).repeat(200_000) })

describe('order', () => {
  test('is kept within a group of a FIFO queue, which goes to one partition', async () => {
    const world = await queueWorld({ partitions: 4 })
    const messages = Array.from({ length: 40 }, (_, n) => message(n, { groupId: `g${n % 8}` }))
    for (let at = 0; at < 40; at += 10) await take(world, messages.slice(at, at + 10))
    const partitions = await inAll(world)
    for (let group = 0; group < 8; group++) {
      const own = messages.filter(({ groupId }) => groupId === `g${group}`).map(({ body }) => body)
      const at = partitions.findIndex((bodies) => bodies.includes(own[0]!))
      expect(partitions[at]!.filter((body) => own.includes(body))).toEqual(own)
    }
    expect(partitions.filter((bodies) => bodies.length > 0).length).toBeGreaterThan(1)
  })

  test('after one that failed, the later ones of its group fail too', async () => {
    const messages = Array.from({ length: 8 }, (_, n) =>
      message(n, { body: longBody(n), groupId: n % 2 === 0 ? 'even' : 'odd' }),
    )
    // The first part of one group fails, and fails again; its second part must not come before it.
    const world = await queueWorld({ partitions: 64 }, failingSends(3))
    const { failed } = await take(world, messages)
    expect(failed).toEqual(['m0', 'm2', 'm4', 'm6'])
    await take(
      world,
      messages.filter(({ messageId }) => failed.includes(messageId)),
    )
    const bodies = (await inAll(world)).filter((one) => one.length > 0)
    expect(bodies.map((one) => one.map((body) => body[10]).join('')).toSorted()).toEqual(['0246', '1357'])
  })
})

test('where the answer to a message is lost, it comes again, and is taken once', async () => {
  const world = await queueWorld({}, failingSends(2, 0, 'lost'))
  expect(await take(world, [message(1), message(2)])).toEqual({ failed: ['m1', 'm2'] })
  expect(await take(world, [message(1), message(2)])).toEqual({ failed: [] })
  expect(await inAll(world)).toEqual([['{"order":"o1"}', '{"order":"o2"}']])
  expect(world.world.mailbox.queueFor(ingestActor(SOURCE, 0)).size).toBe(0)
})

test('without a schema any JSON value is a record', async () => {
  const world = await IngestWorld.of(sqs({ queue: 'arn:aws:sqs:eu-west-1:123456789012:any.fifo' }))
  await take(world, [message(1, { body: 'null' }), message(2, { body: ' [1] ' })])
  expect(await inAll(world)).toEqual([['null', ' [1] ']])
})
