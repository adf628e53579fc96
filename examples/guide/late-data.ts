/**
 * Event-time windows, and what comes too late for them.
 *
 * One reading a record, and a watermark after each (`autoWatermarkInterval: 0` makes them after every batch), so that
 * the example shows the same on every machine.
 */
import {
  boundedOutOfOrderness,
  defineJob,
  outputTag,
  print,
  sourceFunction,
  tumblingEventTimeWindows,
} from 'millrace'

interface Reading {
  readonly sensor: string
  /** Seconds. */
  readonly time: number
}

const readings = [1, 4, 12, 3, 16, 2, 27, 5].map((time): Reading => ({ sensor: 'a', time }))

/** Gives one reading at each call. */
function oneByOne() {
  let next = 0
  return sourceFunction<Reading>({
    bounded: true,
    poll(ctx) {
      ctx.collect(readings[next++]!)
      return next === readings.length ? 'end' : 'more'
    },
  })
}

const tooLate = outputTag<Reading>('too-late')

export default defineJob({ name: 'late-data', autoWatermarkInterval: 0 }, (env) => {
  const counts = env
    .source('readings', oneByOne())
    .withTimestamps((reading) => reading.time * 1_000, boundedOutOfOrderness('5 s'))
    .keyBy((reading) => reading.sensor)
    .window(tumblingEventTimeWindows('10 s'))
    .allowedLateness('10 s')
    .sideOutputLateData(tooLate)
    .aggregate(
      'count',
      { createAccumulator: () => 0, add: (_, count) => count + 1, getResult: (count) => count },
      (sensor, window, count) =>
        `${sensor} from ${window.start / 1_000} s to ${window.end / 1_000} s: ${count}`,
    )

  counts.sinkTo('counts', print())
  counts.getSideOutput(tooLate).sinkTo('late', print({ prefix: 'too late' }))
})
