/**
 * Page views per address in windows of ten seconds, found twice: with a window built by hand, and with the built-in
 * one.
 *
 * Shows what a tumbling window is made of: `MapState` holds a count for each window that is open, an event-time timer
 * rings when a window ends, and what comes after that is late.
 *
 *     npx millrace run examples/manual-window.ts
 */
import {
  boundedOutOfOrderness,
  defineJob,
  mapState,
  print,
  textFile,
  tumblingEventTimeWindows,
  type,
  type JobDefinition,
  type Sink,
  type Source,
} from 'millrace'
import { parsePageView, type PageView } from './page-views.ts'

export interface WindowCount {
  readonly url: string
  readonly start: number
  readonly views: number
}

const SIZE_MS = 10_000

export function manualWindow(
  source: Source<PageView>,
  byHand: Sink<WindowCount>,
  builtIn: Sink<WindowCount>,
): JobDefinition {
  return defineJob({ name: 'manual-window', checkpointing: { interval: '1 s' } }, (env) => {
    const views = env
      .source('views', source)
      .withTimestamps(({ time }) => time, boundedOutOfOrderness('2 s'))
      .keyBy(({ url }) => url)

    views
      .process('window-by-hand', {
        state: { counts: mapState<number, number>() },
        emits: type<WindowCount>(),
        processElement({ time }, { state: { counts }, timers }) {
          const start = time - (time % SIZE_MS)
          const last = start + SIZE_MS - 1
          if (last <= timers.currentWatermark()) return // late: this window has been reported
          counts.put(start, (counts.get(start) ?? 0) + 1)
          timers.registerEventTimeTimer(last)
        },
        onTimer(last, ctx) {
          const start = last + 1 - SIZE_MS
          ctx.collect({ url: ctx.key, start, views: ctx.state.counts.get(start) ?? 0 })
          ctx.state.counts.remove(start)
        },
      })
      .sinkTo('by-hand', byHand)

    views
      .window(tumblingEventTimeWindows('10 s'))
      .aggregate(
        'built-in-window',
        { createAccumulator: () => 0, add: (_view, count) => count + 1, getResult: (count) => count },
        (url, { start }, count): WindowCount => ({ url, start, views: count }),
      )
      .sinkTo('built-in', builtIn)
  })
}

const format = ({ url, start, views }: WindowCount): string =>
  `${new Date(start).toISOString()} ${url}: ${views}`

export default manualWindow(
  textFile(`${import.meta.dirname}/data/page-views.txt`, { parse: parsePageView }),
  print({ prefix: 'by hand', format }),
  print({ prefix: 'built in', format }),
)
