import {
  collection,
  defineJob,
  discard,
  monotonousTimestamps,
  tumblingEventTimeWindows,
  type AggregateFunction,
  type Duration,
  type JobDefinition,
  type Sink,
} from 'millrace'
import { departureMs, readFlights, readFlightsParquet, type Departure } from '../data/flights.ts'
import type { Benchmark, Settings } from '../harness/benchmark.ts'
import { compare, type Comparison } from '../harness/compare.ts'
import { compareTable, type ComparedCase } from '../harness/compare-table.ts'
import { dropper } from '../harness/dropper.ts'
import { expectEqual } from '../harness/expect-equal.ts'
import { withScratch } from '../harness/scratch.ts'
import { timeJob } from '../harness/time-job.ts'

const FLIGHTS = 1_000_000
const FLIGHTS_QUICK = 100_000
const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

export const windows: Benchmark = {
  name: 'windows',
  title: 'Tumbling windows of flights by airport, a checkpoint every second',
  nodeOptions: ['--max-old-space-size=4096'],
  run: (settings) =>
    withScratch(async (directory) => {
      const repeated = repeatedFlights(settings.quick ? FLIGHTS_QUICK : FLIGHTS)
      const cases: ComparedCase[] = [
        {
          name: `an hour, ${repeated.length} flights (20,000, repeated)`,
          comparison: await contest(repeated, { sizeMs: HOUR_MS }, directory, settings),
          target: undefined,
        },
        {
          name: 'the same, a watermark after every batch',
          comparison: await contest(
            repeated,
            { sizeMs: HOUR_MS, watermarkInterval: '0 ms' },
            directory,
            settings,
          ),
          target: undefined,
        },
      ]
      if (!settings.quick) {
        const all = await readFlightsParquet()
        cases.push({
          name: `a day, ${all.length} flights`,
          comparison: await contest(all, { sizeMs: DAY_MS }, directory, settings),
          target: undefined,
        })
      }
      return {
        tables: [
          compareTable('flights in memory, in order of departure', 'flights', cases, [
            'Job: collection → withTimestamps → keyBy(origin) → tumbling window → aggregate → discard; filesystem backend.',
            'By hand: a Map by origin of accumulators by start of window; an array of the open windows in the order of ' +
              'their opening, those at its head closed when a flight passes their end; no checkpoint.',
            'Read from memory, half a year passes within a second. Between two watermarks, which by default are 200 ms of ' +
              'the clock apart, hundreds of windows of an hour stay open at each airport, which costs more than closing them.',
          ]),
        ],
        checks: [],
      }
    }),
}

interface Delays {
  readonly flights: number
  readonly delayed: number
  readonly minutes: number
}

interface AirportDelays {
  readonly origin: string
  readonly start: number
  readonly flights: number
  readonly delayed: number
  readonly meanDelay: number
}

const DELAYED_MINUTES = 15
const WATERMARKS_DEFAULT = '200 ms'

interface Windowing {
  readonly sizeMs: number
  readonly watermarkInterval?: Duration
}

const delays: AggregateFunction<Departure, Delays, Delays> = {
  createAccumulator: () => ({ flights: 0, delayed: 0, minutes: 0 }),
  add: ({ delay }, sum) => ({
    flights: sum.flights + 1,
    delayed: sum.delayed + (delay >= DELAYED_MINUTES ? 1 : 0),
    minutes: sum.minutes + delay,
  }),
  getResult: (sum) => sum,
}

function resultOf(origin: string, start: number, { flights, delayed, minutes }: Delays): AirportDelays {
  return { origin, start, flights, delayed, meanDelay: minutes / flights }
}

function contest(
  flights: readonly Departure[],
  windowing: Windowing,
  directory: string,
  settings: Settings,
): Promise<Comparison> {
  const { sizeMs } = windowing
  const expected = byHand(flights, sizeMs).count
  return compare(
    {
      records: flights.length,
      subject: async () => {
        const sink = discard<AirportDelays>()
        const tookMs = await timeJob(windowsJob(flights, windowing, sink), directory)
        expectEqual('windows', sink.count, expected)
        return tookMs
      },
      baseline: async () => byHand(flights, sizeMs).tookMs,
    },
    settings,
  )
}

function windowsJob(
  flights: readonly Departure[],
  { sizeMs, watermarkInterval = WATERMARKS_DEFAULT }: Windowing,
  sink: Sink<AirportDelays>,
): JobDefinition {
  const options = {
    name: 'windows',
    checkpointing: { interval: '1 s' },
    autoWatermarkInterval: watermarkInterval,
  } as const
  return defineJob(options, (env) => {
    env
      .source('flights', collection(flights))
      .withTimestamps(({ departure }) => departure, monotonousTimestamps())
      .keyBy(({ origin }) => origin)
      .window(tumblingEventTimeWindows(`${sizeMs} ms`))
      .aggregate('delays', delays, (origin, { start }, sum) => resultOf(origin, start, sum))
      .sinkTo('airport-delays', sink)
  })
}

function byHand(
  flights: readonly Departure[],
  sizeMs: number,
): { readonly tookMs: number; readonly count: number } {
  const startedAtMs = performance.now()
  const sink = dropper<AirportDelays>()
  const byOrigin = new Map<string, Map<number, Delays>>()
  let open: { readonly origin: string; readonly start: number }[] = []
  const close = (upToMs: number): void => {
    let closed = 0
    for (const { origin, start } of open) {
      if (start + sizeMs > upToMs) break
      closed++
      const ofOrigin = byOrigin.get(origin)!
      sink.add(resultOf(origin, start, delays.getResult(ofOrigin.get(start)!)))
      ofOrigin.delete(start)
      if (ofOrigin.size === 0) byOrigin.delete(origin)
    }
    if (closed > 0) open = open.slice(closed)
  }
  for (const flight of flights) {
    const { origin, departure } = flight
    const start = departure - (departure % sizeMs)
    if (open.length > 0 && open[0]!.start + sizeMs <= departure) close(departure)
    let ofOrigin = byOrigin.get(origin)
    if (ofOrigin === undefined) byOrigin.set(origin, (ofOrigin = new Map()))
    const sum = ofOrigin.get(start)
    if (sum === undefined) open.push({ origin, start })
    ofOrigin.set(start, delays.add(flight, sum ?? delays.createAccumulator()))
  }
  close(Number.POSITIVE_INFINITY)
  sink.flush()
  return { tookMs: performance.now() - startedAtMs, count: sink.count }
}

/** The same flights over again, each time a minute later, in the order of their departure. */
function repeatedFlights(count: number): Departure[] {
  const flights = readFlights().map(({ origin, date, delay }) => ({
    origin,
    departure: departureMs(date),
    delay,
  }))
  return Array.from({ length: count }, (_, i) => {
    const { origin, departure, delay } = flights[i % flights.length]!
    return { origin, departure: departure + Math.floor(i / flights.length) * MINUTE_MS, delay }
  }).toSorted((a, b) => a.departure - b.departure)
}
