import { collection, defineJob, discard, type JobDefinition, type Sink } from 'millrace'
import { departureMs, readFlights, type FlightRow } from '../data/flights.ts'
import type { Benchmark } from '../harness/benchmark.ts'
import { compare } from '../harness/compare.ts'
import { compareTable, type ComparedCase } from '../harness/compare-table.ts'
import { dropper } from '../harness/dropper.ts'
import { expectEqual } from '../harness/expect-equal.ts'
import { withScratch } from '../harness/scratch.ts'
import { timeJob } from '../harness/time-job.ts'

const LINES = 2_000_000
const LINES_QUICK = 200_000
const NUMBERS = 20_000_000
const NUMBERS_QUICK = 2_000_000
const TARGET = 0.5

export const statelessChain: Benchmark = {
  name: 'stateless-chain',
  title: 'Five operators in a chain, without state',
  run: (settings) =>
    withScratch(async (directory) => {
      const flights = readFlights().map(csvLine)
      const lines = Array.from(
        { length: settings.quick ? LINES_QUICK : LINES },
        (_, i) => flights[i % flights.length]!,
      )
      const visits = visitsByHand(lines)
      const realistic = await compare(
        {
          records: lines.length,
          subject: async () => {
            const sink = discard<string>()
            const tookMs = await timeJob(visitsJob(lines, sink), directory)
            expectEqual('visits', sink.count, visits.count)
            return tookMs
          },
          baseline: async () => visitsByHand(lines).tookMs,
        },
        settings,
      )
      const numbers = Array.from({ length: settings.quick ? NUMBERS_QUICK : NUMBERS }, (_, i) => i & 0xff_ff)
      const sums = trivialByHand(numbers)
      const trivial = await compare(
        {
          records: numbers.length,
          subject: async () => {
            const sink = discard<number>()
            const tookMs = await timeJob(trivialJob(numbers, sink), directory)
            expectEqual('numbers', sink.count, sums.count)
            return tookMs
          },
          baseline: async () => trivialByHand(numbers).tookMs,
        },
        settings,
      )
      const cases: ComparedCase[] = [
        {
          name: `parse, filter, enrich, split, format (${lines.length} lines)`,
          comparison: realistic,
          target: TARGET,
        },
        { name: `arithmetic on ${numbers.length} small numbers`, comparison: trivial, target: undefined },
      ]
      return {
        tables: [
          compareTable('records in memory', 'records', cases, [
            'Job: collection → map → filter → map → flatMap → map → discard, no checkpoints.',
            'By hand: one loop over the same array that calls the same five functions, and gathers what comes out for a ' +
              'function that drops it, 512 at a time.',
            'Arithmetic shows what an operator costs beside a function that costs next to nothing: the engine counts ' +
              'each record, gathers batches and keeps timestamps, while the compiler turns the loop by hand into a few instructions.',
          ]),
        ],
        checks: [
          { what: 'stateless-chain, realistic functions: ratio', value: realistic.ratio, atLeast: TARGET },
        ],
      }
    }),
}

interface Flight {
  readonly departure: number
  readonly delay: number
  readonly distance: number
  readonly origin: string
  readonly destination: string
}

interface EnrichedFlight extends Flight {
  readonly haul: 'long' | 'short'
  readonly arrival: number
}

interface Visit {
  readonly airport: string
  readonly kind: 'departure' | 'arrival'
  readonly time: number
  readonly delay: number
  readonly haul: 'long' | 'short'
}

const LONG_HAUL_MILES = 1_500
const MILES_PER_MINUTE = 8

function csvLine({ date, delay, distance, origin, destination }: FlightRow): string {
  return [date, delay, distance, origin, destination].join(',')
}

function parse(line: string): Flight {
  const [date, delay, distance, origin, destination] = line.split(',') as [
    string,
    string,
    string,
    string,
    string,
  ]
  return {
    departure: departureMs(date),
    delay: Number(delay),
    distance: Number(distance),
    origin,
    destination,
  }
}

function isDelayed(flight: Flight): boolean {
  return flight.delay > 0
}

function enrich(flight: Flight): EnrichedFlight {
  const { departure, delay, distance, origin, destination } = flight
  const haul = distance >= LONG_HAUL_MILES ? 'long' : 'short'
  const arrival = departure + Math.round(distance / MILES_PER_MINUTE + delay) * 60_000
  return { departure, delay, distance, origin, destination, haul, arrival }
}

function visitsOf({ origin, destination, departure, arrival, delay, haul }: EnrichedFlight): Visit[] {
  return [
    { airport: origin, kind: 'departure', time: departure, delay, haul },
    { airport: destination, kind: 'arrival', time: arrival, delay, haul },
  ]
}

function format({ airport, kind, time, delay, haul }: Visit): string {
  return `${time} ${airport} ${kind} ${delay} min late (${haul} haul)`
}

function visitsJob(lines: readonly string[], sink: Sink<string>): JobDefinition {
  return defineJob({ name: 'visits' }, (env) => {
    env
      .source('lines', collection(lines))
      .map(parse)
      .filter(isDelayed)
      .map(enrich)
      .flatMap(visitsOf)
      .map(format)
      .sinkTo('visits', sink)
  })
}

function visitsByHand(lines: readonly string[]): { readonly tookMs: number; readonly count: number } {
  const startedAtMs = performance.now()
  const sink = dropper<string>()
  for (const line of lines) {
    const flight = parse(line)
    if (!isDelayed(flight)) continue
    for (const visit of visitsOf(enrich(flight))) sink.add(format(visit))
  }
  sink.flush()
  return { tookMs: performance.now() - startedAtMs, count: sink.count }
}

const increment = (n: number): number => n + 1
const isNotTenth = (n: number): boolean => n % 10 !== 0
const twice = (n: number): number => n * 2
const decrement = (n: number): number => n - 1
const lowBits = (n: number): number => n & 0xff_ff

function trivialJob(numbers: readonly number[], sink: Sink<number>): JobDefinition {
  return defineJob({ name: 'trivial' }, (env) => {
    env
      .source('numbers', collection(numbers))
      .map(increment)
      .filter(isNotTenth)
      .map(twice)
      .map(decrement)
      .map(lowBits)
      .sinkTo('numbers-out', sink)
  })
}

function trivialByHand(numbers: readonly number[]): { readonly tookMs: number; readonly count: number } {
  const startedAtMs = performance.now()
  const sink = dropper<number>()
  for (const number of numbers) {
    const next = increment(number)
    if (isNotTenth(next)) sink.add(lowBits(decrement(twice(next))))
  }
  sink.flush()
  return { tookMs: performance.now() - startedAtMs, count: sink.count }
}
