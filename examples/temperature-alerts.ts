/**
 * The job of the README: an alert for each jump of more than ten degrees between two readings of a sensor. Readings come by
 * HTTP and from a queue.
 *
 *     npx millrace run examples/temperature-alerts.ts
 *     curl --data-binary @examples/data/sensor-readings.ndjson -H 'content-type: application/x-ndjson' \
 *       http://127.0.0.1:8080/readings
 */
import { defineJob, fixedDelay, http, print, sqs, type, valueState } from 'millrace'
import * as z from 'zod'

interface Alert {
  readonly sensor: string
  readonly from: number
  readonly to: number
}

const reading = z.object({ sensor: z.string(), celsius: z.number() })

export default defineJob(
  {
    name: 'temperature-alerts',
    checkpointing: { interval: '10 s' },
    restart: fixedDelay({ attempts: 3, delay: '10 s' }),
  },
  (env) => {
    env
      .source('readings', http({ schema: reading }))
      .union(env.source('queued', sqs({ queue: 'sensor-readings', schema: reading, embedded: 'http' })))
      .keyBy(({ sensor }) => sensor)
      .process('jumps', {
        state: { last: valueState<number>({ ttl: '1 h' }) },
        emits: type<Alert>(),
        processElement({ sensor, celsius }, { state: { last }, collect }) {
          const before = last.value()
          if (before !== undefined && Math.abs(celsius - before) > 10)
            collect({ sensor, from: before, to: celsius })
          last.update(celsius)
        },
      })
      .sinkTo('alerts', print())
  },
)
