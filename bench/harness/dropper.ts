/** What a hand-written loop gives its results to, as a job does to `discard()`. */
export interface Dropper<T> {
  readonly count: number
  add(value: T): void
  flush(): void
}

/** Records handed over at once, as between the tasks of a job. */
const BATCH_RECORDS = 512

/** Gathers results and drops them a batch at a time. */
export function dropper<T>(): Dropper<T> {
  let count = 0
  let batch: T[] = []
  const flush = (): void => {
    count += batch.length
    batch = []
  }
  return {
    get count() {
      return count
    },
    add(value) {
      if (batch.push(value) === BATCH_RECORDS) flush()
    },
    flush,
  }
}
