/**
 * An alert for each jump of more than ten degrees between two readings of a sensor, written three times.
 *
 * Shows three levels of the API, from the most powerful to the shortest: a process function (which could set timers
 * and use side outputs too), a flat-map with declared state, and a flat-map whose one piece of state is passed in
 * and out.
 *
 *     npx millrace run examples/temperature-jump.ts
 */
import {
  defineJob,
  print,
  textFile,
  type,
  valueState,
  type JobDefinition,
  type Sink,
  type Source,
} from 'millrace'
import { parseReading, type SensorReading } from './sensor-readings.ts'

export interface Alert {
  readonly sensor: string
  readonly from: number
  readonly to: number
}

const LIMIT = 10

/** Nothing for the first reading of a sensor: there is nothing to compare it with. */
function alerts({ id, temperature }: SensorReading, last: number | undefined): Alert[] {
  const jumped = last !== undefined && Math.abs(temperature - last) > LIMIT
  return jumped ? [{ sensor: id, from: last, to: temperature }] : []
}

export function temperatureJump(
  source: Source<SensorReading>,
  sinks: { readonly process: Sink<Alert>; readonly flatMap: Sink<Alert>; readonly withState: Sink<Alert> },
): JobDefinition {
  return defineJob({ name: 'temperature-jump', checkpointing: { interval: '1 s' } }, (env) => {
    const readings = env.source('readings', source).keyBy(({ id }) => id)

    readings
      .process('process', {
        state: { last: valueState<number>() },
        emits: type<Alert>(),
        processElement(reading, ctx) {
          for (const alert of alerts(reading, ctx.state.last.value())) ctx.collect(alert)
          ctx.state.last.update(reading.temperature)
        },
      })
      .sinkTo('alerts-of-process', sinks.process)

    readings
      .flatMap('flat-map', {
        state: { last: valueState<number>() },
        flatMap(reading, { state: { last } }) {
          const found = alerts(reading, last.value())
          last.update(reading.temperature)
          return found
        },
      })
      .sinkTo('alerts-of-flat-map', sinks.flatMap)

    readings
      .flatMapWithState('with-state', (reading, last: number | undefined) => [
        alerts(reading, last),
        reading.temperature,
      ])
      .sinkTo('alerts-of-with-state', sinks.withState)
  })
}

const printed = (prefix: string): Sink<Alert> =>
  print({ prefix, format: ({ sensor, from, to }) => `${sensor} jumped from ${from} to ${to} °C` })

export default temperatureJump(
  textFile(`${import.meta.dirname}/data/sensor-readings.txt`, { parse: parseReading }),
  { process: printed('process'), flatMap: printed('flatMap'), withState: printed('flatMapWithState') },
)
