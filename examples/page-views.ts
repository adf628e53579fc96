/**
 * Page views per user: ten seconds after a user's first view a report says how many there were, and the next view
 * begins the next report.
 *
 * Shows event-time timers. The timer's time is kept in `ValueState`, so that a user has one at a time; timers
 * are part of checkpoints, and ring after a restart too.
 *
 *     npx millrace run examples/page-views.ts
 */
import {
  defineJob,
  monotonousTimestamps,
  print,
  textFile,
  type,
  valueState,
  type KeyedContext,
  type JobDefinition,
  type Sink,
  type Source,
} from 'millrace'

export interface PageView {
  readonly user: string
  readonly url: string
  /** Epoch milliseconds. */
  readonly time: number
}

export interface ViewReport {
  readonly user: string
  readonly views: number
  /** When the interval ended, epoch milliseconds. */
  readonly until: number
}

const INTERVAL_MS = 10_000

const state = { views: valueState({ default: 0 }), until: valueState<number>() }

function report(ctx: KeyedContext<string, ViewReport, typeof state>): void {
  ctx.collect({ user: ctx.key, views: ctx.state.views.value(), until: ctx.state.until.value()! })
  ctx.state.views.clear()
  ctx.state.until.clear()
}

export function pageViews(source: Source<PageView>, sink: Sink<ViewReport>): JobDefinition {
  return defineJob({ name: 'page-views', checkpointing: { interval: '1 s' } }, (env) => {
    env
      .source('views', source)
      .withTimestamps(({ time }) => time, monotonousTimestamps())
      .keyBy(({ user }) => user)
      .process('report', {
        state,
        emits: type<ViewReport>(),
        processElement({ time }, ctx) {
          const { views, until } = ctx.state
          const dueMs = until.value()
          if (dueMs !== undefined && time >= dueMs) {
            // The watermark lags a little: this view is past the interval before the timer has rung.
            ctx.timers.deleteEventTimeTimer(dueMs)
            report(ctx)
          }
          if (until.value() === undefined) {
            until.update(time + INTERVAL_MS)
            ctx.timers.registerEventTimeTimer(time + INTERVAL_MS)
          }
          views.update(views.value() + 1)
        },
        onTimer(_until, ctx) {
          report(ctx)
        },
      })
      .sinkTo('reports', sink)
  })
}

/** `Mary, /home, 2024-05-01T09:00:00Z` */
export function parsePageView(line: string): PageView {
  const [user = '', url = '', time = ''] = line.split(',').map((field) => field.trim())
  if (Number.isNaN(Date.parse(time))) throw new Error(`Expected user, url, time, got '${line}'`)
  return { user, url, time: Date.parse(time) }
}

export default pageViews(
  textFile(`${import.meta.dirname}/data/page-views.txt`, { parse: parsePageView }),
  print({
    format: ({ user, views, until }) => `${user}: ${views} page views until ${new Date(until).toISOString()}`,
  }),
)
