/** Counts words that come by HTTP, and publishes every count it comes to: for each word 1, 2, 3, … */
import { defineJob, fixedDelay, http, s3Files, valueState } from 'millrace'

import { RESULTS_BUCKET } from './results.ts'

export interface WordRecord {
  readonly word: string
  /** Its record makes the job throw until then, epoch milliseconds. */
  readonly throwsUntilMs?: number
}

export interface WordCount {
  readonly word: string
  readonly count: number
}

export default defineJob(
  {
    name: 'e2e-word-count',
    parallelism: 2,
    checkpointing: { interval: '2 s', retentionOnCancel: 'retain', numRetained: 2 },
    restart: fixedDelay({ attempts: 50, delay: '1 s' }),
  },
  (env) => {
    env
      .source('words', http<WordRecord>({ partitions: 2 }))
      .map(
        (record) => {
          if (record.throwsUntilMs !== undefined && Date.now() < record.throwsUntilMs) {
            throw new Error(
              `The word ${record.word} throws until ${new Date(record.throwsUntilMs).toISOString()}`,
            )
          }
          return record.word
        },
        { uid: 'parse' },
      )
      .keyBy((word) => word)
      .map('count', {
        state: { count: valueState<number>({ ttl: '30 days', default: 0 }) },
        map(word, { state }): WordCount {
          const count = state.count.value() + 1
          state.count.update(count)
          return { word, count }
        },
      })
      .sinkTo('counts', s3Files<WordCount>({ bucket: RESULTS_BUCKET, prefix: 'word-count/' }))
  },
)
