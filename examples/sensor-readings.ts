/**
 * Reads temperatures from a text socket, one `id,timestamp,temperature` a line.
 *
 * Shows checkpoint options, restart strategies, and dead letters: a line that is no reading is kept with the reason,
 * and stops nothing.
 *
 *     nc -lk 7777                                  # type lines such as sensor_1,1547718199,35.8
 *     npx millrace run examples/sensor-readings.ts
 *
 * Settings given on the command line override those below:
 *
 *     npx millrace run examples/sensor-readings.ts --set restart-strategy.fixed-delay.attempts=10
 */
import {
  defineJob,
  failureRate,
  fixedDelay,
  print,
  socketText,
  type DeadLetter,
  type JobDefinition,
  type RestartStrategy,
  type Sink,
  type Source,
} from 'millrace'

export interface SensorReading {
  readonly id: string
  /** Epoch seconds. */
  readonly timestamp: number
  readonly temperature: number
}

/** What this throws becomes the reason of a dead letter. */
export function parseReading(line: string): SensorReading {
  const fields = line.split(',').map((field) => field.trim())
  if (fields.length !== 3) throw new Error(`Expected id,timestamp,temperature, got ${fields.length} fields`)
  const [id, timestamp, temperature] = fields as [string, string, string]
  return {
    id,
    timestamp: numberOf(timestamp, 'a timestamp'),
    temperature: numberOf(temperature, 'a temperature'),
  }
}

function numberOf(text: string, what: string): number {
  if (text === '' || Number.isNaN(Number(text))) throw new Error(`Expected ${what}, got '${text}'`)
  return Number(text)
}

/** Three restarts, 10 s after each failure; the fourth failure ends the job. */
export const patient: RestartStrategy = fixedDelay({ attempts: 3, delay: '10 s' })

/** Restarts after 1 min, as often as need be; the third failure within 10 min ends the job. */
export const watchful: RestartStrategy = failureRate({
  maxFailuresPerInterval: 3,
  interval: '10 min',
  delay: '1 min',
})

export function sensorReadings(
  source: Source<SensorReading>,
  readings: Sink<SensorReading>,
  rejected: Sink<DeadLetter>,
  restart: RestartStrategy = patient,
): JobDefinition {
  return defineJob(
    {
      name: 'sensor-readings',
      parallelism: 2,
      checkpointing: {
        interval: '300 ms',
        mode: 'exactly-once',
        timeout: '1 min',
        minPause: '100 ms',
        maxConcurrent: 1,
        tolerableFailures: 0,
      },
      stateBackend: 'filesystem',
      restart,
    },
    (env) => {
      const stream = env.source('socket', source)
      stream.sinkTo('readings', readings)
      stream.deadLetters.sinkTo('rejected', rejected)
    },
  )
}

export default sensorReadings(
  socketText({ host: 'localhost', port: 7777, parse: parseReading }),
  print(),
  print({ prefix: 'rejected', format: ({ position, reason, raw }) => `${position}: ${reason} (${raw})` }),
)
