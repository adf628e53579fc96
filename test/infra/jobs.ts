import { collection, defineJob, print, type JobDefinition, type JobOptions } from 'millrace'

/** A source, a keyed sum and a sink, in two chains. */
export function minimalJob(options: Partial<JobOptions> = {}): JobDefinition {
  return defineJob({ name: 'sums', checkpointing: { interval: '10 s' }, ...options }, (env) => {
    env
      .source('numbers', collection([{ key: 'a', n: 1 }]))
      .keyBy(({ key }) => key)
      .sum('sum', 'n')
      .sinkTo('out', print())
  })
}
