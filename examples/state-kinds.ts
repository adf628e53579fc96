/**
 * Shopping carts: one function that uses every kind of keyed state, each for what it is good at.
 *
 *     npx millrace run examples/state-kinds.ts
 *
 * The state backend is a setting; try `--set state.backend.type=lmdb`.
 */
import {
  aggregatingState,
  collection,
  defineJob,
  listState,
  mapState,
  print,
  reducingState,
  type,
  valueState,
  type JobDefinition,
  type Sink,
  type Source,
} from 'millrace'

export type ShopEvent = { readonly user: string } & (
  | { readonly type: 'look'; readonly products: readonly string[] }
  | { readonly type: 'put'; readonly product: string; readonly quantity: number }
  | { readonly type: 'put-all'; readonly items: Readonly<Record<string, number>> }
  | { readonly type: 'take-out'; readonly product: string }
  | { readonly type: 'coupon'; readonly code: string | undefined }
  | { readonly type: 'check-out' }
  | { readonly type: 'forget-me' }
)

export interface Receipt {
  readonly user: string
  readonly items: readonly string[]
  readonly products: readonly string[]
  readonly pieces: number
  readonly coupon: string | undefined
  readonly lookedAtLast: readonly string[]
  readonly piecesEver: number | undefined
  readonly piecesPerOrder: number | undefined
}

const LOOKS = 3

export function stateKinds(source: Source<ShopEvent>, sink: Sink<Receipt>): JobDefinition {
  return defineJob({ name: 'state-kinds', checkpointing: { interval: '1 s' } }, (env) => {
    env
      .source('events', source)
      .keyBy(({ user }) => user)
      .process('cart', {
        state: {
          /** One value. */
          coupon: valueState<string>(),
          /** Values in order. */
          looks: listState<string>(),
          /** Entries, each read and written on its own. */
          cart: mapState<string, number>(),
          /** What was added, folded into one value of the same type. */
          piecesEver: reducingState<number>((a, b) => a + b),
          /** What was added, folded into a value of another type. */
          piecesPerOrder: aggregatingState({
            createAccumulator: () => ({ orders: 0, pieces: 0 }),
            add: (pieces: number, sum) => ({ orders: sum.orders + 1, pieces: sum.pieces + pieces }),
            getResult: ({ orders, pieces }) => pieces / orders,
          }),
        },
        emits: type<Receipt>(),
        processElement(event, ctx) {
          const { coupon, looks, cart, piecesEver, piecesPerOrder } = ctx.state
          switch (event.type) {
            case 'look':
              if (event.products.length === 1) looks.add(event.products[0]!)
              else looks.addAll(event.products)
              if (looks.get().length > LOOKS) looks.update(looks.get().slice(-LOOKS))
              return
            case 'put':
              cart.put(event.product, event.quantity + (cart.get(event.product) ?? 0))
              return
            case 'put-all':
              cart.putAll(Object.entries(event.items))
              return
            case 'take-out':
              if (cart.contains(event.product)) cart.remove(event.product)
              return
            case 'coupon':
              if (event.code === undefined) coupon.clear()
              else coupon.update(event.code)
              return
            case 'check-out': {
              if (cart.isEmpty()) return
              const pieces = [...cart.values()].reduce((a, b) => a + b)
              piecesEver.add(pieces)
              piecesPerOrder.add(pieces)
              ctx.collect({
                user: ctx.key,
                items: [...cart.entries()]
                  .map(([product, quantity]) => `${quantity} × ${product}`)
                  .toSorted(),
                products: [...cart.keys()].toSorted(),
                pieces,
                coupon: coupon.value(),
                lookedAtLast: looks.get(),
                piecesEver: piecesEver.get(),
                piecesPerOrder: piecesPerOrder.get(),
              })
              cart.clear()
              coupon.clear()
              return
            }
            case 'forget-me':
              for (const state of Object.values(ctx.state)) state.clear()
          }
        },
      })
      .sinkTo('receipts', sink)
  })
}

export const shopEvents: readonly ShopEvent[] = [
  { user: 'Ann', type: 'look', products: ['tea', 'cup'] },
  { user: 'Bob', type: 'put', product: 'lamp', quantity: 1 },
  { user: 'Ann', type: 'put', product: 'tea', quantity: 2 },
  { user: 'Ann', type: 'coupon', code: 'SPRING' },
  { user: 'Bob', type: 'take-out', product: 'lamp' },
  { user: 'Ann', type: 'put', product: 'cup', quantity: 1 },
  { user: 'Ann', type: 'check-out' },
  { user: 'Bob', type: 'put-all', items: { desk: 1, chair: 4 } },
  { user: 'Bob', type: 'check-out' },
  { user: 'Ann', type: 'put', product: 'tea', quantity: 1 },
  { user: 'Ann', type: 'check-out' },
]

export default stateKinds(collection(shopEvents), print())
