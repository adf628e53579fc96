/**
 * The same job as `airport-delays.ts`, on 20,000 flights of a JSON file: another source is all it takes. A schema
 * checks what the file holds and makes records of it; what it refuses would go to the dead letters.
 *
 *     npx millrace run examples/airport-delays-quick.ts
 */
import { jsonFile, print, type Source } from 'millrace'
import * as z from 'zod'
import { airportDelays, vegaDataset } from './airport-delays.ts'
import type { Flight } from './sources/flights-parquet.ts'

const schema = z
  .object({
    date: z.string().regex(/^\d{4}\/\d\d\/\d\d \d\d:\d\d$/),
    delay: z.int(),
    origin: z.string().length(3),
  })
  .transform(({ date, delay, origin }): Flight => ({
    origin,
    delay,
    departure: Date.parse(`${date.replaceAll('/', '-')}Z`),
  }))

export const flights: Source<Flight> = jsonFile(vegaDataset('flights-20k.json'), { schema })

export default airportDelays(
  flights,
  print({
    format: (of) =>
      `${of.day} ${of.origin}: ${of.flights} flights, ${of.meanDelay} min late on average, at most ${of.longestDelay}`,
  }),
)
