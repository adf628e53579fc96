import { defineJob, generator, print } from 'millrace'
export default defineJob(
  { name: 'tick', checkpointing: { interval: '300 ms', directory: '/tmp/mr/x/ck' } },
  (env) => {
    env
      .source('n', generator({ ratePerSecond: 20, generate: (i: number) => ({ k: i % 3, n: 1 }) }))
      .keyBy((r) => r.k)
      .sum('sum', 'n')
      .sinkTo('p', print())
  },
)
