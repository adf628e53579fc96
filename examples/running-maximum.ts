/**
 * The greatest value of each city so far, found twice: by the built-in `maxBy`, and by hand with `ValueState`.
 *
 * Shows what a keyed aggregation does: it keeps one value a key, compares each record with it, and emits the winner.
 *
 *     npx millrace run examples/running-maximum.ts
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

export interface CityValue {
  readonly city: string
  readonly value: number
}

export function runningMaximum(
  source: Source<CityValue>,
  byMaxBy: Sink<CityValue>,
  byHand: Sink<CityValue>,
): JobDefinition {
  return defineJob({ name: 'running-maximum' }, (env) => {
    const cities = env.source('cities', source).keyBy(({ city }) => city)

    cities.maxBy('max-by', 'value').sinkTo('by-max-by', byMaxBy)

    cities
      .map('by-hand', {
        state: { greatest: valueState<CityValue>() },
        map(record, { state: { greatest } }) {
          const before = greatest.value()
          if (before !== undefined && before.value >= record.value) return before
          greatest.update(record)
          return record
        },
      })
      .sinkTo('by-hand-sink', byHand)
  })
}

export const cityValues: readonly CityValue[] = [
  { city: '北京', value: 1 },
  { city: '上海', value: 2 },
  { city: '北京', value: 6 },
  { city: '上海', value: 8 },
  { city: '北京', value: 3 },
  { city: '上海', value: 4 },
]

const format = ({ city, value }: CityValue): string => `${city} ${value}`

export default runningMaximum(
  collection(cityValues),
  print({ prefix: 'maxBy', format }),
  print({ prefix: 'by hand', format }),
)
