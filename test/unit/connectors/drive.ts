import { setImmediate as nextTurn } from 'node:timers/promises'
import type {
  ReadStatus,
  Source,
  SourceReader,
  SourceReaderContext,
  SplitSource,
} from '../../../lib/stream/source.ts'

export interface Letter {
  readonly position: string
  readonly reason: string
  readonly raw: string
}

export type Reader<T> = SourceReader<T, unknown>

export interface Output<T> {
  readonly values: T[]
  readonly letters: Letter[]
  /** Values and dead letters in the order of their coming. */
  readonly all: (T | Letter)[]
  collect(value: T): void
  deadLetter(position: string, reason: string, raw: string): void
}

export function output<T>(): Output<T> {
  const values: T[] = []
  const letters: Letter[] = []
  const all: (T | Letter)[] = []
  return {
    values,
    letters,
    all,
    collect(value) {
      values.push(value)
      all.push(value)
    },
    deadLetter(position, reason, raw) {
      letters.push({ position, reason, raw })
      all.push({ position, reason, raw })
    },
  }
}

export function readerContext(over: Partial<SourceReaderContext> = {}): SourceReaderContext {
  return {
    jobName: 'test',
    operatorUid: 'source',
    subtaskIndex: 0,
    parallelism: 1,
    attempt: 1,
    now: () => 0,
    wakeUp: () => undefined,
    ...over,
  }
}

export function splitSource<T>(source: Source<T>): SplitSource<T, unknown> {
  if (source.type !== 'splits') throw new Error('expected a source of splits')
  return source
}

/** A reader of `splits`, or of all there are. Splits travel as a checkpoint would carry them. */
export async function openReader<T>(
  source: Source<T>,
  splits?: readonly unknown[],
  context: SourceReaderContext = readerContext(),
): Promise<Reader<T>> {
  const { parallelism } = context
  const all = splits ?? (await splitSource(source).enumerateSplits({ parallelism }))
  const reader = splitSource(source).createReader(context)
  await reader.open(structuredClone(all))
  return reader
}

/** Reads until the end, or until nothing comes now; at most `recordsMax` records, dead letters included. */
export async function drain<T>(
  reader: Reader<T>,
  out: Output<T>,
  recordsMax: number = Number.POSITIVE_INFINITY,
  batch = 100,
): Promise<ReadStatus> {
  while (out.all.length < recordsMax) {
    const status = await reader.read(out, Math.min(batch, recordsMax - out.all.length))
    if (status !== 'more') return status
  }
  return 'more'
}

/** Everything a bounded source has. */
export async function readAll<T>(source: Source<T>, splits?: readonly unknown[]): Promise<Output<T>> {
  const reader = await openReader(source, splits)
  const out = output<T>()
  await drain(reader, out)
  await reader.close?.()
  return out
}

/** What comes with a restart after `count` records: of the first reader, and of one that its snapshot opens. */
export async function readWithRestart<T>(source: Source<T>, count: number): Promise<(T | Letter)[]> {
  const before = output<T>()
  const first = await openReader(source)
  await drain(first, before, count, 3)
  const splits = first.snapshot()
  await first.close?.()
  return [...before.all, ...(await readAll(source, splits)).all]
}

/** Lets events of sockets happen until `holds`. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await nextTurn()
}
