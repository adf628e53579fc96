import type { ReadStatus, Source, SourceReaderContext, SplitSource } from 'millrace'

/** What a paced source tells of its one reader. */
export interface PaceListener {
  /** It begins behind this many records: 0, or those that the checkpoint had read. */
  began(records: number): void
  read(records: number): void
  /** A checkpoint passes, behind this many records. */
  passed(records: number): void
}

interface PacedSplit {
  readonly split: unknown
  /** Read so far. */
  readonly records: number
}

/** The records of a source of one split, so slowly that one can watch. A checkpoint holds the inner source's position. */
export function paced<T>(source: Source<T>, perSecond: number, listener: PaceListener): Source<T> {
  if (source.type !== 'splits') throw new Error(`Expected a source of splits, got a ${source.kind}`)
  const inner: SplitSource<T, unknown> = source
  const outer: SplitSource<T, PacedSplit> = {
    type: 'splits',
    kind: `paced ${inner.kind}`,
    bounded: inner.bounded,
    parallelismMax: 1,
    enumerateSplits: async (ctx) =>
      (await inner.enumerateSplits(ctx)).map((split) => ({ split, records: 0 })),
    createReader: (ctx) => pacedReader(inner, ctx, perSecond, listener),
  }
  return outer
}

function pacedReader<T>(
  source: SplitSource<T, unknown>,
  ctx: SourceReaderContext,
  perSecond: number,
  listener: PaceListener,
): ReturnType<SplitSource<T, PacedSplit>['createReader']> {
  const reader = source.createReader(ctx)
  const startMs = ctx.now()
  let records = 0
  let start = 0
  return {
    open(splits) {
      start = records = splits[0]?.records ?? 0
      listener.began(start)
      return reader.open(splits.map(({ split }) => split))
    },
    read(out, recordsMax): ReadStatus | Promise<ReadStatus> {
      const due = start + Math.floor(((ctx.now() - startMs) / 1_000) * perSecond)
      if (due <= records) return { waitUntilMs: ctx.now() + 20 }
      const counting = {
        collect: (value: T, timestampMs?: number) => {
          records++
          listener.read(records)
          out.collect(value, timestampMs)
        },
        deadLetter: out.deadLetter.bind(out),
      }
      return reader.read(counting, Math.min(recordsMax, due - records))
    },
    snapshot() {
      listener.passed(records)
      return reader.snapshot().map((split) => ({ split, records }))
    },
    position: () => reader.position?.(),
    close: () => reader.close?.(),
  }
}
