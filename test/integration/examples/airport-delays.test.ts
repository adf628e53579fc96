import { readFileSync } from 'node:fs'
import { decompress } from 'fzstd'
import { asyncBufferFromFile, parquetRead } from 'hyparquet'
import { collect, transactionalCollect } from 'millrace'
import { expect, test } from 'vitest'
import { airportDelays, vegaDataset, type AirportDay } from '../../../examples/airport-delays.ts'
import { flights as quickFlights } from '../../../examples/airport-delays-quick.ts'
import { flightsParquet } from '../../../examples/sources/flights-parquet.ts'
import { TestJob } from './support.ts'

/** Sums by airport and day in one plain map: no windows, no time. */
class Almanac {
  readonly #delays = new Map<string, number[]>()

  add(day: string, origin: string, delay: number): void {
    const key = `${origin} ${day}`
    const delays = this.#delays.get(key)
    if (delays === undefined) this.#delays.set(key, [delay])
    else delays.push(delay)
  }

  get days(): AirportDay[] {
    return [...this.#delays].map(([key, delays]) => ({
      origin: key.slice(0, 3),
      day: key.slice(4),
      flights: delays.length,
      delayed: delays.filter((delay) => delay >= 15).length,
      meanDelay: Math.round((delays.reduce((a, b) => a + b) / delays.length) * 10) / 10,
      longestDelay: delays.toSorted((a, b) => a - b).at(-1)!,
    }))
  }
}

const sorted = (days: readonly AirportDay[]): AirportDay[] =>
  days.toSorted((a, b) => a.day.localeCompare(b.day) || a.origin.localeCompare(b.origin))

test('20,000 flights from JSON: every airport and day as counted plainly', async () => {
  const almanac = new Almanac()
  const file = JSON.parse(readFileSync(vegaDataset('flights-20k.json'), 'utf8')) as {
    date: string
    delay: number
    origin: string
  }[]
  for (const { date, delay, origin } of file)
    almanac.add(date.slice(0, 10).replaceAll('/', '-'), origin, delay)

  const days: AirportDay[] = []
  const job = await TestJob.start(airportDelays(quickFlights, collect(days)))
  expect((await job.handle.result).status).toBe('FINISHED')
  expect(sorted(days)).toEqual(sorted(almanac.days))
})

test('3,000,000 flights from Parquet, read by four subtasks: every airport and day as counted plainly', async () => {
  const path = vegaDataset('flights-3m.parquet')
  const almanac = new Almanac()
  let count = 0
  await parquetRead({
    file: await asyncBufferFromFile(path),
    columns: ['date', 'delay', 'origin'],
    compressors: { ZSTD: (bytes, length) => decompress(bytes, new Uint8Array(length)) },
    onComplete: (rows) => {
      for (const [date, delay, origin] of rows as [Date, bigint, string][]) {
        almanac.add(date.toISOString().slice(0, 10), origin, Number(delay))
        count++
      }
    },
  })
  expect(count).toBe(3_000_000)

  const days = transactionalCollect<AirportDay>()
  const job = await TestJob.start(airportDelays(flightsParquet(path), days), {
    parallelism: 4,
    clock: undefined,
  })
  expect((await job.handle.result).status).toBe('FINISHED')
  expect(sorted(days.values)).toEqual(sorted(almanac.days))
}, 180_000)
