import type { BlobStore } from '../ports/blob-store.ts'
import type { Outside } from '../ports/outside.ts'
import type { Random } from '../ports/random.ts'
import type { CheckpointedFunction, Lifecycle, PerSubtask, RuntimeContext } from './functions.ts'
import type { OperatorStateSpec } from './state.ts'

/** Where a sink's subtask runs. */
export interface SinkContext extends RuntimeContext {
  /** Processing time in epoch milliseconds. */
  now(): number
  readonly runId: string
  /** Names the series that {@link version} belongs to: versions of another one say nothing about this one's. */
  readonly lineage: string
  /**
   * Orders the batches of a subtask: text, compared by code units, that is greater for each batch than for those before
   * it, and greater in an attempt than in all earlier ones. Of the batch at hand.
   */
  version(): string
  /**
   * Names the batch at hand; no other batch has the same name. A batch that is given again has it again, where the
   * runtime knows that it is the same: see {@link WriterSink.writes}.
   */
  batchId(): string
  /** Tells the user what is no failure, yet should be known; perhaps more than once. Nothing that records hold belongs in it. */
  warn(this: void, message: string): void
  /** The world beyond the job, as far as it is not simply Node's; undefined in a run that was given none. */
  readonly outside?: Outside | undefined
  /** For Millrace's own sinks: objects that are the job's, where the runtime keeps such. */
  readonly jobObjects?: JobObjects | undefined
}

/** Where a job keeps what is its own, and the chance that names what is to be like nobody else's. */
export interface JobObjects {
  readonly store: BlobStore
  readonly random: Random
}

/** What a sink writes to beyond the job: a deployment gives it the permission, and no other. */
export type SinkTarget =
  | {
      readonly type: 'bucket'
      readonly bucket: string
      /** What the keys of its objects begin with; `''`: anything. */
      readonly prefixes: readonly string[]
    }
  /** By name or URL. */
  | { readonly type: 'queue'; readonly queue: string }
  | { readonly type: 'table'; readonly table: string }

/**
 * Writes records somewhere. Batches come in order. What was written after the last completed checkpoint is written
 * again after a restart: at-least-once, unless writing the same record twice changes nothing.
 */
export interface WriterSink<in T> {
  readonly type: 'writer'
  /** A word for plans and messages: `print`. */
  readonly kind: string
  /** Default: no limit of its own. */
  readonly parallelismMax?: number
  /** What of one machine it works with, where it does; as a source's. */
  readonly machineBound?: string
  /** Default: nothing that needs a permission. */
  readonly writesTo?: SinkTarget
  /**
   * For runtimes that work in turns, where a turn may be lost and taken again with other records. `at-once`: a batch is
   * written in the turn that brings it, and perhaps again, otherwise cut. `committed`: once that turn is committed, so
   * that a batch which is written again is the same, with the same version and batch id; its records are part of the
   * state until then, and must be plain data. Default: `at-once`. The embedded runtime has no turns. A turn that is killed begins
   * anew: what `at-once` is given, some 2,000 records a turn, has to be written in one invocation, together; `committed` need not.
   */
  readonly writes?: 'at-once' | 'committed'
  /**
   * Of a sink that writes what is committed, on runtimes that work in turns: the records that it is given at once, at most. One
   * batch has to be written within an invocation, or the job does not get on. Default: 100.
   */
  readonly batchRecordsMax?: number
  createWriter(ctx: SinkContext): SinkWriter<T>
}

export interface SinkWriter<in T> {
  /** `timestamps[i]` is the event time of `values[i]`, -Infinity where it has none. The arrays are the writer's to keep. */
  write(values: readonly T[], timestamps: readonly number[]): void | Promise<void>
  /** Makes everything written so far reach its destination. Called before each checkpoint and at the end. */
  flush?(): void | Promise<void>
  close?(): void | Promise<void>
}

/**
 * Exactly-once output: what is written between two barriers is a transaction, pre-committed at the barrier and
 * committed once the checkpoint is complete (Flink's TwoPhaseCommitSinkFunction). `Txn` is plain data, kept in the
 * checkpoint: after a restore, possibly in another process, every transaction that the checkpoint holds is
 * committed again. So `commit` must be idempotent.
 */
export interface TwoPhaseCommitSink<in T, in out Txn> {
  readonly type: 'two-phase-commit'
  readonly kind: string
  /** Default: no limit of its own. */
  readonly parallelismMax?: number
  /** What of one machine it works with, where it does; as a source's. */
  readonly machineBound?: string
  /** Default: nothing that needs a permission. */
  readonly writesTo?: SinkTarget
  /**
   * When transactions are committed. `each-turn`: for jobs without periodic checkpoints on runtimes that work in turns, in the
   * turn after the one that wrote them; after a restart, records come again. Default: `with-checkpoints`.
   */
  readonly commits?: 'with-checkpoints' | 'each-turn'
  createCommitter(ctx: SinkContext): TwoPhaseCommitter<T, Txn>
}

export interface TwoPhaseCommitter<in T, in out Txn> {
  /**
   * Called once an attempt, after the transactions of a restored checkpoint are committed: clears what earlier attempts
   * left unfinished. Not called where a committer takes over from another one within the attempt.
   */
  open?(): void | Promise<void>
  /** Opens a transaction; called at the first record after a barrier, and after each turn of a runtime that works in turns. */
  begin(): Txn | Promise<Txn>
  write(txn: Txn, values: readonly T[], timestamps: readonly number[]): void | Promise<void>
  /** Makes what was written durable, yet unseen. Returns the transaction to keep in the checkpoint. Nothing is written to it any more. */
  preCommit(txn: Txn): Txn | Promise<Txn>
  /**
   * Makes one transaction of the pre-committed ones of several turns, in order: they belong to one checkpoint. Does
   * nothing else. Default: each is committed by itself, as are those that are committed `each-turn`.
   */
  combine?(transactions: readonly Txn[]): Txn
  /** Publishes the transaction. Idempotent. */
  commit(txn: Txn): void | Promise<void>
  /**
   * Forgets a transaction that no checkpoint holds. A process that dies forgets nothing, and a turn that is lost leaves
   * a pre-committed transaction that nothing refers to: `open` and `commit` may clear such.
   */
  abort(txn: Txn): void | Promise<void>
  close?(): void | Promise<void>
}

export interface SinkInvokeContext {
  readonly timestamp: number | undefined
  currentProcessingTime(this: void): number
  currentWatermark(this: void): number
}

/** A sink of a user's own, a record at a time, with operator state if it wants (Flink's SinkFunction). */
export interface SinkFunction<in T, S extends OperatorStateSpec> extends Lifecycle, CheckpointedFunction<S> {
  invoke(value: T, ctx: SinkInvokeContext): void
  /** After the last record, where all input has ended: writes what it holds back. Not called when a job is stopped. */
  finish?(ctx: SinkInvokeContext): void
}

export interface FunctionSink<in T> {
  readonly type: 'function'
  readonly kind: string
  /** Default: no limit of its own. */
  readonly parallelismMax?: number
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly fn: PerSubtask<SinkFunction<T, any>>
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Sink<T> = WriterSink<T> | TwoPhaseCommitSink<T, any> | FunctionSink<T>

/** Makes a sink of `fn`; of `() => …` where it keeps records in a variable, see {@link PerSubtask}. */
export function sinkFunction<T, S extends OperatorStateSpec = Record<never, never>>(
  fn: PerSubtask<SinkFunction<T, S>>,
): Sink<T> {
  return { type: 'function', kind: 'sink function', fn }
}
