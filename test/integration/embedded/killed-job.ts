// A process that is to be killed: counts words, and says on its standard output how far it is.
import {
  boundedOutOfOrderness,
  defineJob,
  fileSink,
  runJob,
  textFile,
  tumblingEventTimeWindows,
  type,
  valueState,
  type Source,
  type SplitSource,
} from 'millrace'

/** How the test tells this process what to do. */
export interface KilledJobSettings {
  readonly input: string
  readonly output: string
  readonly checkpoints: string
  readonly working: string
  readonly backend: 'filesystem' | 'lmdb'
  readonly from: string | undefined
  /** Records at a time, with a pause after them; 0: as fast as it can. */
  readonly pace: number
}

interface Word {
  readonly word: string
  readonly index: number
  readonly timeMs: number
}

const PAUSE_MS = 4
const WINDOW_MS = 1_000

const settings = JSON.parse(process.argv[2]!) as KilledJobSettings

/** Lines look like `12 word`: the time of each follows from its number. */
function parse(line: string): Word {
  const [number, word] = line.split(' ')
  const index = Number(number)
  return { word: word!, index, timeMs: index * 10 + ((index * 7) % 50) }
}

function slowly<T>(source: Source<T>, recordsMax: number): Source<T> {
  if (recordsMax === 0 || source.type !== 'splits') return source
  const splits: SplitSource<T, unknown> = source
  return {
    ...splits,
    createReader(ctx) {
      const reader = splits.createReader(ctx)
      return {
        open: (own) => reader.open(own),
        snapshot: () => reader.snapshot(),
        close: () => reader.close?.(),
        async read(out) {
          const status = await reader.read(out, recordsMax)
          return status === 'more' ? { waitUntilMs: ctx.now() + PAUSE_MS } : status
        },
      }
    },
  }
}

const job = defineJob(
  {
    name: 'killed',
    stateBackend: { type: settings.backend, directory: settings.working },
    autoWatermarkInterval: 0,
    checkpointing: { interval: 30, directory: settings.checkpoints, numRetained: 2 },
  },
  (env) => {
    const words = env
      .source('words', slowly(textFile(settings.input, { parse }), settings.pace))
      .withTimestamps(({ timeMs }) => timeMs, boundedOutOfOrderness(100))
    words
      .keyBy(({ word }) => word)
      .process('count', {
        state: { count: valueState({ default: 0 }) },
        emits: type<string>(),
        processElement({ word, index }, { state, collect }) {
          state.count.update(state.count.value() + 1)
          collect(`${index} ${word} ${state.count.value()}`)
        },
      })
      .sinkTo('counts', fileSink(`${settings.output}/counts`, { rollOverBytes: 4_000 }))
    words
      .keyBy(() => 'all')
      .window(tumblingEventTimeWindows(WINDOW_MS))
      .process('totals', (_, { start }, all) => `${start} ${all.map(({ index }) => index).join(',')}`)
      .sinkTo('windows', fileSink(`${settings.output}/windows`))
    words
      .keyBy(({ word }) => word.length)
      .process('silence', {
        state: { last: valueState<number>() },
        emits: type<string>(),
        // A timer for each length of word, put off by each word: no two of them are for one time.
        processElement({ word, index }, { state, timers }) {
          const last = state.last.value()
          if (last !== undefined) timers.deleteEventTimeTimer(last)
          const at = index * 100 + 5_000 + word.length
          state.last.update(at)
          timers.registerEventTimeTimer(at)
        },
        onTimer: (at, { key, collect }) => collect(`${at} no word of ${key} letters`),
      })
      .sinkTo('silences', fileSink(`${settings.output}/silences`))
  },
)

const handle = await runJob(job, { from: settings.from })
handle.onEvent((event) => {
  if (event.type === 'status') console.log(event.to)
  else if (event.type === 'checkpoint-completed') console.log('checkpoint')
  else if (event.type === 'warning') console.log(`warning ${event.message}`)
})
const { status, cause } = await handle.result
if (status !== 'FINISHED') {
  console.error(status, cause)
  process.exitCode = 1
}
