// oxlint-disable vitest/expect-expect -- what is asserted by `@ts-expect-error`, the compiler checks
import { describe, test } from 'vitest'
import {
  defineJob,
  httpPost,
  s3Files,
  sourceFunction,
  sqsQueue,
  table,
  type SourceStream,
} from '../../lib/index.ts'

interface Alert {
  readonly sensor: string
  readonly jump: number
}

const alerts = sourceFunction<Alert>({ bounded: true, poll: () => 'end' })

/** `fn` is compiled and never run: the compiler is what is tested. */
const build = (fn: (stream: SourceStream<Alert>) => void): unknown =>
  defineJob({ name: 'types' }, (env) => fn(env.source('alerts', alerts)))

describe('sinks on AWS', () => {
  test('their options know the records', () => {
    build((stream) => {
      stream.sinkTo('a', table({ table: 'alerts', key: (a) => ({ sensor: a.sensor }) }))
      stream.sinkTo('b', s3Files({ bucket: 'alerts', format: (a) => `${a.sensor} ${a.jump}` }))
      stream.sinkTo(
        'c',
        sqsQueue({ queue: 'alerts.fifo', group: (a) => a.sensor, deduplicationId: (a) => a.sensor }),
      )
      stream.sinkTo('d', httpPost({ url: 'https://example.com', body: ({ jump }) => ({ jump }) }))
      stream.sinkTo(
        'e',
        httpPost({ url: 'https://example.com', format: 'single', idempotencyKey: (a) => a.sensor }),
      )
    })
  })

  test('and what does not go together', () => {
    build((stream) => {
      // @ts-expect-error no such field
      stream.sinkTo('a', table({ table: 'alerts', key: (a: Alert) => ({ sensor: a.id }) }))
      // @ts-expect-error a key is made of attributes
      stream.sinkTo('b', table({ table: 'alerts', key: (a) => a.sensor }))
      // @ts-expect-error ids are for FIFO queues, which need a group
      stream.sinkTo('c', sqsQueue({ queue: 'alerts', deduplicationId: (a: Alert) => a.sensor }))
      // @ts-expect-error a batch has no key of one record's
      stream.sinkTo('d', httpPost({ url: 'https://example.com', idempotencyKey: (a: Alert) => a.sensor }))
      // @ts-expect-error one record is no batch
      stream.sinkTo('e', httpPost({ url: 'https://example.com', format: 'single', batchRecords: 3 }))
    })
  })
})
