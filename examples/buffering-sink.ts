/**
 * A sink that delivers clicks in batches of ten, and keeps what waits for the next batch in operator state.
 *
 * Shows a function of one's own that takes part in checkpoints: `snapshotState` saves the buffer, `initializeState`
 * brings it back after a crash, so that no click waiting in it is lost.
 *
 *     npx millrace run examples/buffering-sink.ts
 */
import {
  defineJob,
  generator,
  operatorListState,
  sinkFunction,
  type JobDefinition,
  type Sink,
  type Source,
} from 'millrace'

export interface Click {
  readonly user: string
  readonly url: string
}

/** Gives records to `deliver` in batches of `batchSize`. Each subtask has a buffer of its own. */
export function bufferingSink<T>(batchSize: number, deliver: (batch: readonly T[]) => void): Sink<T> {
  return sinkFunction(() => {
    let buffered: T[] = []
    return {
      operatorState: { buffered: operatorListState<T>() },

      initializeState({ operatorState, isRestored }) {
        if (isRestored) buffered = [...operatorState.buffered.get()]
      },

      invoke(value: T) {
        buffered.push(value)
        if (buffered.length < batchSize) return
        deliver(buffered)
        buffered = []
      },

      snapshotState({ operatorState }) {
        operatorState.buffered.update(buffered)
      },
    }
  })
}

export function bufferedClicks(source: Source<Click>, sink: Sink<Click>): JobDefinition {
  return defineJob({ name: 'buffering-sink', checkpointing: { interval: '1 s' } }, (env) => {
    env.source('clicks', source).sinkTo('batches', sink)
  })
}

const users = ['Mary', 'Bob', 'Alice']
const urls = ['/home', '/cart', '/product/1', '/product/2']

export default bufferedClicks(
  generator({
    ratePerSecond: 5,
    generate: (index) => ({ user: users[index % users.length]!, url: urls[index % urls.length]! }),
  }),
  bufferingSink(10, (batch) => {
    console.log(batch.map(({ user, url }) => `${user} ${url}`).join('\n'))
    console.log(`— ${batch.length} clicks delivered —`)
  }),
)
