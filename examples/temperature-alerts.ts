/**
 * The job of the README: an alert for each jump of more than ten degrees between two readings of a sensor.
 *
 *     npx millrace run examples/temperature-alerts.ts
 */
import { csv, defineJob, fixedDelay, print, type, valueState } from 'millrace'
import { z } from 'zod'

interface Alert {
  readonly sensor: string
  readonly from: number
  readonly to: number
}

const reading = z.tuple([z.string(), z.coerce.number(), z.coerce.number()])

export default defineJob(
  {
    name: 'temperature-alerts',
    checkpointing: { interval: '10 s' },
    restart: fixedDelay({ attempts: 3, delay: '10 s' }),
  },
  (env) => {
    env
      .source(
        'readings',
        csv(`${import.meta.dirname}/data/sensor-readings.txt`, { header: false, schema: reading }),
      )
      .keyBy(([sensor]) => sensor)
      .process('jumps', {
        state: { last: valueState<number>({ ttl: '1 h' }) },
        emits: type<Alert>(),
        processElement([sensor, , celsius], { state: { last }, collect }) {
          const before = last.value()
          if (before !== undefined && Math.abs(celsius - before) > 10)
            collect({ sensor, from: before, to: celsius })
          last.update(celsius)
        },
      })
      .sinkTo('alerts', print())
  },
)
