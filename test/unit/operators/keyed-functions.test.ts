import { describe, expect, test } from 'vitest'
import { mapState, outputTag, valueState, type DataStream, type KeyedStream } from '../../../lib/index.ts'
import { testHarness } from '../../../lib/testing/index.ts'
import { faultOf } from './fixtures.ts'

interface Move {
  readonly player: string
  readonly points: number
  readonly at: number
}

const move = (player: string, points: number, at = 0): Move => ({ player, points, at })
const byPlayer = (moves: DataStream<Move>): KeyedStream<string, Move> => moves.keyBy((one) => one.player)

describe('rolling aggregates', () => {
  const input = [move('a', 3, 1), move('b', 9, 2), move('a', 1, 3), move('a', 3, 4), move('a', 7, 5)]

  test.for<[string, (moves: KeyedStream<string, Move>) => DataStream<Move>, Move[]]>([
    [
      'reduce',
      (m) => m.reduce('r', (a, b) => ({ ...b, points: a.points * b.points })),
      [move('a', 3, 1), move('b', 9, 2), move('a', 3, 3), move('a', 9, 4), move('a', 63, 5)],
    ],
    [
      'sum: the other fields stay those of the first record',
      (m) => m.sum('r', 'points'),
      [move('a', 3, 1), move('b', 9, 2), move('a', 4, 1), move('a', 7, 1), move('a', 14, 1)],
    ],
    [
      'min: the other fields stay those of the first record',
      (m) => m.min('r', 'points'),
      [move('a', 3, 1), move('b', 9, 2), move('a', 1, 1), move('a', 1, 1), move('a', 1, 1)],
    ],
    [
      'max: the other fields stay those of the first record',
      (m) => m.max('r', 'points'),
      [move('a', 3, 1), move('b', 9, 2), move('a', 3, 1), move('a', 3, 1), move('a', 7, 1)],
    ],
    [
      'minBy: the whole record',
      (m) => m.minBy('r', 'points'),
      [move('a', 3, 1), move('b', 9, 2), move('a', 1, 3), move('a', 1, 3), move('a', 1, 3)],
    ],
    [
      'maxBy: of equals the first',
      (m) => m.maxBy('r', 'points'),
      [move('a', 3, 1), move('b', 9, 2), move('a', 3, 1), move('a', 3, 1), move('a', 7, 5)],
    ],
    [
      'maxBy: of equals the last',
      (m) => m.maxBy('r', 'points', { first: false }),
      [move('a', 3, 1), move('b', 9, 2), move('a', 3, 1), move('a', 3, 4), move('a', 7, 5)],
    ],
  ])('%s', async ([, apply, expected]) => {
    const harness = await testHarness((moves: DataStream<Move>) => apply(byPlayer(moves)))
    await harness.pushAll(input.slice(0, 3), (one) => one.at * 10)
    const restored = await harness.restore(await harness.barrier(), { parallelism: 2 })
    for (const one of input.slice(3)) await restored.push(one, one.at * 10)
    const output = [...harness.outputWithTimestamps(), ...restored.outputWithTimestamps()]
    expect(output).toEqual(expected.map((value, index) => ({ value, timestamp: input[index]!.at * 10 })))
  })

  test('tuples: by position', async () => {
    const harness = await testHarness((pairs: DataStream<readonly [string, number]>) =>
      pairs.keyBy(([word]) => word).sum('count', 1),
    )
    await harness.pushAll([
      ['to', 1],
      ['be', 1],
      ['to', 1],
    ])
    expect(harness.output()).toEqual([
      ['to', 1],
      ['be', 1],
      ['to', 2],
    ])
  })

  test('what was emitted before does not change', async () => {
    const harness = await testHarness((moves: DataStream<Move>) => byPlayer(moves).sum('r', 'points'))
    const first = move('a', 1)
    await harness.pushAll([first, move('a', 2)])
    expect(harness.output()).toEqual([move('a', 1), move('a', 3)])
    expect(first).toEqual(move('a', 1))
  })
})

const changes = (moves: DataStream<Move>) =>
  byPlayer(moves).flatMapWithState('changes', (one, last: number | undefined) => {
    const out = last === undefined ? [] : [`${one.player} ${one.points - last}`]
    return [out, one.points === 0 ? undefined : one.points]
  })

describe('flatMapWithState', () => {
  test('is given the state of the key, and keeps what it returns', async () => {
    const harness = await testHarness(changes)
    await harness.pushAll([move('a', 5), move('b', 1), move('a', 7)])
    const restored = await harness.restore(await harness.barrier())
    await restored.pushAll([move('a', 8), move('b', 4)])
    expect([...harness.output(), ...restored.output()]).toEqual(['a 2', 'a 1', 'b 3'])
  })

  test('undefined clears the state, also in checkpoints', async () => {
    const harness = await testHarness(changes)
    await harness.pushAll([move('a', 5)])
    await harness.barrier()
    await harness.pushAll([move('a', 0), move('a', 9)])
    expect(harness.output()).toEqual(['a -5'])
    await harness.pushAll([move('a', 0), move('other', 1)])
    await harness.barrier()
    expect(harness.keysWithState('changes')).toBe(1)
    const restored = await harness.restore(await harness.barrier())
    await restored.pushAll([move('a', 3)])
    expect(restored.output()).toEqual([])
  })

  test('what it throws is a fault with the key', async () => {
    const harness = await testHarness((moves: DataStream<Move>) =>
      byPlayer(moves).flatMapWithState('op', () => {
        throw new Error('boom')
      }),
    )
    expect(await faultOf(harness.push(move('a', 1), 4))).toMatchObject({
      origin: { operatorUid: 'op', key: 'a', timestampMs: 4 },
    })
  })
})

describe('rich functions', () => {
  test('map', async () => {
    const harness = await testHarness((moves: DataStream<Move>) =>
      byPlayer(moves).map('nth', {
        state: { count: valueState({ default: 0 }) },
        map(one, ctx) {
          ctx.state.count.update(ctx.state.count.value() + 1)
          return `${ctx.key}#${ctx.state.count.value()} at ${ctx.timestamp} of ${one.points}`
        },
      }),
    )
    await harness.push(move('a', 1), 10)
    await harness.push(move('b', 2))
    await harness.push(move('a', 3), 30)
    expect(harness.outputWithTimestamps()).toEqual([
      { value: 'a#1 at 10 of 1', timestamp: 10 },
      { value: 'b#1 at undefined of 2', timestamp: undefined },
      { value: 'a#2 at 30 of 3', timestamp: 30 },
    ])
  })

  test('flatMap, a generator with state and a side output', async () => {
    const firsts = outputTag<string>('firsts')
    const harness = await testHarness(
      (moves: DataStream<Move>) =>
        byPlayer(moves).flatMap('rounds', {
          state: { seen: mapState<number, number>() },
          *flatMap(one, ctx) {
            if (ctx.state.seen.isEmpty()) ctx.output(firsts, ctx.key)
            ctx.state.seen.put(one.points, one.at)
            yield* [...ctx.state.seen.keys()].toSorted((a, b) => a - b)
          },
        }),
      { sideOutputs: [firsts] },
    )
    await harness.pushAll([move('a', 2), move('b', 1), move('a', 1)])
    expect(harness.output()).toEqual([2, 1, 1, 2])
    expect(harness.sideOutput(firsts)).toEqual(['a', 'b'])
  })

  test('filter: the distinct ones', async () => {
    const harness = await testHarness((moves: DataStream<Move>) =>
      byPlayer(moves).filter('distinct', {
        state: { seen: valueState<boolean>() },
        filter(_, ctx) {
          const isNew = ctx.state.seen.value() === undefined
          ctx.state.seen.update(true)
          return isNew
        },
      }),
    )
    await harness.pushAll([move('a', 1), move('a', 2), move('b', 3)])
    expect(harness.output()).toEqual([move('a', 1), move('b', 3)])
  })

  test('open and close come once a subtask, with where it runs', async () => {
    const calls: string[] = []
    const harness = await testHarness(
      (moves: DataStream<Move>) =>
        byPlayer(moves).map('op', {
          open: (ctx) =>
            void calls.push(`open ${ctx.operatorUid} ${ctx.subtaskIndex}/${ctx.parallelism} ${ctx.attempt}`),
          close: () => void calls.push('close'),
          map: () => 1,
        }),
      { parallelism: 2 },
    )
    await harness.close()
    await harness.close()
    expect(calls.slice(0, 4)).toEqual(['open op 1/2 1', 'open op 0/2 1', 'close', 'close'])
  })
})
