import {
  collection,
  defineJob,
  http,
  print,
  sqs,
  type JobDefinition,
  type JobOptions,
  type OperatorOptions,
} from 'millrace'

import { s3Files } from '../../lib/connectors/s3-files.ts'

/** A source, a keyed sum and a sink, in two chains; `sum` and `out` are the second. */
export function minimalJob(
  options: Partial<JobOptions> = {},
  { sum = {}, out = {} }: { readonly sum?: OperatorOptions; readonly out?: OperatorOptions } = {},
): JobDefinition {
  return defineJob({ name: 'sums', checkpointing: { interval: '10 s' }, ...options }, (env) => {
    env
      .source('numbers', collection([{ key: 'a', n: 1 }]))
      .keyBy(({ key }) => key)
      .sum('sum', 'n', sum)
      .sinkTo('out', print(), out)
  })
}

/** Has every kind of function, and a sink that writes beyond the job. */
export function jobWithEverything(): JobDefinition {
  return defineJob({ name: 'everything' }, (env) => {
    for (const [uid, source] of [
      ['posted', http<string>()],
      ['queued', sqs<string>({ queue: 'words' })],
    ] as const) {
      env
        .source(uid, source)
        .map((key) => ({ key, n: 1 }))
        .keyBy(({ key }) => key)
        .sum(uid === 'posted' ? 'sum' : 'other-sum', 'n')
        .sinkTo(`${uid}-sums`, s3Files({ bucket: 'outside', prefix: `${uid}/` }))
    }
  })
}
