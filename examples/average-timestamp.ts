/**
 * The average time of every five clicks of a user.
 *
 * Shows `AggregatingState`: what is added (clicks), what is kept (a sum and a count) and what is read (an average)
 * have three types. A `ValueState` beside it counts to five.
 *
 *     npx millrace run examples/average-timestamp.ts
 */
import {
  aggregatingState,
  defineJob,
  print,
  textFile,
  valueState,
  type JobDefinition,
  type Sink,
  type Source,
} from 'millrace'
import { parsePageView, type PageView } from './page-views.ts'

export interface AverageTime {
  readonly user: string
  /** Epoch milliseconds. */
  readonly average: number
}

const CLICKS = 5

export function averageTimestamp(source: Source<PageView>, sink: Sink<AverageTime>): JobDefinition {
  return defineJob({ name: 'average-timestamp', checkpointing: { interval: '1 s' } }, (env) => {
    env
      .source('clicks', source)
      .keyBy(({ user }) => user)
      .flatMap('average', {
        state: {
          clicks: valueState({ default: 0 }),
          average: aggregatingState({
            createAccumulator: () => ({ sum: 0, count: 0 }),
            add: ({ time }: PageView, { sum, count }) => ({ sum: sum + time, count: count + 1 }),
            getResult: ({ sum, count }) => sum / count,
          }),
        },
        flatMap(click, { key: user, state }): AverageTime[] {
          state.average.add(click)
          state.clicks.update(state.clicks.value() + 1)
          if (state.clicks.value() < CLICKS) return []
          const average = state.average.get()!
          state.average.clear()
          state.clicks.clear()
          return [{ user, average }]
        },
      })
      .sinkTo('averages', sink)
  })
}

export default averageTimestamp(
  textFile(`${import.meta.dirname}/data/page-views.txt`, { parse: parsePageView }),
  print({ format: ({ user, average }) => `${user}: ${new Date(average).toISOString()} on average` }),
)
