/**
 * Page views a minute and page, of views that come by HTTP: event-time windows over a front door that keeps what it took.
 *
 * Each view says when it was; views may come up to five seconds out of order. A view has an id: one that is sent twice
 * within five minutes counts once.
 *
 *     npx millrace run examples/page-views-http.ts
 *     curl -H 'content-type: application/json' http://127.0.0.1:8080/views \
 *       -d '{ "id": "1", "page": "/home", "time": "2024-05-01T09:00:00Z" }'
 */
import {
  boundedOutOfOrderness,
  defineJob,
  fixedDelay,
  http,
  print,
  tumblingEventTimeWindows,
  type JobDefinition,
  type Sink,
  type Source,
} from 'millrace'
import * as z from 'zod'

export interface View {
  readonly id: string
  readonly page: string
  /** Epoch milliseconds. */
  readonly time: number
}

export interface PageCount {
  readonly page: string
  readonly views: number
  /** When the minute began, epoch milliseconds. */
  readonly minute: number
}

export const view: z.ZodType<View> = z.object({
  id: z.string().min(1).max(256),
  page: z.string(),
  time: z.iso.datetime({ offset: true }).transform((text) => Date.parse(text)),
})

export function pageViewsHttp(views: Source<View>, counts: Sink<PageCount>): JobDefinition {
  return defineJob(
    {
      name: 'page-views-http',
      checkpointing: { interval: '10 s' },
      restart: fixedDelay({ attempts: 3, delay: '1 s' }),
    },
    (env) => {
      env
        .source('views', views)
        .withTimestamps(({ time }) => time, boundedOutOfOrderness('5 s'))
        .keyBy(({ page }) => page)
        .window(tumblingEventTimeWindows('1 min'))
        .aggregate(
          'minutes',
          {
            createAccumulator: () => 0,
            add: (_view: View, count: number) => count + 1,
            getResult: (count) => count,
          },
          (page, { start }, count): PageCount => ({ page, views: count, minute: start }),
        )
        .sinkTo('counts', counts)
    },
  )
}

export default pageViewsHttp(http({ schema: view, recordId: ({ id }) => id }), print())
