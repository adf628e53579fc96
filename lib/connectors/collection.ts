import { UserError } from '../model/faults.ts'
import type { ReadStatus, Source, SourceOutput, SourceReader, SplitSource } from '../stream/source.ts'

interface CollectionSplit {
  readonly index: number
}

/**
 * The given values, in order (Flink's `fromElements`, `fromCollection`). Bounded; parallelism 1. Delivery:
 * exactly-once, by index; a job that resumes must be given the same values.
 */
export function collection<T>(values: readonly T[]): Source<T> {
  const source: SplitSource<T, CollectionSplit> = {
    type: 'splits',
    kind: 'collection',
    bounded: true,
    parallelismMax: 1,
    enumerateSplits: () => [{ index: 0 }],
    createReader: () => new CollectionReader(values),
  }
  return source
}

class CollectionReader<T> implements SourceReader<T, CollectionSplit> {
  private readonly values: readonly T[]
  private index: number

  constructor(values: readonly T[]) {
    this.values = values
    this.index = values.length
  }

  open(splits: readonly CollectionSplit[]): void {
    const index = splits[0]?.index ?? this.values.length
    if (index > this.values.length) {
      throw new UserError(
        `collection: the checkpoint was taken after ${index} values, but there are only ${this.values.length}: ` +
          'expected the same values as before',
      )
    }
    this.index = index
  }

  read(out: SourceOutput<T>, recordsMax: number): ReadStatus {
    const { values } = this
    const end = Math.min(this.index + recordsMax, values.length)
    while (this.index < end) out.collect(values[this.index++] as T)
    return end < values.length ? 'more' : 'end'
  }

  snapshot(): readonly CollectionSplit[] {
    return this.index < this.values.length ? [{ index: this.index }] : []
  }

  position(): string {
    return `value ${this.index - 1}`
  }
}
