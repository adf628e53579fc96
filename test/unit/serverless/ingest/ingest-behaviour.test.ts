import { describe, expect, test, vi } from 'vitest'
import { http } from '../../../../lib/connectors/index.ts'
import { ID_WINDOW, shortHash } from '../../../../lib/connectors/ingest/id-window.ts'
import { COORDINATOR, ingestActor } from '../../../../lib/model/actors.ts'
import { ActorProcess, type ActorFault } from '../../../../lib/serverless/actor/actor-process.ts'
import type { Place, View } from '../../../../lib/serverless/actor/behaviour.ts'
import { decodeEnvelope, encodeRequest } from '../../../../lib/serverless/actor/envelope.ts'
import type { Delivery } from '../../../../lib/serverless/actor/inbox.ts'
import { reportFault } from '../../../../lib/serverless/coordinator/actor-faults.ts'
import { INGEST_LIMITS, ingestBehaviour } from '../../../../lib/serverless/ingest/ingest-behaviour.ts'
import {
  ingestRequestOf,
  type IngestRequest,
  type IngestState,
} from '../../../../lib/serverless/ingest/ingest-state.ts'
import { SeededRandom } from '../../../../lib/testing/index.ts'
import { declared, delivery, groupOf, IngestWorld, randomText, records, SOURCE } from './ingest-world.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const SECOND_MS = 1_000
const large = 'x'.repeat(100_000)
/** Text that does not get shorter by compression. */
const noise = (seed: number): string => randomText(new SeededRandom(seed), 30_000)

const input = (n: number) => ({
  type: 'request' as const,
  payload: records(`k${n}`, large, large, large, large, large),
  messageId: String(n),
})

const ids = (from: number, count: number): string[] => Array.from({ length: count }, (_, n) => `r${from + n}`)

/** Of requests that came in a minute apart, and waited. */
const waited = (count: number): Delivery[] =>
  Array.from({ length: count }, (_, n) =>
    delivery({ ...groupOf(records(`k${n}`, String(n))), receivedAtMs: 1_000_000 - (count - n) * 60_000 }),
  )

/** Of a backfill, whose records all come at once. */
const filled = (count: number): Delivery[] =>
  Array.from({ length: count }, (_, n) => delivery(groupOf(declared(...ids(n * 3_000, 3_000)))))

const truncate = (below: number) => ({ type: 'truncate', below }) as const

const numbers = (bodies: readonly string[]): number[] => bodies.map(Number).filter((n) => n > 0)

const warnings = ({ happenings }: IngestWorld): string[] =>
  happenings.flatMap((one) => (one.type === 'warning' ? [one.message] : []))

const age = ({ metrics }: IngestWorld): number | undefined =>
  metrics.findLast(({ name }) => name === 'oldestUnreadAge')?.value

describe('records that come in', () => {
  test('are in the log, in order, with their ids and times', async () => {
    const world = await IngestWorld.of(http())
    expect(await world.ask(records('a', '1', '2'))).toEqual([])
    await world.ask({
      type: 'records',
      group: { receivedAtMs: 8, ids: ['x'], bodies: ['{'], refusals: [[0, 'it is no JSON']] },
    } as never)
    expect(await world.read()).toEqual([
      { id: 'a-0', body: '1', refusal: undefined, receivedAtMs: 1_000_000 },
      { id: 'a-1', body: '2', refusal: undefined, receivedAtMs: 1_000_000 },
      { id: 'x', body: '{', refusal: 'it is no JSON', receivedAtMs: 1_000_000 },
    ])
  })

  test('wake the task that reads their partition, and no other', async () => {
    const world = await IngestWorld.of(http({ partitions: 5 }), { parallelism: 2 })
    for (const partition of [0, 1, 4]) await world.ask(records('a', '1'), partition)
    await world.drain()
    expect(world.nudged.toSorted()).toEqual([`task:${SOURCE}#0`, `task:${SOURCE}#0`, `task:${SOURCE}#1`])
  })

  test('come in one turn, up to a bound', async () => {
    const world = await IngestWorld.of(http())
    const actor = ingestActor(SOURCE, 0)
    const behaviour = ingestBehaviour(world.runtime, actor)
    const place = { attempt: 0, position: 0 }
    const view = { actor, state: behaviour.initial, place } as unknown as View<IngestState>
    const stepWorld = { nowMs: 1, remainingMs: () => 60_000 }
    const outcome = await behaviour.step(view, [0, 1, 2, 3, 4, 5, 6].map(input), stepWorld)
    expect([outcome.taken, outcome.delta?.groups.length]).toEqual([4, 4])
    expect(await behaviour.step(view, [], stepWorld)).toMatchObject({
      taken: 0,
      delta: undefined,
      nudges: [],
    })
  })

  test('are read from blobs where they are many', async () => {
    const world = await IngestWorld.of(http())
    const bodies = Array.from({ length: 50 }, (_, n) => noise(n + 1))
    for (const [n, body] of bodies.entries()) await world.ask(records(`k${n}`, body))
    expect(await world.bodies()).toEqual(bodies)
    expect((await world.runtime.blobs.list('log/')).length).toBe(50)
  })
})

describe('a repeat', () => {
  test('of a request is taken once within the window, also by another process', async () => {
    const world = await IngestWorld.of(http())
    await world.ask(records('a', '1', '2'))
    await world.ask(records('a', '1', '2'))
    world.restart()
    world.clock.advance(ID_WINDOW.windowMs - 1)
    await world.ask(records('a', '1', '2'))
    expect(await world.bodies()).toEqual(['1', '2'])
    world.clock.advance(1)
    await world.ask(records('a', '1', '2'))
    expect(await world.bodies()).toEqual(['1', '2', '1', '2'])
  })

  test('of a record is taken once, whatever it comes with', async () => {
    const world = await IngestWorld.of(http())
    await world.ask(declared('a', 'b', 'a'))
    await world.ask(declared('b', 'c'))
    await world.ask(declared('a', 'c'))
    expect(await world.bodies()).toEqual(['a', 'b', 'c'])
  })

  test('costs no turn and wakes nobody', async () => {
    const world = await IngestWorld.of(http())
    await world.ask(records('a', '1'))
    await world.drain()
    await world.ask(records('a', '1'))
    await world.drain()
    expect(world.nudged.length).toBe(1)
    expect((await world.runtime.log.read(ingestActor(SOURCE, 0), undefined)).entries.length).toBe(1)
  })

  test('is known after a head was written, and the entries before it are not read again', async () => {
    const world = await IngestWorld.of(http())
    for (let n = 0; n <= INGEST_LIMITS.headEveryTurns; n++) await world.ask(declared(`r${n}`))
    expect(await world.runtime.log.head(ingestActor(SOURCE, 0))).toBeDefined()
    world.restart()
    for (let n = 0; n <= INGEST_LIMITS.headEveryTurns; n++) await world.ask(declared(`r${n}`))
    expect((await world.bodies()).length).toBe(INGEST_LIMITS.headEveryTurns + 1)
  })

  test('is known among the last ids alone: what is remembered is bounded', async () => {
    const world = await IngestWorld.of(http())
    await world.ask(declared('first'))
    for (let n = 0; n < 21; n++) await world.ask(declared(...ids(n * 1_000, 1_000)))
    await world.ask(declared('first', 'r20999', 'r2000'))
    expect((await world.bodies()).filter((body) => ['first', 'r20999', 'r2000'].includes(body))).toEqual([
      'first',
      'r2000',
      'r20999',
      'first',
    ])
  })
})

describe('messages that come again, because whoever took them died before the queue heard of it', () => {
  test.each([
    ['are older than what is remembered of requests', waited(10), 10],
    ['hold more records than are remembered', filled(10), 30_000],
  ])('are taken once where they %s', async (_, batch, expected) => {
    const world = await IngestWorld.of(http())
    await world.take(batch)
    for (const afterMs of [36 * SECOND_MS, HOUR_MS, 7 * DAY_MS]) {
      world.restart()
      world.clock.advance(afterMs)
      await world.take(batch)
    }
    expect((await world.bodies()).length).toBe(expected)
  })

  test('are taken once though each time one more of them is committed, an hour later', async () => {
    const world = await IngestWorld.of(http())
    const batch = waited(10)
    for (let n = 1; n <= batch.length; n++) {
      await world.take(batch.slice(0, n))
      world.restart()
      world.clock.advance(HOUR_MS)
    }
    expect(await world.bodies()).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])
  })

  test('are taken once though a head stands for the turn that took them', async () => {
    const world = await IngestWorld.of(http())
    const batch = waited(10)
    await world.take(batch)
    for (let n = 0; n < INGEST_LIMITS.headEveryTurns; n++) await world.ask(records(`later${n}`, 'later'))
    expect(await world.runtime.log.head(ingestActor(SOURCE, 0))).toBeDefined()
    world.restart()
    await world.take(batch)
    expect(numbers(await world.bodies()).length).toBe(9)
  })

  test('are dropped whole where others had made some of their records repeats', async () => {
    const world = await IngestWorld.of(http())
    await world.ask(declared('a'))
    const batch = [delivery(groupOf(declared('a', 'b'))), ...filled(10)]
    await world.take(batch)
    world.restart()
    await world.take(batch)
    expect((await world.bodies()).filter((body) => !body.startsWith('r'))).toEqual(['a', 'b'])
  })

  test('are known for three minutes, and the last thousand for ever: what is remembered is bounded', async () => {
    const world = await IngestWorld.of(http())
    const behaviour = ingestBehaviour(world.runtime, ingestActor(SOURCE, 0))
    const after = async (turns: number, everyMs: number): Promise<number> => {
      let state: IngestState = behaviour.initial
      for (let n = 1; n <= turns; n++) {
        const messages = Array.from({ length: 10 }, (_, one) => shortHash(`${n}/${one}`))
        const delta = { nowMs: n * everyMs, groups: [], truncateBelow: undefined, messages }
        state = behaviour.apply(state, delta, place(n))
      }
      expect(behaviour.decode(structuredClone(behaviour.encode(state)))).toEqual(state)
      return state.messages.flatMap(({ hashes }) => hashes).length
    }
    expect(await after(500, SECOND_MS)).toBe(1_800)
    expect(await after(500, HOUR_MS)).toBe(1_000)
    expect(await after(2_500, 1)).toBe(20_000)
  })

  test('of a partition whose head and log were written before messages were remembered', async () => {
    const world = await IngestWorld.of(http())
    const behaviour = ingestBehaviour(world.runtime, ingestActor(SOURCE, 0))
    const head = behaviour.encode(behaviour.initial) as Record<string, unknown>
    delete head['messages']
    const state = behaviour.decode(head)
    expect(state).toEqual(behaviour.initial)
    const delta = { nowMs: 1, groups: [groupOf(records('a', '1'))], truncateBelow: undefined }
    expect(behaviour.apply(state, delta, place(1)).messages).toEqual([])
  })
})

describe('truncation', () => {
  test('whoever begins from nothing begins at what is kept; whoever goes on finds what follows', async () => {
    const world = await IngestWorld.of(http())
    const total = INGEST_LIMITS.headEveryTurns * 2
    for (let n = 1; n <= total; n++) {
      await world.ask(records(`k${n}`, String(n), n % 10 === 0 ? noise(n) : ''))
      if (n === total / 2) await world.ask(truncate(total / 2 + 1))
    }
    const kept = numbers(await world.bodies())
    expect(kept[0]).toBe(total / 2 + 1)
    expect(kept.length).toBe(total / 2)
    expect(numbers(await world.bodies(0, total / 2 + 11)).length).toBe(total / 2 - 10)
  })

  test('whoever begins from nothing begins with the oldest that is left, where what was unread has ended', async () => {
    const world = await IngestWorld.of(http())
    await world.ask(records('a', 'first'))
    await world.ask(truncate(2))
    for (let n = 0; n < INGEST_LIMITS.headEveryTurns; n++) await world.ask(records(`u${n}`, 'unread'))
    world.clock.advance(29 * DAY_MS)
    for (const n of [1, 2]) await world.ask(records(`k${n}`, String(n)))
    expect(world.world.log.expire()).toBeGreaterThan(INGEST_LIMITS.headEveryTurns)
    expect(await world.bodies()).toEqual(['1', '2'])
    await expect(world.bodies(0, 3)).rejects.toThrow('the log goes on at position')
  })

  test('nor with what is past its time, of which the table has removed some, in no order', async () => {
    const world = await IngestWorld.of(http())
    for (const n of [1, 2, 3]) await world.ask(records(`k${n}`, String(n)))
    world.clock.advance(29 * DAY_MS)
    await world.ask(records('k4', '4'))
    const { log } = world.world
    const random = { next: () => 0.4 }
    const before = log.entries(ingestActor(SOURCE, 0)).length
    vi.spyOn(random, 'next').mockReturnValueOnce(0.9)
    log.expire(random)
    expect(log.entries(ingestActor(SOURCE, 0)).length).toBeLessThan(before)
    expect(await world.bodies()).toEqual(['4'])
  })

  test('removes the blobs of what is below, and no other', async () => {
    const world = await IngestWorld.of(http())
    for (let n = 1; n <= 20; n++) await world.ask(records(`k${n}`, noise(n)))
    await world.ask(truncate(11))
    const left = async (): Promise<number> => (await world.runtime.blobs.list('log/')).length
    const before = await left()
    for (let n = 0; n < INGEST_LIMITS.headEveryTurns; n++) await world.ask(records(`s${n}`, 'small'))
    expect(before - (await left())).toBe(10)
    expect((await world.bodies()).filter((body) => body !== 'small').length).toBe(10)
    await expect(world.bodies(0, 5)).rejects.toThrow('the content of position 6 was removed')
  })

  test('is one turn where all is read, and waits for company otherwise', async () => {
    const world = await IngestWorld.of(http())
    const turns = async (): Promise<number> =>
      (await world.runtime.log.read(ingestActor(SOURCE, 0), undefined)).entries.length
    for (let n = 1; n <= 10; n++) await world.ask(records(`k${n}`, String(n)))
    await world.ask(truncate(5))
    // It is the first, so the last one is long ago.
    expect(await turns()).toBe(11)
    await world.ask(truncate(7))
    expect(await turns()).toBe(11)
    await world.ask(truncate(11))
    expect(await turns()).toBe(12)
    await world.ask(truncate(11))
    await world.ask(truncate(13))
    await world.ask(truncate(3))
    expect(await turns()).toBe(12)
    await world.ask(records('more', 'x'))
    await world.ask(records('more2', 'x'))
    await world.ask(truncate(14))
    expect(await turns()).toBe(14)
    world.clock.advance(INGEST_LIMITS.truncateEveryMs)
    await world.ask(truncate(14))
    expect(await turns()).toBe(15)
  })
})

describe('records that nobody reads', () => {
  test('are no news any more once they are past their time', async () => {
    const world = await IngestWorld.of(http())
    await world.ask(records('a', '1'))
    world.clock.advance(27 * DAY_MS)
    await world.ask({ type: 'truncate', below: 0 })
    expect(age(world)).toBe(27 * DAY_MS)
    world.clock.advance(2 * DAY_MS)
    await world.ask({ type: 'truncate', below: 0 })
    expect(age(world)).toBe(0)
  })

  test('are told of when half of their time is over, once an hour', async () => {
    const world = await IngestWorld.of(http())
    await world.ask(records('a', '1'))
    for (let day = 1; day <= 13; day++) {
      world.clock.advance(DAY_MS)
      await world.ask(records(`d${day}`, '1'))
    }
    expect(age(world)).toBe(13 * DAY_MS)
    expect(warnings(world)).toEqual([])
    world.clock.advance(DAY_MS)
    await world.ask(records('b', '1'))
    await world.ask(records('c', '1'))
    expect(warnings(world)).toEqual([
      "Source 'readings': records that came in 14 days ago are not read yet; they are kept for 28 days, and are lost then. " +
        'Start the job, or find out why it does not get on',
    ])
  })

  test('age counts from the oldest that is unread, within an hour', async () => {
    const world = await IngestWorld.of(http())
    for (let hour = 0; hour < 100; hour++) {
      await world.ask(records(`h${hour}`, '1'))
      world.clock.advance(HOUR_MS)
    }
    await world.ask({ type: 'truncate', below: 81 })
    await world.ask(records('x', '1'))
    expect(age(world)).toBe(20 * HOUR_MS)
    await world.ask({ type: 'truncate', below: 103 })
    expect(age(world)).toBe(0)
    world.clock.advance(20 * DAY_MS)
    world.metrics.length = 0
    await world.ask(records('y', '1'))
    expect(age(world)).toBeUndefined()
    expect(warnings(world)).toEqual([])
  })
})

test('records for a source that the code lacks come again, until it has it: nobody would read them', async () => {
  const { runtime, world } = await IngestWorld.of(http())
  const actor = ingestActor('renamed', 0)
  const faults: ActorFault[] = []
  const process = new ActorProcess(actor, ingestBehaviour(runtime, actor), runtime, async (fault) => {
    faults.push(fault)
    return reportFault(runtime, fault)
  })
  const asked = (request: IngestRequest, messageId: string): Delivery => ({
    messageId,
    envelope: decodeEnvelope(encodeRequest(actor, request)),
  })
  const batch = [asked({ type: 'truncate', below: 1 }, 'm1'), asked(records('a', '1'), 'm2')]
  expect(await process.handle(batch, { remainingMs: () => 60_000 })).toEqual(['m1', 'm2'])
  expect((await runtime.log.read(actor, undefined)).entries).toEqual([])
  const message = expect.stringContaining("the job that is deployed has no source 'renamed'")
  expect(faults).toMatchObject([{ cause: { message } }])
  const [told] = world.mailbox.queueFor(COORDINATOR).receive()
  expect(decodeEnvelope(told!.body)).toMatchObject({ payload: { type: 'denied', actor, message } })
})

test('what is no request is refused, and blocks nothing', async () => {
  const world = await IngestWorld.of(http())
  expect(await world.ask({ type: 'nonsense' })).toEqual([])
  expect(world.happenings).toMatchObject([{ type: 'poison-message', messageId: 'm' }])
  const reason = "Expected a request to an ingest partition of 'readings', got data of another shape"
  expect(world.world.mailbox.deadLetters.receive()).toMatchObject([{ group: 'm', reason }])
  await world.ask(records('a', '1'))
  expect(await world.bodies()).toEqual(['1'])
})

test.each([
  undefined,
  null,
  7,
  {},
  { type: 'records' },
  { type: 'records', group: { receivedAtMs: 1, ids: ['a'], bodies: [], refusals: [] } },
  { type: 'records', group: { receivedAtMs: 1, ids: ['a'], bodies: ['a', 'b'], refusals: [] } },
  { type: 'records', group: { receivedAtMs: 1, ids: { key: 'a' }, bodies: ['a'], refusals: [] } },
  { type: 'records', group: { receivedAtMs: '1', ids: ['a'], bodies: ['a'], refusals: [] } },
  { type: 'records', group: { receivedAtMs: 1, ids: ['a'], bodies: ['a'], refusals: [7] } },
  { type: 'records', group: { receivedAtMs: 1, ids: ['a'], bodies: ['a'], refusals: [[0, 7]] } },
  { type: 'truncate', below: 1.5 },
  { type: 'truncate' },
])('%j is no request', (payload) => {
  expect(ingestRequestOf(payload)).toBeUndefined()
})

const place = (position: number): Place => ({ attempt: 0, position })

test('a state is the same after a head, and small', async () => {
  const world = await IngestWorld.of(http())
  const behaviour = ingestBehaviour(world.runtime, ingestActor(SOURCE, 0))
  let state: IngestState = behaviour.initial
  for (let n = 1; n <= 500; n++) {
    const groups = Array.from({ length: 10 }, (_, one) => {
      return { ...groupOf(records(`${n}/${one}`, large)), receivedAtMs: n * 1_000 }
    })
    state = behaviour.apply(state, { nowMs: n * 1_000, groups, truncateBelow: undefined }, place(n))
  }
  expect(behaviour.decode(structuredClone(behaviour.encode(state)))).toEqual(state)
  // Five minutes of ten ids a second.
  expect(state.seen.flatMap(({ hashes }) => hashes).length).toBe(3_000)
  expect(JSON.stringify(behaviour.encode(state)).length).toBeLessThan(100_000)
  expect(behaviour.foldable(state, place(500))).toBe(500)
})
