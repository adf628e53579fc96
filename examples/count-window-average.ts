/**
 * The average of every two values of a key, kept by hand: after two records the sum divided by their number is
 * emitted, and the count starts again.
 *
 * Shows `ValueState` with a default, and its time-to-live: a value that waits longer than 10 s for its partner is
 * forgotten.
 *
 *     npx millrace run examples/count-window-average.ts
 */
import {
  collection,
  defineJob,
  print,
  valueState,
  type JobDefinition,
  type Sink,
  type Source,
} from 'millrace'

export type KeyedNumber = readonly [key: number, value: number]

const WINDOW = 2

export function countWindowAverage(source: Source<KeyedNumber>, sink: Sink<KeyedNumber>): JobDefinition {
  return defineJob({ name: 'count-window-average', checkpointing: { interval: '1 s' } }, (env) => {
    env
      .source('numbers', source)
      .keyBy(([key]) => key)
      .flatMap('average', {
        state: {
          seen: valueState({
            default: { count: 0, sum: 0 },
            ttl: { ttl: '10 s', updateType: 'OnCreateAndWrite', visibility: 'NeverReturnExpired' },
          }),
        },
        flatMap([key, value], { state: { seen } }): KeyedNumber[] {
          const before = seen.value()
          const { count, sum } = { count: before.count + 1, sum: before.sum + value }
          if (count < WINDOW) {
            seen.update({ count, sum })
            return []
          }
          seen.clear()
          return [[key, Math.trunc(sum / count)]]
        },
      })
      .sinkTo('averages', sink)
  })
}

export const numbers: readonly KeyedNumber[] = [
  [1, 3],
  [1, 5],
  [1, 7],
  [1, 4],
  [1, 2],
]

export default countWindowAverage(
  collection(numbers),
  print({ format: (average) => `(${average.join(', ')})` }),
)
