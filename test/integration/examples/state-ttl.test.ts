import {
  aggregatingState,
  collect,
  defineJob,
  listState,
  mapState,
  reducingState,
  type,
  valueState,
  type StateHandles,
  type TtlOptions,
} from 'millrace'
import { describe, expect, test } from 'vitest'
import { parseSearchEvent, stateTtl, type RecentSearches } from '../../../examples/state-ttl.ts'
import { Log, stateBackends, TestJob, until } from './support.ts'

const TTL_MS = 10_000

const specOf = (ttl: TtlOptions) => ({
  value: valueState<string>({ ttl }),
  defaulted: valueState({ default: 'none', ttl }),
  list: listState<string>({ ttl }),
  map: mapState<string, number>({ ttl }),
  sum: reducingState<number>((a, b) => a + b, { ttl }),
  texts: aggregatingState(
    {
      createAccumulator: (): readonly number[] => [],
      add: (value: number, values) => [...values, value],
      getResult: (values) => values.join(' '),
    },
    { ttl },
  ),
})
type Handles = StateHandles<ReturnType<typeof specOf>>

/** At a time, what is done with the state of one key, and what that must give. */
type Step = readonly [atMs: number, work: (state: Handles) => unknown, gives?: unknown]

interface Case {
  readonly name: string
  readonly updateType?: TtlOptions['updateType']
  readonly visibility?: TtlOptions['visibility']
  readonly steps: readonly Step[]
}

const OnReadAndWrite = 'OnReadAndWrite'
const ReturnExpiredIfNotCleanedUp = 'ReturnExpiredIfNotCleanedUp'

const writeValue: Step = [0, ({ value }) => value.update('a')]
const twoItems: readonly Step[] = [
  [0, ({ list }) => list.add('a')],
  [5_000, ({ list }) => list.add('b')],
]
const twoEntries: readonly Step[] = [
  [0, ({ map }) => map.put('a', 1)],
  [5_000, ({ map }) => map.put('b', 2)],
]
const readValue = ({ value }: Handles) => value.value()
const readList = ({ list }: Handles) => list.get()
const readMap = ({ map }: Handles) => Object.fromEntries(map.entries())

const cases: readonly Case[] = [
  {
    name: 'value: lives until its time-to-live is over; a read does not renew it',
    steps: [writeValue, [9_999, readValue, 'a'], [10_000, readValue, undefined]],
  },
  {
    name: 'value: a write renews it',
    steps: [
      writeValue,
      [9_000, ({ value }) => value.update('b')],
      [18_999, readValue, 'b'],
      [19_000, readValue, undefined],
    ],
  },
  {
    name: 'value: once expired, the default is back',
    steps: [
      [0, ({ defaulted }) => defaulted.update('a')],
      [9_999, ({ defaulted }) => defaulted.value(), 'a'],
      [10_000, ({ defaulted }) => defaulted.value(), 'none'],
    ],
  },
  {
    name: 'value, renewed by reads',
    updateType: OnReadAndWrite,
    steps: [writeValue, [9_999, readValue, 'a'], [19_998, readValue, 'a'], [29_998, readValue, undefined]],
  },
  {
    name: 'value, shown until cleaned up: an expired one is seen once',
    visibility: ReturnExpiredIfNotCleanedUp,
    steps: [writeValue, [9_999, readValue, 'a'], [25_000, readValue, 'a'], [25_000, readValue, undefined]],
  },
  {
    name: 'value, renewed by reads and shown until cleaned up: reading an expired one does not renew it',
    updateType: OnReadAndWrite,
    visibility: ReturnExpiredIfNotCleanedUp,
    steps: [writeValue, [9_999, readValue, 'a'], [19_999, readValue, 'a'], [19_999, readValue, undefined]],
  },
  {
    name: 'list: each item expires on its own',
    steps: [
      ...twoItems,
      [9_999, readList, ['a', 'b']],
      [10_000, readList, ['b']],
      [14_999, readList, ['b']],
      [15_000, readList, []],
    ],
  },
  {
    name: 'list: an update makes all items new',
    steps: [
      ...twoItems,
      [9_000, ({ list }) => list.update(['c', 'd'])],
      [18_999, readList, ['c', 'd']],
      [19_000, readList, []],
    ],
  },
  {
    name: 'list, renewed by reads: all items are read',
    updateType: OnReadAndWrite,
    steps: [
      ...twoItems,
      [9_999, readList, ['a', 'b']],
      [19_998, readList, ['a', 'b']],
      [29_998, readList, []],
    ],
  },
  {
    name: 'list, shown until cleaned up: expired items are seen once',
    visibility: ReturnExpiredIfNotCleanedUp,
    steps: [
      ...twoItems,
      [10_000, readList, ['a', 'b']],
      [10_000, readList, ['b']],
      [20_000, readList, ['b']],
      [20_000, readList, []],
    ],
  },
  {
    name: 'list, renewed by reads and shown until cleaned up: only what lives is renewed',
    updateType: OnReadAndWrite,
    visibility: ReturnExpiredIfNotCleanedUp,
    steps: [
      ...twoItems,
      [10_000, readList, ['a', 'b']],
      [19_999, readList, ['b']],
      [29_999, readList, ['b']],
      [29_999, readList, []],
    ],
  },
  {
    name: 'map: each entry expires on its own',
    steps: [
      ...twoEntries,
      [9_999, readMap, { a: 1, b: 2 }],
      [
        10_000,
        ({ map }) => [map.get('a'), map.contains('a'), map.get('b'), map.isEmpty()],
        [undefined, false, 2, false],
      ],
      [10_000, readMap, { b: 2 }],
      [15_000, ({ map }) => [map.isEmpty(), [...map.keys()], [...map.values()]], [true, [], []]],
    ],
  },
  {
    name: 'map: a write renews its entry alone',
    steps: [
      ...twoEntries,
      [9_000, ({ map }) => map.put('a', 3)],
      [15_000, readMap, { a: 3 }],
      [19_000, readMap, {}],
    ],
  },
  {
    name: 'map, renewed by reads: a read renews its entry alone',
    updateType: OnReadAndWrite,
    steps: [
      ...twoEntries,
      [9_000, ({ map }) => map.get('a'), 1],
      [15_000, readMap, { a: 1 }],
      [24_999, ({ map }) => map.contains('a'), true],
      [34_998, readMap, { a: 1 }],
      [44_998, readMap, {}],
    ],
  },
  {
    name: 'map, shown until cleaned up: an expired entry is seen once',
    visibility: ReturnExpiredIfNotCleanedUp,
    steps: [
      ...twoEntries,
      [10_000, ({ map }) => map.get('a'), 1],
      [10_000, ({ map }) => map.get('a'), undefined],
      [15_000, readMap, { b: 2 }],
      [15_000, readMap, {}],
    ],
  },
  {
    name: 'map, renewed by reads and shown until cleaned up: reading an expired entry does not renew it',
    updateType: OnReadAndWrite,
    visibility: ReturnExpiredIfNotCleanedUp,
    steps: [
      ...twoEntries,
      [9_000, ({ map }) => map.get('a'), 1],
      [15_000, ({ map }) => map.get('b'), 2],
      [15_000, readMap, { a: 1 }],
      [25_000, readMap, { a: 1 }],
      [25_000, readMap, {}],
    ],
  },
  {
    name: 'reducing: what is added renews the sum; after it expired the next one begins',
    steps: [
      [0, ({ sum }) => sum.add(1)],
      [9_000, ({ sum }) => sum.add(2)],
      [18_999, ({ sum }) => sum.get(), 3],
      [19_000, ({ sum }) => sum.add(4)],
      [19_000, ({ sum }) => sum.get(), 4],
    ],
  },
  {
    name: 'aggregating: what is added renews the accumulator; after it expired the next one begins',
    steps: [
      [0, ({ texts }) => texts.add(1)],
      [9_000, ({ texts }) => texts.add(2)],
      [18_999, ({ texts }) => texts.get(), '1 2'],
      [19_000, ({ texts }) => texts.add(3)],
      [19_000, ({ texts }) => texts.get(), '3'],
    ],
  },
]

/** A job whose records are work on the state of one key. */
async function workbench(backend: string, ttl: TtlOptions) {
  const log = new Log<(state: Handles) => unknown>()
  const results: { readonly result: unknown }[] = []
  const definition = defineJob({ name: 'workbench' }, (env) => {
    env
      .source('works', log.source)
      .keyBy(() => 'key')
      .process('work', {
        state: specOf(ttl),
        emits: type<{ readonly result: unknown }>(),
        processElement: (work, ctx) => ctx.collect({ result: work(ctx.state) }),
      })
      .sinkTo('results', collect(results))
  })
  const job = await TestJob.start(definition, {
    set: {
      'state.backend.type': backend,
      'restart-strategy.type': 'fixed-delay',
      'restart-strategy.fixed-delay.delay': '1 s',
    },
  })
  await job.next('deployed')
  let done = 0
  return {
    job,
    log,
    at: async (atMs: number, work: (state: Handles) => unknown): Promise<unknown> => {
      job.clock.advanceTo(atMs)
      log.append(work)
      done++
      await until(() => results.length === done, `work ${done} is done`)
      return results[done - 1]!.result
    },
  }
}

describe.each(stateBackends)('on state backend %s', (backend) => {
  test.each(cases)('$name', async ({ updateType, visibility, steps }) => {
    const { at } = await workbench(backend, {
      ttl: TTL_MS,
      ...(updateType && { updateType }),
      ...(visibility && { visibility }),
    })
    for (const [atMs, work, gives] of steps) {
      expect(await at(atMs, work), `at ${atMs} ms`).toEqual(gives)
    }
  })

  test('a restart does not make state younger', async () => {
    const { at, job, log } = await workbench(backend, { ttl: TTL_MS })
    await at(0, ({ value, list, map }) => [value.update('a'), list.add('a'), map.put('a', 1)])
    await at(5_000, ({ list, map }) => [list.add('b'), map.put('b', 2)])
    await job.handle.triggerCheckpoint()
    log.crash()
    await job.restart()
    expect(await at(9_999, (state) => [readValue(state), readList(state), readMap(state)])).toEqual([
      'a',
      ['a', 'b'],
      { a: 1, b: 2 },
    ])
    expect(await at(10_000, (state) => [readValue(state), readList(state), readMap(state)])).toEqual([
      undefined,
      ['b'],
      { b: 2 },
    ])
  })

  test('searches of the last ten minutes are shown, and no others', async () => {
    const log = new Log<ReturnType<typeof parseSearchEvent>>()
    const shown: RecentSearches[] = []
    const job = await TestJob.start(stateTtl(log.source, collect(shown)), {
      // The clock moves by minutes: no checkpoint would be in time.
      set: { 'state.backend.type': backend, 'execution.checkpointing.interval': 'off' },
    })
    let events = 0
    const minute = async (atMinute: number, ...lines: readonly string[]): Promise<void> => {
      job.clock.advanceTo(atMinute * 60_000)
      log.append(...lines.map(parseSearchEvent))
      events += lines.length
      await job.taken('recent', events)
    }
    await minute(0, 'search Ann tea', 'search Bob desk lamp')
    await minute(4, 'search Ann cup', 'search Ann tea', 'show Ann')
    await minute(11, 'show Ann', 'show Bob')
    await minute(14, 'show Ann')
    expect(shown).toEqual([
      { user: 'Ann', last: 'tea', queries: ['tea', 'cup', 'tea'], counts: { tea: 2, cup: 1 } },
      { user: 'Ann', last: 'tea', queries: ['cup', 'tea'], counts: { tea: 2, cup: 1 } },
      { user: 'Bob', last: undefined, queries: [], counts: {} },
      { user: 'Ann', last: undefined, queries: [], counts: {} },
    ])
  })
})
