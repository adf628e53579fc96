import { describe, expect, test } from 'vitest'
import { table, UserError, type TableOptions } from '../../../lib/index.ts'
import { testHarness } from '../../../lib/testing/index.ts'
import type { SinkContext } from '../../../lib/stream/sink.ts'
import { TurnTask, type TurnTaskOptions } from '../operators/turn-drive.ts'
import { Crash, MemoryOutside } from '../../world/memory-outside.ts'
import { writerOf } from './sink-context.ts'

interface Reading {
  readonly id: string
  readonly n: number
}
const NAME = 'readings'
const sink = (options: Partial<TableOptions<Reading>> = {}) =>
  table<Reading>({ table: NAME, key: ({ id }) => ({ id }), ...options })
const r = (id: string, n: number): Reading => ({ id, n })
const taskIn = (outside: MemoryOutside, options: TurnTaskOptions = {}): TurnTask<Reading> =>
  new TurnTask(sink(), { outside, ...options })

const rows = (outside: MemoryOutside): Record<string, unknown> =>
  Object.fromEntries(
    [...outside.items].map(([key, { item }]) => [JSON.parse(key.slice(NAME.length + 1)), item.n]),
  )

const write = async <T>(
  outside: MemoryOutside,
  options: TableOptions<T>,
  values: readonly T[],
  over: Partial<SinkContext> = {},
): Promise<void> => writerOf(table(options), { outside, ...over }).write(values, [])

describe('items', () => {
  test('the last record of each key is written, once', async () => {
    const outside = new MemoryOutside()
    await write(outside, { table: NAME, key: ({ id }: Reading) => ({ id }) }, [
      r('a', 1),
      r('b', 2),
      r('a', 3),
    ])
    expect(rows(outside)).toEqual({ a: 3, b: 2 })
    expect(outside.calls).toEqual(['write readings', 'write readings'])
  })

  test('hold the attributes of the key and of the item, or the record', async () => {
    const outside = new MemoryOutside()
    const options: TableOptions<Reading> = {
      table: NAME,
      key: ({ id }) => ({ id, kind: 7 }),
      item: ({ n }) => ({ double: n * 2, none: undefined, at: new Date(0) }),
    }
    await write(outside, options, [r('a', 1)])
    await write(outside, { table: NAME, key: (value: number) => ({ id: `n${value}` }) }, [5])
    expect([...outside.items.values()].map((one) => one.item)).toEqual([
      { id: 'a', kind: 7, double: 2, at: '1970-01-01T00:00:00.000Z' },
      { id: 'n5', value: 5 },
    ])
  })

  test.for<[string, unknown, string]>([
    ['too large', 'x'.repeat(410_000), 'expected at most 409600 bytes, got about 411'],
    ['not finite', Number.NaN, 'expected n to be a finite number, got NaN'],
    ['nested and not finite', [{ deep: Infinity }], 'expected n[0].deep to be a finite number, got Infinity'],
    ['a map', new Map(), 'expected n to be plain data, got an instance of Map'],
    ['a function', () => 1, 'expected n to be a value that a table can hold, got a function'],
  ])(
    'what a table cannot hold (%s) fails the job with the key, before anything is written',
    async ([, n, problem]) => {
      const outside = new MemoryOutside()
      const writing = write(outside, { table: NAME, key: ({ id }: { id: string; n: unknown }) => ({ id }) }, [
        { id: 'fine', n: 1 },
        { id: 'sensor 7', n },
      ])
      await expect(writing).rejects.toThrow(UserError)
      await expect(writing).rejects.toThrow(
        `table: cannot write the item with the key {"id":"sensor 7"} to readings: ${problem}`,
      )
      expect(outside.calls).toEqual([])
    },
  )

  test('the size is that of bytes: text of 400 KB in characters may be too large', async () => {
    const options = { table: NAME, key: ({ id }: { id: string }) => ({ id }) }
    const outside = new MemoryOutside()
    await write(outside, options, [{ id: 'a', text: 'x'.repeat(400_000) }])
    await expect(write(outside, options, [{ id: 'a', text: '水'.repeat(150_000) }])).rejects.toThrow(
      'got about 451',
    )
    await expect(
      write(outside, options, [{ id: 'a', list: Array.from({ length: 110_000 }, () => ({})) }]),
    ).rejects.toThrow('expected at most')
  })

  test('a key without a value is refused', async () => {
    const options = { table: NAME, key: () => ({ id: '' }) }
    await expect(write(new MemoryOutside(), options, [1])).rejects.toThrow(
      'expected a key of at least one attribute',
    )
  })
})

describe('a table that does not answer', () => {
  test('is asked again, inside bounds, and what it refuses fails the job with the key', async () => {
    const outside = new MemoryOutside()
    const options = { table: NAME, key: ({ id }: Reading) => ({ id }) }
    let failures = 3
    outside.putAnswer = () => (failures-- > 0 ? { type: 'unavailable', reason: 'throttled' } : undefined)
    await write(outside, options, [r('a', 1)])
    expect(outside.calls).toHaveLength(4)
    outside.putAnswer = () => ({ type: 'unavailable', reason: 'throttled' })
    await expect(write(outside, options, [r('a', 1)])).rejects.toThrow(
      'table: cannot write the item with the key {"id":"a"} to readings: gave up after 6 attempts: throttled',
    )
    outside.putAnswer = () => ({ type: 'refused', reason: 'Expected to be allowed dynamodb:PutItem' })
    const refused = write(outside, options, [r('a', 1)])
    await expect(refused).rejects.toThrow(UserError)
    await expect(refused).rejects.toThrow('Expected to be allowed dynamodb:PutItem')
  })
})

describe('in turns', () => {
  test('what a lost turn brought is never seen, and what it would have overwritten stands', async () => {
    const outside = new MemoryOutside()
    const task = taskIn(outside)
    await task.turn(({ push }) => push(r('a', 1)))
    await task.turn(({ push }) => push(r('a', 99), r('ghost', 1)), 'lost')
    await task.turn(({ push }) => push(r('b', 2)))
    await task.turn()
    expect(rows(outside)).toEqual({ a: 1, b: 2 })
  })

  test('a zombie that wakes up late overwrites nothing', async () => {
    const outside = new MemoryOutside()
    const task = taskIn(outside)
    await task.turn(({ push }) => push(r('a', 1), r('b', 1)))
    // It stalls in the middle of its writes …
    let wake: (() => void) | undefined
    const stall = new Promise<void>((resolve) => {
      wake = resolve
    })
    const zombie = taskIn(outside)
    await zombie.turn(({ push }) => push(r('a', 1), r('b', 1)))
    outside.before = () => stall
    const late = zombie.turn(() => Promise.resolve(), 'lost')
    while (outside.calls.length < 2) await Promise.resolve()
    outside.before = () => {}
    // … while others go on, in this attempt and in the next.
    await task.turn(({ push }) => push(r('a', 2)))
    let restored
    await task.turn(async ({ barrier }) => void (restored = await barrier(1)))
    const next = taskIn(outside, { attempt: 2, position: task.position, restored: restored! })
    await next.turn(({ push }) => push(r('b', 3)))
    await next.turn()
    expect(rows(outside)).toEqual({ a: 2, b: 3 })
    wake!()
    await late
    expect(rows(outside)).toEqual({ a: 2, b: 3 })
  })

  test('a restart takes back what came after its checkpoint, and writes what the checkpoint held', async () => {
    const outside = new MemoryOutside()
    const first = taskIn(outside)
    let restored
    await first.turn(async ({ push, barrier }) => {
      await push(r('a', 1))
      restored = await barrier(1)
    })
    await first.turn(({ push }) => push(r('a', 2)))
    await first.turn()
    expect(rows(outside)).toEqual({ a: 2 })
    const second = taskIn(outside, { attempt: 2, position: 1, restored: restored! })
    await second.turn()
    expect(rows(outside)).toEqual({ a: 1 })
  })

  test('of several batches of a turn, and of one key, the last wins', async () => {
    const outside = new MemoryOutside()
    const task = taskIn(outside)
    await task.turn(async ({ push, barrier }) => {
      await push(r('a', 1))
      await barrier(1)
      await push(r('a', 2))
    })
    await task.turn()
    expect(rows(outside)).toEqual({ a: 2 })
  })

  test('two subtasks that write one key overwrite each other, but nothing of an earlier attempt does', async () => {
    const outside = new MemoryOutside()
    const [zero, one] = [0, 1].map((subtask) => taskIn(outside, { attempt: 2, subtask, parallelism: 2 }))
    const old = taskIn(outside, { attempt: 1, subtask: 1, parallelism: 2, position: 50 })
    for (let n = 0; n < 3; n++) await zero!.turn()
    await zero!.turn(({ push }) => push(r('a', 1)))
    await zero!.turn()
    await one!.turn(({ push }) => push(r('a', 2)))
    await one!.turn()
    expect(rows(outside)).toEqual({ a: 2 })
    await old.turn(({ push }) => push(r('a', 3)))
    await old.turn()
    expect(rows(outside)).toEqual({ a: 2 })
  })

  test('what a checkpoint held, dealt to another subtask and written late, overwrites nothing of the attempt', async () => {
    const outside = new MemoryOutside()
    const first = taskIn(outside)
    let restored
    await first.turn(async ({ push, barrier }) => {
      await push(r('a', 1))
      restored = await barrier(1)
    })
    const holder = { attempt: 2, parallelism: 2, position: 1, restored: restored! }
    await taskIn(outside, holder).turn()
    const other = taskIn(outside, { attempt: 2, parallelism: 2, position: 1, subtask: 1 })
    await other.turn(({ push }) => push(r('a', 2)))
    await other.turn()
    expect(rows(outside)).toEqual({ a: 2 })
    // A zombie of the holder's first turn.
    await taskIn(outside, holder).turn(() => Promise.resolve(), 'lost')
    expect(rows(outside)).toEqual({ a: 2 })
  })

  test.for(['before', 'after'] as const)('dying %s any call changes nothing in the end', async (when) => {
    for (let at = 0; at < 5; at++) {
      const outside = new MemoryOutside()
      let calls = 0
      outside[when] = (call) => {
        if (calls++ === at) throw new Crash(call)
      }
      const task = taskIn(outside)
      const turn = (...values: readonly Reading[]): Promise<void> =>
        task.turn(({ push }) => push(...values)).catch(() => turn(...values))
      await turn(r('a', 1), r('b', 1))
      await turn(r('a', 2), r('c', 1), r('a', 3))
      await turn(r('b', 2))
      while (task.wantsTurn) await turn()
      expect(calls).toBeGreaterThan(at)
      expect(rows(outside)).toEqual({ a: 3, b: 2, c: 1 })
    }
  })
})

test('without turns: a restart writes over what the last attempt wrote, another run over all', async () => {
  const outside = new MemoryOutside()
  const pipeline = () => testHarness<Reading>((stream) => stream.sinkTo('sink', sink()), { outside })
  const first = await pipeline()
  const snapshot = await first.barrier()
  for (let n = 0; n < 5; n++) await first.push(r('a', n))
  await first.fail()
  expect(rows(outside)).toEqual({ a: 4 })
  const second = await first.restore(snapshot)
  await second.push(r('a', 0))
  expect(rows(outside)).toEqual({ a: 0 })
  await write(outside, { table: NAME, key: ({ id }: Reading) => ({ id }) }, [r('a', 7)], {
    lineage: 'another run',
  })
  expect(rows(outside)).toEqual({ a: 7 })
})

test('options are checked', () => {
  expect(() => sink({ table: '' })).toThrow('table: expected table to be the name of a table, got ""')
  expect(() => writerOf(sink())).toThrow('npm install @aws-sdk/client-dynamodb')
})
