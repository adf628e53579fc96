import { describe, expect, test } from 'vitest'
import { http } from '../../../../lib/connectors/index.ts'
import type { HttpEdge } from '../../../../lib/connectors/ingest/http-edge.ts'
import { ingestActor } from '../../../../lib/model/actors.ts'
import { encodeRequest } from '../../../../lib/serverless/actor/envelope.ts'
import { serverlessHttpEdge } from '../../../../lib/serverless/ingest/http-edge.ts'
import { PlatformFault } from '../../../../lib/ports/platform-fault.ts'
import { NO_FAULTS, type Faults } from '../../../world/faults.ts'
import { IngestWorld, SOURCE } from './ingest-world.ts'
import { failingSends } from './send-faults.ts'

const post = (edge: HttpEdge, body: unknown, headers: Record<string, string> = {}) =>
  edge({ method: 'POST', path: `/${SOURCE}`, headers, body: new TextEncoder().encode(JSON.stringify(body)) })

test('202: the records are in the queue, and then in the log', async () => {
  const world = await IngestWorld.of(http({ partitions: 2 }))
  const edge = serverlessHttpEdge(world.runtime)
  expect(await post(edge, [1, 2])).toMatchObject({ status: 202 })
  expect(await post(edge, [3])).toMatchObject({ status: 202 })
  expect(await world.read()).toEqual([])
  await world.drain()
  const all = [...(await world.bodies(0)), ...(await world.bodies(1))]
  expect(all.toSorted()).toEqual(['1', '2', '3'])
})

test('a request that is sent again is taken once: within minutes the queue swallows it, and the partition after', async () => {
  const world = await IngestWorld.of(http())
  const edge = serverlessHttpEdge(world.runtime)
  await post(edge, [1, 2], { 'idempotency-key': 'k' })
  await post(edge, [1, 2], { 'idempotency-key': 'k' })
  expect(world.world.mailbox.queueFor(ingestActor(SOURCE, 0)).size).toBe(1)
  await world.drain()
  world.clock.advance(299_000)
  await post(edge, [1, 2], { 'idempotency-key': 'k' })
  await post(edge, [1, 2], { 'idempotency-key': 'l' })
  await world.drain()
  expect(await world.bodies()).toEqual(['1', '2', '1', '2'])
})

test('requests without a key are told apart', async () => {
  const world = await IngestWorld.of(http())
  const edges = [serverlessHttpEdge(world.runtime), serverlessHttpEdge(world.runtime)]
  for (const edge of edges) for (let n = 0; n < 3; n++) await post(edge, [n])
  await world.drain()
  expect((await world.bodies()).length).toBe(6)
})

describe('sending that fails', () => {
  const large = 'x'.repeat(200_000)
  const many = Array.from({ length: 12 }, (_, n) => `${n}${large}`)

  test('is tried again at once', async () => {
    const world = await IngestWorld.of(http(), { faults: failingSends(1) })
    expect(await post(serverlessHttpEdge(world.runtime), [1])).toMatchObject({ status: 202 })
    await world.drain()
    expect(await world.bodies()).toEqual(['1'])
  })

  test.each([0, 1, 2, 3])(
    'is 503 where it goes on after %i messages; the same request again brings what is missing, in order',
    async (sent) => {
      const world = await IngestWorld.of(http(), { faults: failingSends(2, sent) })
      const edge = serverlessHttpEdge(world.runtime)
      const answer = await post(edge, many)
      expect(answer.status).toBe(503)
      await world.drain()
      expect((await world.bodies()).length).toBe(sent * 2)
      const key = answer.headers['idempotency-key']!
      expect((await post(edge, many, { 'idempotency-key': key })).status).toBe(202)
      await world.drain()
      expect(await world.bodies()).toEqual(many.map((text) => JSON.stringify(text)))
    },
  )
})

async function crowded(messages: number): Promise<IngestWorld> {
  const world = await IngestWorld.of(http())
  const to = ingestActor(SOURCE, 0)
  await world.runtime.mailbox.send(
    Array.from({ length: messages }, (_, n) => ({
      to,
      deduplicationId: String(n),
      body: encodeRequest(to, n),
    })),
  )
  return world
}

describe('429', () => {
  test('where too much waits, with the time to come again', async () => {
    const world = await crowded(11)
    const answer = await post(serverlessHttpEdge(world.runtime, { backlogMessagesMax: 10 }), [1])
    expect([answer.status, answer.headers['retry-after']]).toEqual([429, '5'])
    expect(world.world.mailbox.queueFor(ingestActor(SOURCE, 0)).size).toBe(11)
    expect((await post(serverlessHttpEdge(world.runtime, { backlogMessagesMax: 11 }), [1])).status).toBe(202)
  })

  test('the look at the queue holds for five seconds', async () => {
    const world = await crowded(11)
    const edge = serverlessHttpEdge(world.runtime, { backlogMessagesMax: 10 })
    expect((await post(edge, [1])).status).toBe(429)
    await world.drain()
    world.clock.advance(4_999)
    expect((await post(edge, [1])).status).toBe(429)
    world.clock.advance(1)
    expect((await post(edge, [1])).status).toBe(202)
  })

  test('not where nobody knows how much waits', async () => {
    const faults: Faults = {
      ...NO_FAULTS,
      before: async ({ name }) => {
        if (name === 'backlog') throw new PlatformFault('access denied')
      },
    }
    const world = await IngestWorld.of(http(), { faults })
    expect((await post(serverlessHttpEdge(world.runtime), [1])).status).toBe(202)
    expect(world.happenings).toMatchObject([{ type: 'warning' }])
  })
})
