import { decompress } from 'fzstd'
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

/** As in the files of `vega-datasets`. */
export interface FlightRow {
  /** `2001/01/01 00:47` */
  readonly date: string
  /** Minutes. */
  readonly delay: number
  /** Miles. */
  readonly distance: number
  readonly origin: string
  readonly destination: string
}

function vegaDataset(name: string): string {
  return join(dirname(createRequire(import.meta.url).resolve('vega-datasets')), '../data', name)
}

/** 20,000 flights in the order of their departure. */
export function readFlights(): FlightRow[] {
  return JSON.parse(readFileSync(vegaDataset('flights-20k.json'), 'utf8')) as FlightRow[]
}

/** Epoch milliseconds of a departure, read as if it were UTC. */
export function departureMs(date: string): number {
  return Date.UTC(
    Number(date.slice(0, 4)),
    Number(date.slice(5, 7)) - 1,
    Number(date.slice(8, 10)),
    Number(date.slice(11, 13)),
    Number(date.slice(14, 16)),
  )
}

export interface Departure {
  readonly origin: string
  /** Epoch milliseconds. */
  readonly departure: number
  /** Minutes. */
  readonly delay: number
}

/** Three million flights in the order of their departure. */
export async function readFlightsParquet(): Promise<Departure[]> {
  const rows = await parquetReadObjects({
    file: await asyncBufferFromFile(vegaDataset('flights-3m.parquet')),
    columns: ['date', 'delay', 'origin'],
    compressors: { ZSTD: (bytes, length) => decompress(bytes, new Uint8Array(length)) },
  })
  return rows
    .map(({ date, delay, origin }) => ({
      origin: origin as string,
      departure: (date as Date).getTime(),
      delay: Number(delay),
    }))
    .toSorted((a, b) => a.departure - b.departure)
}
