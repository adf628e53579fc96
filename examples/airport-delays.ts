/**
 * How late flights leave each airport, day by day: three million flights of the first half of 2001.
 *
 * Shows event-time windows over real data, and a source of one's own (`sources/flights-parquet.ts`), which several
 * subtasks read side by side.
 *
 *     npx millrace run examples/airport-delays.ts --parallelism 4
 *     npx millrace run examples/airport-delays-quick.ts            # 20,000 flights
 */
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import {
  defineJob,
  fileSink,
  monotonousTimestamps,
  tumblingEventTimeWindows,
  type JobDefinition,
  type Sink,
  type Source,
} from 'millrace'
import { flightsParquet, type Flight } from './sources/flights-parquet.ts'

export interface AirportDay {
  readonly origin: string
  readonly day: string
  readonly flights: number
  /** Flights that left a quarter of an hour late, or later. */
  readonly delayed: number
  /** Minutes, to one decimal. */
  readonly meanDelay: number
  readonly longestDelay: number
}

const DELAYED_MINUTES = 15

export function airportDelays(flights: Source<Flight>, sink: Sink<AirportDay>): JobDefinition {
  return defineJob({ name: 'airport-delays', checkpointing: { interval: '2 s' } }, (env) => {
    env
      .source('flights', flights)
      .withTimestamps(({ departure }) => departure, monotonousTimestamps())
      .keyBy(({ origin }) => origin)
      .window(tumblingEventTimeWindows('1 d'))
      .aggregate(
        'delays',
        {
          createAccumulator: () => ({ flights: 0, delayed: 0, minutes: 0, longestDelay: -Infinity }),
          add: ({ delay }, sum) => ({
            flights: sum.flights + 1,
            delayed: sum.delayed + (delay >= DELAYED_MINUTES ? 1 : 0),
            minutes: sum.minutes + delay,
            longestDelay: Math.max(sum.longestDelay, delay),
          }),
          getResult: ({ minutes, ...sum }) => ({
            ...sum,
            meanDelay: Math.round((minutes / sum.flights) * 10) / 10,
          }),
        },
        (origin, { start }, delays): AirportDay => ({
          origin,
          day: new Date(start).toISOString().slice(0, 10),
          ...delays,
        }),
      )
      .sinkTo('airport-days', sink)
  })
}

/** Where a file of `vega-datasets` is. */
export function vegaDataset(name: string): string {
  return join(dirname(createRequire(import.meta.url).resolve('vega-datasets')), '../data', name)
}

export default airportDelays(
  flightsParquet(vegaDataset('flights-3m.parquet')),
  fileSink('.millrace/airport-delays', { format: 'json' }),
)
