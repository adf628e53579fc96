import type { Key } from '../model/keys.ts'
import type { KeyedStateBackend } from '../state/keyed-backend.ts'
import type { OperatorStateBackend } from '../state/operator-state.ts'
import type { Outside } from '../ports/outside.ts'
import type { IngestLog } from '../ports/ingest-log.ts'
import type { JobObjects } from '../stream/sink.ts'
import type { SplitSource } from '../stream/source.ts'

/** What takes records: an operator, or the end of a chain that writes to channels. */
export interface Receiver {
  /** `timestampMs` is NO_TIMESTAMP where the record has none. */
  record(value: unknown, timestampMs: number): void
  watermark(timestampMs: number): void
  /** The input became idle (true) or active again (false). */
  status(idle: boolean): void
}

/**
 * The contract of an operator, whoever runs it.
 *
 * The caller: opens it once; passes records, watermarks and status in channel order, never two at a time; calls
 * `endBatch` when the input at hand is done; between two records calls `prepareBarrier` and, when that is done,
 * `snapshot`; after the last record calls `endOfInput`.
 * The operator: emits only into `context.output`, and only within a call; keeps what must survive in
 * `context.keyedState` and `context.operatorState`; never lets a watermark go back; takes time from the context.
 */
export interface Operator extends Receiver {
  /** Restored state is in place already. */
  open(): void | Promise<void>
  /** Passes on what it holds back for batching. */
  endBatch(): void | Promise<void>
  /**
   * Makes what it holds survive this process: its state is taken right after. Called by runtimes that work in turns,
   * before each commit; the embedded runtime never does.
   */
  endTurn(): void | Promise<void>
  /** Whether it has work left that needs no input, only a turn: runtimes that work in turns take one soon, and before they close it. */
  readonly wantsTurn: boolean
  /**
   * How many records it can do with in the turn at hand, about. Infinity: any number. 0: there was no time yet for what earlier
   * turns brought, and more would only wait.
   */
  readonly recordsWanted: number
  /** Fires the processing-time timers due at or before `nowMs`. */
  onProcessingTime(nowMs: number): void
  /** When `onProcessingTime` has something to do; undefined: nothing is due. */
  nextProcessingTime(): number | undefined
  /** Before barrier `checkpointId` passes: flushes, pre-commits. May emit records that belong before the barrier. */
  prepareBarrier(checkpointId: number): void | Promise<void>
  /** The watermark of the checkpoint that this attempt began from: event time goes on from there. */
  restoreWatermark(timestampMs: number): void
  /** Puts what must survive into state. Synchronous; the state is encoded right after. */
  snapshot(checkpointId: number): void
  checkpointComplete(checkpointId: number): void | Promise<void>
  checkpointAborted(checkpointId: number): void | Promise<void>
  endOfInput(): void | Promise<void>
  close(): void | Promise<void>
  readonly metrics: OperatorMetrics
}

/** Counts since the attempt began (Flink's names). */
export interface OperatorMetrics {
  numRecordsIn: number
  numRecordsOut: number
  numLateRecordsDropped: number
  numDeadLetters: number
  currentWatermark: number
}

/**
 * Of a runtime that works in turns: each ends with a commit, and an instance whose turn was not committed is never used
 * again. What an instance did before may be done again by another one, differently.
 */
export interface Turns {
  /** Names the series of attempts: a new one where attempts begin to be counted anew. */
  readonly lineage: string
  /** Where in the task's log the turn at hand will stand: at least 1, and rising. */
  position(): number
  /** Milliseconds left for it: what takes longer is for the next. */
  remainingMs(): number
}

/** What an operator may use. */
export interface OperatorContext {
  readonly jobName: string
  readonly runId: string
  readonly uid: string
  readonly name: string
  readonly subtaskIndex: number
  readonly parallelism: number
  readonly attempt: number
  readonly output: Receiver
  /** Where the records of a side output go; undefined if nobody takes them. */
  sideOutput(tagId: string): Receiver | undefined
  readonly keySelector: ((value: unknown) => Key) | undefined
  /** Set where the operator is keyed. */
  readonly keyedState: KeyedStateBackend | undefined
  readonly operatorState: OperatorStateBackend
  /** Whether state was restored into this attempt. */
  readonly isRestored: boolean
  /** This instance takes over from another one within the attempt: nothing happened in between. */
  readonly isResumed: boolean
  /** Set by runtimes that work in turns. */
  readonly turns?: Turns | undefined
  /** The world beyond the job; undefined in a run that was given none. */
  readonly outside?: Outside | undefined
  /** Objects that are the job's own, where the runtime keeps such. */
  readonly jobObjects?: JobObjects | undefined
  /** Processing time in epoch milliseconds, constant within one batch. */
  now(): number
  /** Every split of `source`, listed once for all subtasks of an attempt. */
  enumerateSplits(source: SplitSource<unknown, unknown>): Promise<readonly unknown[]>
  /** Asks the runtime to run this task's source again: from a reader that waited. */
  wakeUp(): void
  /** Tells the user what is no failure, yet should be known; again where a turn is taken again. */
  warn(message: string): void
  /** What came in at the runtime's front door; undefined where it has none. */
  readonly ingest?: IngestLog | undefined
  /** How often watermarks are made from timestamps; 0: after every batch. */
  readonly autoWatermarkIntervalMs: number
}
