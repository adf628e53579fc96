import {
  aggregatingState,
  collect,
  defineJob,
  listState,
  mapState,
  reducingState,
  transactionalCollect,
  type,
  valueState,
  type StateHandles,
} from 'millrace'
import { describe, expect, test } from 'vitest'
import { shopEvents, stateKinds, type Receipt, type ShopEvent } from '../../../examples/state-kinds.ts'
import { Log, stateBackends, TestJob, until } from './support.ts'

/** The shop without streams or state: plain variables of one customer. */
class Customer {
  looks: string[] = []
  coupon: string | undefined
  cart = new Map<string, number>()
  orders: number[] = []

  on(event: ShopEvent): Receipt[] {
    switch (event.type) {
      case 'look':
        this.looks = [...this.looks, ...event.products].slice(-3)
        return []
      case 'put':
        this.cart.set(event.product, (this.cart.get(event.product) ?? 0) + event.quantity)
        return []
      case 'put-all':
        for (const [product, quantity] of Object.entries(event.items)) this.cart.set(product, quantity)
        return []
      case 'take-out':
        this.cart.delete(event.product)
        return []
      case 'coupon':
        this.coupon = event.code
        return []
      case 'check-out':
        return this.cart.size === 0 ? [] : [this.checkOut(event.user)]
      case 'forget-me':
        Object.assign(this, new Customer())
        return []
    }
  }

  private checkOut(user: string): Receipt {
    const products = [...this.cart.keys()].toSorted()
    const pieces = products.reduce((sum, product) => sum + this.cart.get(product)!, 0)
    this.orders.push(pieces)
    const piecesEver = this.orders.reduce((a, b) => a + b)
    const receipt = {
      user,
      items: products.map((product) => `${this.cart.get(product)!} × ${product}`).toSorted(),
      products,
      pieces,
      coupon: this.coupon,
      lookedAtLast: this.looks,
      piecesEver,
      piecesPerOrder: piecesEver / this.orders.length,
    }
    this.cart.clear()
    this.coupon = undefined
    return receipt
  }
}

function receiptsOf(events: readonly ShopEvent[]): Receipt[] {
  const customers = new Map<string, Customer>()
  return events.flatMap((event) => {
    if (!customers.has(event.user)) customers.set(event.user, new Customer())
    return customers.get(event.user)!.on(event)
  })
}

/** What `shopEvents` leave out. */
const more: readonly ShopEvent[] = [
  { user: 'Ann', type: 'look', products: ['pot', 'pan', 'lid'] },
  { user: 'Ann', type: 'look', products: ['jar'] },
  { user: 'Ann', type: 'put-all', items: { pan: 2, tea: 9 } },
  { user: 'Ann', type: 'coupon', code: 'SUMMER' },
  { user: 'Ann', type: 'coupon', code: undefined },
  { user: 'Ann', type: 'take-out', product: 'nothing of the kind' },
  { user: 'Ann', type: 'check-out' },
  { user: 'Ann', type: 'check-out' },
  { user: 'Bob', type: 'look', products: ['bed'] },
  { user: 'Bob', type: 'coupon', code: 'WELCOME' },
  { user: 'Bob', type: 'put', product: 'bed', quantity: 1 },
  { user: 'Bob', type: 'forget-me' },
  { user: 'Bob', type: 'check-out' },
  { user: 'Bob', type: 'put', product: 'bin', quantity: 5 },
  { user: 'Bob', type: 'check-out' },
]

describe.each(stateBackends)('on state backend %s', (backend) => {
  const set = { 'state.backend.type': backend }

  test('the shop gives the receipts that plain variables give, with a crash at any point', async () => {
    const events = [...shopEvents, ...more]
    const expected = receiptsOf(events)
    expect(expected).toHaveLength(5)
    for (const crashAfter of [1, shopEvents.length, shopEvents.length + 5, events.length - 3]) {
      const log = new Log(...events.slice(0, crashAfter))
      const receipts = transactionalCollect<Receipt>()
      const job = await TestJob.start(stateKinds(log.source, receipts), { set })
      await job.taken('cart', crashAfter)
      const { path } = await job.checkpoint(1_000)
      log.append(...events.slice(crashAfter))
      await job.taken('cart', events.length)
      log.crash()
      expect(await job.restart()).toMatchObject({ restoredFrom: path })
      log.end()
      expect((await job.handle.result).status).toBe('FINISHED')
      expect(receipts.values).toEqual(expected)
    }
  })

  const spec = {
    plain: valueState<number>(),
    defaulted: valueState({ default: 7 }),
    list: listState<string>(),
    map: mapState<string, number>(),
    reducing: reducingState<number>((a, b) => a + b),
    aggregating: aggregatingState({
      createAccumulator: (): number[] => [],
      add: (value: number, values) => [...values, value],
      getResult: (values) => values.join(' '),
    }),
  }
  type Handles = StateHandles<typeof spec>
  type Work = (state: Handles) => unknown

  /** One work after the other on the state of one key, with a restart from a checkpoint in between if `restart`. */
  async function resultsOf(works: readonly Work[], restart: boolean): Promise<unknown[]> {
    const log = new Log<Work>()
    const results: { readonly result: unknown }[] = []
    const definition = defineJob({ name: 'works', checkpointing: { interval: '1 s' } }, (env) => {
      env
        .source('works', log.source)
        .keyBy(() => 'key')
        .process('work', {
          state: spec,
          emits: type<{ readonly result: unknown }>(),
          processElement: (work, ctx) => ctx.collect({ result: work(ctx.state) }),
        })
        .sinkTo('results', collect(results))
    })
    const job = await TestJob.start(definition, { set })
    for (const [index, work] of works.entries()) {
      log.append(work)
      await until(() => results.length === index + 1, `work ${index + 1} is done`)
      if (!restart) continue
      await job.checkpoint(1_000)
      log.crash()
      await job.restart()
    }
    return results.map(({ result }) => result)
  }

  const cases: readonly {
    readonly method: string
    readonly works: readonly Work[]
    readonly gives: readonly unknown[]
  }[] = [
    {
      method: 'value: value, update, clear',
      works: [
        ({ plain, defaulted }) => [plain.value(), defaulted.value()],
        ({ plain, defaulted }) => [plain.update(0), defaulted.update(8)],
        ({ plain, defaulted }) => [plain.value(), defaulted.value()],
        ({ plain, defaulted }) => [plain.clear(), defaulted.clear()],
        ({ plain, defaulted }) => [plain.value(), defaulted.value()],
      ],
      gives: [
        [undefined, 7],
        [undefined, undefined],
        [0, 8],
        [undefined, undefined],
        [undefined, 7],
      ],
    },
    {
      method: 'list: get, add, addAll, update, clear',
      works: [
        ({ list }) => list.get(),
        ({ list }) => {
          const before = list.get()
          list.add('a')
          list.addAll(new Set(['b', 'c']))
          return before
        },
        ({ list }) => list.get(),
        ({ list }) => list.update(['d', 'e']),
        ({ list }) => list.get(),
        ({ list }) => list.update([]),
        ({ list }) => list.get(),
        ({ list }) => list.add('f'),
        ({ list }) => list.clear(),
        ({ list }) => list.get(),
      ],
      gives: [[], [], ['a', 'b', 'c'], undefined, ['d', 'e'], undefined, [], undefined, undefined, []],
    },
    {
      method: 'map: get, contains, isEmpty, put, putAll, remove, clear',
      works: [
        ({ map }) => [map.get('a'), map.contains('a'), map.isEmpty()],
        ({ map }) => map.put('a', 0),
        ({ map }) => [map.get('a'), map.contains('a'), map.isEmpty()],
        ({ map }) =>
          map.putAll(
            new Map([
              ['b', 2],
              ['a', 1],
            ]),
          ),
        ({ map }) => [map.get('a'), map.get('b')],
        ({ map }) => [map.remove('a'), map.remove('never there')],
        ({ map }) => [map.get('a'), map.contains('a'), map.get('b'), map.isEmpty()],
        ({ map }) => map.remove('b'),
        ({ map }) => map.isEmpty(),
        ({ map }) => map.put('c', 3),
        ({ map }) => map.clear(),
        ({ map }) => [map.get('c'), map.isEmpty()],
      ],
      gives: [
        [undefined, false, true],
        undefined,
        [0, true, false],
        undefined,
        [1, 2],
        [undefined, undefined],
        [undefined, false, 2, false],
        undefined,
        true,
        undefined,
        undefined,
        [undefined, true],
      ],
    },
    {
      // In no particular order.
      method: 'map: entries, keys, values',
      works: [
        ({ map }) => [[...map.entries()], [...map.keys()], [...map.values()]],
        ({ map }) => map.putAll(Object.entries({ a: 1, b: 2, c: 3 })),
        ({ map }) => [new Map(map.entries()), new Set(map.keys()), new Set(map.values())],
        ({ map }) => {
          for (const [key, value] of map.entries()) {
            if (value === 2) map.remove(key)
            else map.put(key, value * 10)
          }
        },
        ({ map }) => new Map(map.entries()),
      ],
      gives: [
        [[], [], []],
        undefined,
        [new Map(Object.entries({ a: 1, b: 2, c: 3 })), new Set(['a', 'b', 'c']), new Set([1, 2, 3])],
        undefined,
        new Map(Object.entries({ a: 10, c: 30 })),
      ],
    },
    {
      method: 'reducing: get, add, clear',
      works: [
        ({ reducing }) => reducing.get(),
        ({ reducing }) => reducing.add(2),
        ({ reducing }) => reducing.add(3),
        ({ reducing }) => reducing.get(),
        ({ reducing }) => reducing.clear(),
        ({ reducing }) => reducing.get(),
      ],
      gives: [undefined, undefined, undefined, 5, undefined, undefined],
    },
    {
      method: 'aggregating: get, add, clear',
      works: [
        ({ aggregating }) => aggregating.get(),
        ({ aggregating }) => aggregating.add(2),
        ({ aggregating }) => aggregating.add(3),
        ({ aggregating }) => aggregating.get(),
        ({ aggregating }) => aggregating.clear(),
        ({ aggregating }) => aggregating.get(),
      ],
      gives: [undefined, undefined, undefined, '2 3', undefined, undefined],
    },
  ]

  test.each(cases)('$method', async ({ works, gives }) => {
    expect(await resultsOf(works, false)).toEqual(gives)
  })

  test.each(cases)('$method, with a restart after each', async ({ works, gives }) => {
    expect(await resultsOf(works, true)).toEqual(gives)
  })

  test('keys do not see one another', async () => {
    const log = new Log<ShopEvent>(
      { user: 'Ann', type: 'put', product: 'tea', quantity: 1 },
      { user: 'Bob', type: 'check-out' },
      { user: 'Ann', type: 'check-out' },
    )
    const receipts: Receipt[] = []
    const job = await TestJob.start(stateKinds(log.source, collect(receipts)), { set })
    await job.taken('cart', 3)
    expect(receipts.map(({ user }) => user)).toEqual(['Ann'])
  })
})
