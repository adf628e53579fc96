import type { WriterSink } from '../stream/sink.ts'

export interface CollectSink<T> extends WriterSink<T> {
  /** What has been written so far. */
  readonly values: readonly T[]
}

/**
 * Appends every record to `into`, in this process: for tests. Order: that of each subtask. Delivery: at-least-once;
 * see `transactionalCollect` for exactly-once.
 */
export function collect<T>(into: T[]): WriterSink<T> {
  return {
    type: 'writer',
    kind: 'collect',
    machineBound: 'the memory of this process',
    createWriter: () => ({
      write(values) {
        for (const value of values) into.push(value)
      },
    }),
  }
}

/** `collect` with an array of its own. */
export function collectSink<T>(): CollectSink<T> {
  const values: T[] = []
  return { ...collect(values), values }
}
