import type { Key } from '../model/keys.ts'
import type { OperatorStateHandles, OperatorStateSpec, StateHandles, StateSpec } from './state.ts'
import type { OutputTag, TypeOf } from './types.ts'

/** Where a function runs. */
export interface RuntimeContext {
  readonly jobName: string
  readonly operatorUid: string
  /** From 0. */
  readonly subtaskIndex: number
  readonly parallelism: number
  /** Which execution of the run this is: 1, and one more after each restart, also in another process. */
  readonly attempt: number
}

/**
 * Opens before the first record of an attempt, closes after its last; either may return a promise. Both are called once
 * for each subtask, on the same object where the function was not given as what makes one. No state can be used in them.
 */
export interface Lifecycle {
  open?(ctx: RuntimeContext): void | Promise<void>
  /** Also called after a failure, and where `open` did not come to its end. */
  close?(): void | Promise<void>
}

/** Its methods can be taken out of it: `processElement(value, { state, collect })`. */
export interface Collector<O> {
  /** Emits `value` with the timestamp of the record or event-time timer; without one in a processing-time timer. */
  collect(this: void, value: O): void
  /** Emits `value` to the side output `tag`. */
  output<T>(this: void, tag: OutputTag<T>, value: NoInfer<T>): void
}

export interface TimerService {
  /** Epoch milliseconds, constant within one batch of input. */
  currentProcessingTime(this: void): number
  /** Epoch milliseconds, -Infinity before the first watermark, Infinity after the last. */
  currentWatermark(this: void): number
  /** Fires once when the watermark reaches `timestampMs`. Registering the same time again for a key changes nothing. */
  registerEventTimeTimer(this: void, timestampMs: number): void
  /** Fires once when processing time reaches `timestampMs`, unless the input has ended by then. */
  registerProcessingTimeTimer(this: void, timestampMs: number): void
  /** Does nothing if the key has no such timer. */
  deleteEventTimeTimer(this: void, timestampMs: number): void
  deleteProcessingTimeTimer(this: void, timestampMs: number): void
}

export interface ProcessContext<O> extends Collector<O> {
  /** Event time of the record in epoch milliseconds, or undefined if it has none. */
  readonly timestamp: number | undefined
  currentProcessingTime(this: void): number
  currentWatermark(this: void): number
}

export interface KeyedContext<K extends Key, O, S extends StateSpec> extends ProcessContext<O> {
  readonly key: K
  /** State of the current key. */
  readonly state: StateHandles<S>
  readonly timers: TimerService
}

export interface OnTimerContext<K extends Key, O, S extends StateSpec> extends KeyedContext<K, O, S> {
  readonly timeDomain: 'event' | 'processing'
}

/**
 * `keyBy(...).process(uid, …)`: state and timers per key. Its methods are synchronous: what an `async` one does after its
 * first `await` belongs to no record. What they throw fails the job.
 */
export interface KeyedProcessFunction<K extends Key, I, O, S extends StateSpec> extends Lifecycle {
  readonly state?: S
  /** Names the type of what it collects: `emits: type<Alert>()`. */
  readonly emits?: TypeOf<O>
  processElement(value: I, ctx: KeyedContext<K, O, S>): void
  onTimer?(timestampMs: number, ctx: OnTimerContext<K, O, S>): void
}

/**
 * A function, or what makes one for each subtask of each attempt. It takes the latter where the function keeps
 * something in variables of its own: all subtasks of the embedded runtime live in one process, and would share them.
 * Making it must have no other effect; it is made to see what it declares, too.
 */
export type PerSubtask<F extends object> = F | (() => F)

/** One function for whoever asks. */
export function functionOf<F extends object>(fn: PerSubtask<F>): F {
  return typeof fn === 'function' ? fn() : fn
}

/** `process(…)` on a stream that is not keyed. Operator state makes it a CheckpointedFunction in Flink's words. */
export interface ProcessFunction<I, O, S extends OperatorStateSpec>
  extends Lifecycle, CheckpointedFunction<S> {
  readonly emits?: TypeOf<O>
  processElement(value: I, ctx: ProcessContext<O>): void
  /** After the last record, where all input has ended: emits what it holds back. Not called when a job is stopped. */
  finish?(ctx: ProcessContext<O>): void
}

export interface FunctionInitializationContext<S extends OperatorStateSpec> extends RuntimeContext {
  readonly operatorState: OperatorStateHandles<S>
  /** Whether state was restored from a checkpoint or savepoint. */
  readonly isRestored: boolean
}

export interface FunctionSnapshotContext<S extends OperatorStateSpec> {
  readonly operatorState: OperatorStateHandles<S>
  readonly checkpointId: number
}

/** Operator state: declared by name, filled when a checkpoint is taken, read when an attempt begins. */
export interface CheckpointedFunction<S extends OperatorStateSpec> {
  readonly operatorState?: S
  /** Called once an attempt, before `open`. */
  initializeState?(ctx: FunctionInitializationContext<S>): void
  /** Called at each barrier, between two records. */
  snapshotState?(ctx: FunctionSnapshotContext<S>): void
}

/** `keyBy(...).map(uid, …)` with keyed state. */
export interface RichMapFunction<K extends Key, I, O, S extends StateSpec> extends Lifecycle {
  readonly state?: S
  map(value: I, ctx: Omit<KeyedContext<K, never, S>, 'collect'>): O
}

/** `keyBy(...).flatMap(uid, …)` with keyed state. */
export interface RichFlatMapFunction<K extends Key, I, O, S extends StateSpec> extends Lifecycle {
  readonly state?: S
  flatMap(value: I, ctx: Omit<KeyedContext<K, never, S>, 'collect'>): Iterable<O>
}

/** `keyBy(...).filter(uid, …)` with keyed state. */
export interface RichFilterFunction<K extends Key, I, S extends StateSpec> extends Lifecycle {
  readonly state?: S
  filter(value: I, ctx: Omit<KeyedContext<K, never, S>, 'collect'>): boolean
}

/** A span of event time: `start` inclusive, `end` exclusive, epoch milliseconds. */
export interface TimeWindow {
  readonly start: number
  readonly end: number
}

/** Sees the result of a window (the reduced or aggregated value, or all its elements) and the window itself. */
export type WindowFunction<K extends Key, I, O> = (key: K, window: TimeWindow, value: I) => O
