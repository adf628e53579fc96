import { UserError } from '../model/faults.ts'
import type {
  ReadStatus,
  Source,
  SourceOutput,
  SourceReader,
  SourceReaderContext,
  SplitSource,
} from '../stream/source.ts'

export interface GeneratorOptions<T> {
  /** Makes the record of an index: 0, 1, 2, … Called again for the same index after a restart. */
  readonly generate: (index: number) => T
  /** How many records there are. Default: no end. */
  readonly count?: number
  /** Records a second, of all subtasks together. Default: as fast as they are taken. */
  readonly ratePerSecond?: number
}

/** Every `step`th index from `next`. */
interface IndexRange {
  readonly next: number
  readonly step: number
}

/** A pause of the job is caught up with at most this much at once. */
const BURST_MS = 1_000
/** Makes a record due at the very time that was waited for, although that time was computed by a division. */
const ROUNDING = 1e-6

/**
 * Records made from their index (Flink's `DataGeneratorSource`). With parallelism p, subtask i makes the indices
 * i, i + p, i + 2p, …, in order, so that event times derived from the index advance everywhere alike.
 * Delivery: exactly-once; a checkpoint holds the next index. Bounded if there is a count. What `generate` throws
 * fails the job.
 */
export function generator<T>(options: GeneratorOptions<T>): Source<T> {
  const { count = Number.POSITIVE_INFINITY, ratePerSecond = Number.POSITIVE_INFINITY, generate } = options
  const problems: string[] = []
  // Types are not checked when a job is run.
  if (typeof generate !== 'function')
    problems.push(`generator: expected generate to be a function, got ${typeof generate}`)
  if (!(count >= 0)) problems.push(`generator: expected count to be at least 0, got ${count}`)
  if (!(ratePerSecond > 0))
    problems.push(`generator: expected ratePerSecond to be above 0, got ${ratePerSecond}`)
  if (problems.length > 0) throw new UserError(problems)
  const source: SplitSource<T, IndexRange> = {
    type: 'splits',
    kind: 'generator',
    bounded: Number.isFinite(count),
    enumerateSplits: ({ parallelism }) =>
      Array.from({ length: parallelism }, (_, next) => ({ next, step: parallelism })),
    createReader: (ctx) => new GeneratorReader({ generate, count, ratePerSecond }, ctx),
  }
  return source
}

class GeneratorReader<T> implements SourceReader<T, IndexRange> {
  private readonly options: Required<GeneratorOptions<T>>
  private readonly context: Pick<SourceReaderContext, 'now'>
  private ranges: { next: number; readonly step: number }[] = []
  /** Of this reader's ranges. */
  private ratePerMs = Number.POSITIVE_INFINITY
  /** Records since `paceFromMs`. */
  private emitted = 0
  private paceFromMs = 0
  private lastIndex: number | undefined

  constructor(options: Required<GeneratorOptions<T>>, context: Pick<SourceReaderContext, 'now'>) {
    this.options = options
    this.context = context
  }

  open(splits: readonly IndexRange[]): void {
    this.ranges = splits.map((range) => ({ ...range }))
    const share = splits.reduce((sum, { step }) => sum + 1 / step, 0)
    this.ratePerMs = (this.options.ratePerSecond * share) / 1_000
    this.paceFromMs = this.context.now()
  }

  read(out: SourceOutput<T>, recordsMax: number): ReadStatus {
    const { generate, count } = this.options
    if (this.isExhausted()) return 'end'
    const allowed = this.allowance(recordsMax)
    for (let made = 0; made < allowed; made++) {
      const range = this.lowest()!
      if (range.next >= count) return 'end'
      const index = range.next
      range.next += range.step
      this.lastIndex = index
      this.emitted++
      out.collect(generate(index))
    }
    if (this.isExhausted()) return 'end'
    if (allowed === recordsMax) return 'more'
    return { waitUntilMs: Math.ceil(this.paceFromMs + this.emitted / this.ratePerMs) }
  }

  snapshot(): readonly IndexRange[] {
    return this.ranges.filter(({ next }) => next < this.options.count).map((range) => ({ ...range }))
  }

  position(): string | undefined {
    return this.lastIndex === undefined ? undefined : `index ${this.lastIndex}`
  }

  private isExhausted(): boolean {
    const { count } = this.options
    return (this.lowest()?.next ?? count) >= count
  }

  /** How many records the rate grants now. The first is due at once. */
  private allowance(recordsMax: number): number {
    if (this.ratePerMs === Number.POSITIVE_INFINITY) return recordsMax
    const nowMs = this.context.now()
    this.paceFromMs = Math.max(this.paceFromMs, nowMs - BURST_MS - this.emitted / this.ratePerMs)
    const due = Math.floor((nowMs - this.paceFromMs) * this.ratePerMs + 1 + ROUNDING) - this.emitted
    return Math.max(0, Math.min(recordsMax, due))
  }

  /** After a restore with less parallelism a reader has several ranges: it goes through them in order of index. */
  private lowest(): { next: number; readonly step: number } | undefined {
    let lowest = this.ranges[0]
    if (this.ranges.length === 1) return lowest
    for (const range of this.ranges) if (range.next < lowest!.next) lowest = range
    return lowest
  }
}
