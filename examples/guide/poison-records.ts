/** A record that a function fails at each time is set aside, and the job goes on without it. */
import { collection, deadLetters, defineJob, fixedDelay, print } from 'millrace'

interface Order {
  readonly id: string
  readonly prices: readonly number[]
}

/** One has no prices, whatever its type says. */
const orders = [
  { id: 'a', prices: [3, 4] },
  { id: 'b', prices: null! },
  { id: 'c', prices: [5] },
] satisfies Order[]

const options = {
  name: 'poison-records',
  restart: fixedDelay({ attempts: 'unlimited', delay: 0 }),
  poisonRecords: { deadLetterAfter: 3 },
}

export default defineJob(options, (env) => {
  const totals = env
    .source('orders', collection<Order>(orders))
    .map(({ id, prices }) => `${id}: ${prices.reduce((sum, price) => sum + price, 0)}`, { uid: 'total' })

  totals.sinkTo('totals', print())
  totals
    .getSideOutput(deadLetters)
    .map(({ operatorUid, reason, raw }) => `${operatorUid}: ${reason} at ${raw}`)
    .sinkTo('set-aside', print({ prefix: 'set aside' }))
})
