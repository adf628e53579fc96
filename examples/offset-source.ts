/**
 * A source that remembers how far it has read, as a connector to a message log must. It is written to fail: one
 * second after every fifth record it throws.
 *
 * Shows operator `ListState`, a source function of one's own, and a restart strategy at work: twice the job starts
 * again after 3 s and goes on behind the last checkpoint's offset; the third failure ends it, with its cause.
 *
 *     npx millrace run examples/offset-source.ts
 */
import {
  defineJob,
  fixedDelay,
  operatorListState,
  print,
  sourceFunction,
  type JobDefinition,
  type Sink,
  type Source,
} from 'millrace'

const PAUSE_MS = 1_000

/** Emits an offset a second. Each subtask, and each attempt, gets a function and variables of its own. */
export function offsets(): Source<string> {
  return sourceFunction(() => {
    let offset = 0
    let failing = false
    return {
      operatorState: { offsets: operatorListState<number>() },

      initializeState({ operatorState, isRestored }) {
        if (isRestored) offset = operatorState.offsets.get()[0] ?? 0
      },

      poll(ctx) {
        if (failing) throw new Error(`Lost the connection after offset ${offset}`)
        offset += 1
        ctx.collect(`subtask ${ctx.subtaskIndex}: offset ${offset}`)
        failing = offset % 5 === 0
        return { waitUntilMs: ctx.now() + PAUSE_MS }
      },

      snapshotState({ operatorState }) {
        operatorState.offsets.update([offset])
      },
    }
  })
}

export function offsetSource(source: Source<string>, sink: Sink<string>): JobDefinition {
  return defineJob(
    {
      name: 'offset-source',
      checkpointing: { interval: '500 ms' },
      restart: fixedDelay({ attempts: 2, delay: '3 s' }),
    },
    (env) => {
      env.source('offsets', source).sinkTo('out', sink)
    },
  )
}

export default offsetSource(offsets(), print())
