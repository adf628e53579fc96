import {
  functionOf,
  type CheckpointedFunction,
  type Lifecycle,
  type PerSubtask,
  type RuntimeContext,
} from './functions.ts'
import type { IngestLog } from '../ports/ingest-log.ts'
import type { IngestSpec } from './ingest.ts'
import type { OperatorStateSpec } from './state.ts'
import type { OutputTag } from './types.ts'

/** A record that could not be parsed or processed: kept, with what is needed to find and mend it. */
export interface DeadLetter {
  /** The operator that refused it. */
  readonly operatorUid: string
  /** Where it came from, as its source names places: `readings.txt:120`; or, past its source's task, where it failed last. */
  readonly position: string
  /** Why it was refused. */
  readonly reason: string
  /** What was found, or the record as JSON; cut at 64 KB of text. */
  readonly raw: string
  /** Where all of it is, if {@link raw} is cut and its source keeps it: `s3://bucket/name`. */
  readonly rawAt?: string
}

/** Where a reader puts what it read. */
export interface SourceOutput<T> {
  /** Emits a record. `timestampMs`: its event time, where the source knows it; see `withTimestamps`. */
  collect(value: T, timestampMs?: number): void
  /** Emits what could not be parsed to the source's dead letters; `raw` is cut at 64 KB of text; `rawAt` says where all of it is. */
  deadLetter(position: string, reason: string, raw: string, rawAt?: string): void
}

/**
 * What a read came to. `more`: call again when there is room. `end`: nothing will ever come. `wait`: nothing now;
 * the reader calls `ctx.wakeUp()` when there is. `{ waitUntilMs }`: nothing before that time (epoch milliseconds).
 */
export type ReadStatus = 'more' | 'end' | 'wait' | { readonly waitUntilMs: number }

export interface SourceReaderContext extends RuntimeContext {
  /** Processing time in epoch milliseconds. */
  now(): number
  /** Ends a `wait`. Harmless at any time. */
  wakeUp(): void
  /** What came in at the runtime's front door; undefined where it has none. It ends a `wait` when more comes. */
  readonly ingest?: IngestLog | undefined
}

/**
 * A source that can be read again from a position, which is what exactly-once needs. It consists of splits (files,
 * partitions, ranges): plain data that says what to read and from where. Splits are dealt round-robin to subtasks;
 * a checkpoint holds them with their positions, and a restore deals them again, at any parallelism.
 */
export interface SplitSource<T, Split> {
  readonly type: 'splits'
  /** A word for plans and messages: `text file`. */
  readonly kind: string
  readonly bounded: boolean
  /** Default: no limit of its own. */
  readonly parallelismMax?: number
  /**
   * What of one machine it works with, where it does: `files of this machine`. It runs in one process only, and a deployment
   * to functions refuses it.
   */
  readonly machineBound?: string
  /** Whether it may find records that it cannot parse. Default: false. */
  readonly refusesRecords?: boolean
  /** Its records come in at the runtime's front door, and are read from `ctx.ingest`. */
  readonly ingest?: IngestSpec
  /**
   * Ties splits to subtasks: a split is read by the subtask of this number, modulo the parallelism, also after a restore
   * at another one. Default: a restore at another parallelism deals splits anew.
   */
  splitNumber?(split: Split): number
  /** What there is to read, in order. Called once, when the job starts without a checkpoint. */
  enumerateSplits(ctx: { readonly parallelism: number }): readonly Split[] | Promise<readonly Split[]>
  createReader(ctx: SourceReaderContext): SourceReader<T, Split>
}

export interface SourceReader<T, Split> {
  /** Called once, before the first read, with this subtask's splits: fresh or restored. */
  open(splits: readonly Split[]): void | Promise<void>
  /** Emits at most `recordsMax` records. A promise is for short I/O only: no barrier passes while it is pending. */
  read(out: SourceOutput<T>, recordsMax: number): ReadStatus | Promise<ReadStatus>
  /** The splits as they stand after the last record emitted, plain data; finished ones may be left out. */
  snapshot(): readonly Split[]
  /** Where the record emitted last came from, for messages. */
  position?(): string | undefined
  close?(): void | Promise<void>
}

export interface SourceFunctionContext<T> {
  collect(value: T, timestampMs?: number): void
  now(): number
  /** Ends a `wait`, from a callback of the function's own, say. Harmless at any time. */
  wakeUp(): void
  readonly subtaskIndex: number
  readonly parallelism: number
}

/** A source of a user's own, with its position in operator state (Flink's SourceFunction with CheckpointedFunction). */
export interface SourceFunction<T, S extends OperatorStateSpec> extends Lifecycle, CheckpointedFunction<S> {
  /** Whether it ends by itself. Default: false. */
  readonly bounded?: boolean
  /** Emits what there is, a few records at a time; barriers pass between two calls. */
  poll(ctx: SourceFunctionContext<T>): ReadStatus | Promise<ReadStatus>
}

export interface FunctionSource<T> {
  readonly type: 'function'
  readonly kind: string
  readonly bounded: boolean
  readonly parallelismMax?: number
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly fn: PerSubtask<SourceFunction<T, any>>
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Source<T> = SplitSource<T, any> | FunctionSource<T>

/** Makes a source of `fn`; of `() => …` where it keeps its position in a variable, see {@link PerSubtask}. */
export function sourceFunction<T, S extends OperatorStateSpec = Record<never, never>>(
  fn: PerSubtask<SourceFunction<T, S>>,
): Source<T> {
  return { type: 'function', kind: 'source function', bounded: functionOf(fn).bounded ?? false, fn }
}

/** Id of the side output that takes an operator's dead letters. */
export const DEAD_LETTERS_TAG = 'millrace.dead-letters'

/**
 * The dead letters of an operator, as a side output: `stream.getSideOutput(deadLetters)`. Sources have those that they cannot
 * parse; all operators have those at which the job failed too often, as `poisonRecords` of the job's options says.
 */
export const deadLetters: OutputTag<DeadLetter> = { id: DEAD_LETTERS_TAG }
