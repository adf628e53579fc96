import type { WriterSink } from '../stream/sink.ts'

export interface DiscardSink<T> extends WriterSink<T> {
  /** How many records this process has dropped, of all subtasks and attempts. */
  readonly count: number
}

/** Drops every record and counts them (Flink's `DiscardingSink`): for measuring everything before it. */
export function discard<T>(): DiscardSink<T> {
  let count = 0
  const write = (values: readonly T[]): void => {
    count += values.length
  }
  return {
    type: 'writer',
    kind: 'discard',
    createWriter: () => ({ write }),
    get count() {
      return count
    },
  }
}
