import type { SourceReader, SplitSource } from 'millrace'

/** A source that emits what the benchmark gives it, when it gives it. */
export interface Feed<T> {
  readonly source: SplitSource<T, number>
  /** Emits `values` after those before. */
  push(values: Iterable<T>): void
}

export function feed<T>(): Feed<T> {
  const waiting: Iterator<T>[] = []
  let wakeUp: (() => void) | undefined
  const reader: SourceReader<T, number> = {
    open: () => {},
    read(out, recordsMax) {
      for (let emitted = 0; emitted < recordsMax; emitted++) {
        const next = waiting[0]?.next()
        if (next === undefined) return 'wait'
        if (next.done === true) waiting.shift()
        else out.collect(next.value)
      }
      return 'more'
    },
    snapshot: () => [0],
  }
  return {
    source: {
      type: 'splits',
      kind: 'feed',
      bounded: false,
      parallelismMax: 1,
      enumerateSplits: () => [0],
      createReader(ctx) {
        wakeUp = () => ctx.wakeUp()
        return reader
      },
    },
    push(values) {
      waiting.push(values[Symbol.iterator]())
      wakeUp?.()
    },
  }
}
