/**
 * Sums what sensors said in each ten seconds of event time; readings come from an SQS queue. The windows have a function of
 * their own.
 */
import {
  boundedOutOfOrderness,
  defineJob,
  fixedDelay,
  s3Files,
  sqs,
  tumblingEventTimeWindows,
} from 'millrace'

import { READINGS_QUEUE, RESULTS_BUCKET } from './results.ts'

export interface Reading {
  readonly sensor: string
  readonly atMs: number
  readonly value: number
}

export interface WindowSum {
  readonly sensor: string
  readonly endMs: number
  readonly sum: number
}

export const WINDOW_MS = 10_000
/** More than all the readings of the scenario span: a standard queue gives them in any order. */
export const OUT_OF_ORDERNESS_MS = 60_000

export default defineJob(
  {
    name: 'e2e-windows',
    checkpointing: { interval: '2 s' },
    restart: fixedDelay({ attempts: 50, delay: '1 s' }),
  },
  (env) => {
    env
      .source('readings', sqs<Reading>({ queue: READINGS_QUEUE }))
      .withTimestamps(({ atMs }) => atMs, boundedOutOfOrderness(OUT_OF_ORDERNESS_MS))
      .keyBy(({ sensor }) => sensor)
      .window(tumblingEventTimeWindows(WINDOW_MS))
      .reduce(
        'sums',
        (a, b) => ({ ...a, value: a.value + b.value }),
        (sensor, { end: endMs }, { value: sum }): WindowSum => ({ sensor, endMs, sum }),
        { resources: { memoryMb: 512, timeout: '1 min' } },
      )
      .sinkTo('windows', s3Files<WindowSum>({ bucket: RESULTS_BUCKET, prefix: 'windows/' }))
  },
)
