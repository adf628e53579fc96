import { durationMs, type Duration } from '../model/durations.ts'
import { UserError } from '../model/faults.ts'
import type { Key } from '../model/keys.ts'
import {
  maxByReducer,
  maxReducer,
  minByReducer,
  minReducer,
  sumReducer,
  type ByOptions,
  type ComparableField,
  type NumericField,
} from './aggregations.ts'
import type {
  KeyedProcessFunction,
  PerSubtask,
  ProcessFunction,
  RichFilterFunction,
  RichFlatMapFunction,
  RichMapFunction,
  WindowFunction,
} from './functions.ts'
import type { GraphBuilder, Outlet } from './graph-builder.ts'
import type { OperatorOptions, StatelessOptions } from './operator-options.ts'
import type { KeySelector, OperatorSpec, Partitioning, WindowContents } from './operator-spec.ts'
import type { Sink } from './sink.ts'
import { DEAD_LETTERS_TAG, type DeadLetter } from './source.ts'
import type { AggregateFunction, OperatorStateSpec, StateSpec } from './state.ts'
import type { OutputTag, UndeclaredOutput } from './types.ts'
import type { WatermarkStrategy } from './watermarks.ts'
import type { WindowAssigner } from './windows.ts'

// DataStream, KeyedStream and WindowedStream make one another, so they share a file. A stream of dogs is a stream of
// animals; methods whose parameters would forbid that take their record type `R` from `this`.

/** Where a stream comes from. Streams are made by the job's environment and by other streams, not by users. */
export interface StreamOrigin {
  readonly graph: GraphBuilder
  readonly outlets: readonly Outlet[]
}

type NoState = Record<never, never>

/** What a function's stream holds: nothing if the function declares no output. */
type Declared<O> = Exclude<O, UndeclaredOutput>

/**
 * Records of type `T` on their way from one operator to the next. A stream is a description: using it twice sends
 * every record both ways, and no method changes it.
 */
export class DataStream<out T> {
  readonly #origin: StreamOrigin

  constructor(origin: StreamOrigin) {
    this.#origin = origin
  }

  /** One record for each record. `fn` must not change what it is given. */
  map<O>(fn: (value: T) => O, options: StatelessOptions = {}): DataStream<O> {
    return this.#then({ type: 'map', fn }, options)
  }

  /** Any number of records for each record. */
  flatMap<O>(fn: (value: T) => Iterable<O>, options: StatelessOptions = {}): DataStream<O> {
    return this.#then({ type: 'flat-map', fn }, options)
  }

  /** The records for which `fn` is true; a type guard narrows the stream's type. */
  filter<O extends T>(fn: (value: T) => value is O, options?: StatelessOptions): DataStream<O>
  filter(fn: (value: T) => boolean, options?: StatelessOptions): DataStream<T>
  filter(fn: (value: T) => boolean, options: StatelessOptions = {}): DataStream<T> {
    return this.#then({ type: 'filter', fn }, options)
  }

  /**
   * Gives each record its event time, in epoch milliseconds, and makes watermarks from it. Replaces the timestamps
   * and watermarks that the stream had.
   */
  withTimestamps(
    timestampOf: (value: T) => number,
    strategy: WatermarkStrategy,
    options: StatelessOptions = {},
  ): DataStream<T> {
    return this.#then({ type: 'timestamps', timestampOf, strategy }, options)
  }

  /**
   * Partitions the stream: all records with one key go to one subtask, and state and timers are kept for each key.
   * `selector` must give the same key for the same record whenever it is asked.
   */
  keyBy<K extends Key>(selector: (value: T) => K): KeyedStream<K, T> {
    const outlets = this.#outlets('hash')
    return new KeyedStream({ graph: this.#origin.graph, outlets }, selector)
  }

  /**
   * This stream and `streams` as one, in no particular order between them. A stream given twice comes twice.
   * @throws UserError if a stream belongs to another job.
   */
  union(...streams: readonly DataStream<T>[]): DataStream<T> {
    const { graph, outlets } = this.#origin
    const others = streams.flatMap((stream) => {
      if (!(#origin in stream) || stream.#origin.graph !== graph) {
        throw new UserError(
          `union: expected streams of this job, got one of another job (${nameOf(outlets)} is of this job); ` +
            'build both from the same env',
        )
      }
      return stream.#origin.outlets
    })
    return new DataStream({ graph, outlets: [...outlets, ...others] })
  }

  /**
   * Runs a function of its own for each record, with side outputs, the watermark and, if it wants, operator state;
   * then give what makes the function, `() => ({ … })`, so that each subtask has its own variables.
   * @param uid ties the function's state to it in checkpoints and savepoints; unique in the job.
   */
  process<O = UndeclaredOutput, S extends OperatorStateSpec = NoState>(
    uid: string,
    fn: PerSubtask<ProcessFunction<T, O, S>>,
    options: OperatorOptions = {},
  ): DataStream<Declared<O>> {
    return this.#then({ type: 'process', fn }, { ...options, uid })
  }

  /**
   * The side output `tag` of the operator that this stream comes from: what it emits by `ctx.output(tag, …)`, or
   * the late records of a window.
   * @throws UserError if the stream comes from several operators or is itself a side output.
   */
  getSideOutput<X>(tag: OutputTag<X>): DataStream<X> {
    const { graph, outlets } = this.#origin
    const [outlet] = outlets
    if (outlets.length !== 1 || outlet!.tagId !== undefined) {
      throw new UserError(
        `getSideOutput('${tag.id}'): expected the output of one operator, got ` +
          `${outlets.length === 1 ? 'a side output' : 'a union'} (${nameOf(outlets)}); call it on the operator's own stream`,
      )
    }
    return new DataStream({
      graph,
      outlets: [{ from: outlet!.from, tagId: tag.id, partitioning: 'default' }],
    })
  }

  /**
   * Ends the stream in `sink`.
   * @param uid ties the sink's state to it in checkpoints and savepoints; unique in the job.
   */
  sinkTo(uid: string, sink: Sink<T>, options: OperatorOptions = {}): void {
    this.#then({ type: 'sink', sink }, { ...options, uid })
  }

  /** Deals records to the next operator's subtasks in turn, so that each has as much to do. */
  rebalance(): DataStream<T> {
    return new DataStream({ graph: this.#origin.graph, outlets: this.#outlets('rebalance') })
  }

  /** Sends every record to all subtasks of the next operator. */
  broadcast(): DataStream<T> {
    return new DataStream({ graph: this.#origin.graph, outlets: this.#outlets('broadcast') })
  }

  /** Sends records to the next operator's subtask of the same number; both need the same parallelism. */
  forward(): DataStream<T> {
    return new DataStream({ graph: this.#origin.graph, outlets: this.#outlets('forward') })
  }

  #outlets(partitioning: Partitioning): readonly Outlet[] {
    return this.#origin.outlets.map((outlet) => ({ ...outlet, partitioning }))
  }

  #then<O>(spec: OperatorSpec, options: StatelessOptions): DataStream<O> {
    const { graph, outlets } = this.#origin
    return new DataStream({ graph, outlets: [graph.add({ spec, inputs: outlets, options })] })
  }
}

/** The stream of a source. */
export class SourceStream<out T> extends DataStream<T> {
  /**
   * The records that the source could not parse, with where they were and why. If no stream uses them, the runtime
   * writes them to the job's dead-letters directory, or to its bucket.
   */
  readonly deadLetters: DataStream<DeadLetter>

  constructor(graph: GraphBuilder, outlet: Outlet) {
    super({ graph, outlets: [outlet] })
    this.deadLetters = new DataStream({ graph, outlets: [{ ...outlet, tagId: DEAD_LETTERS_TAG }] })
  }
}

/**
 * A stream partitioned by key. Its operators have state, so each needs a uid: it ties the state to the operator in
 * checkpoints and savepoints, and is unique in the job.
 */
export class KeyedStream<K extends Key, out T> {
  readonly #origin: StreamOrigin
  readonly #keySelector: KeySelector

  constructor(origin: StreamOrigin, keySelector: KeySelector) {
    this.#origin = origin
    this.#keySelector = keySelector
  }

  /** Runs a function for each record, with state and timers of the record's key. */
  process<O = UndeclaredOutput, S extends StateSpec = NoState>(
    uid: string,
    fn: KeyedProcessFunction<K, T, O, S>,
    options?: OperatorOptions,
  ): DataStream<Declared<O>> {
    return this.#then(uid, { type: 'keyed-process', fn }, options)
  }

  /** One record for each record, with state of its key. */
  map<O, S extends StateSpec = NoState>(
    uid: string,
    fn: RichMapFunction<K, T, O, S>,
    options?: OperatorOptions,
  ): DataStream<O> {
    return this.#then(uid, { type: 'keyed-map', fn }, options)
  }

  /** Any number of records for each record, with state of its key. */
  flatMap<O, S extends StateSpec = NoState>(
    uid: string,
    fn: RichFlatMapFunction<K, T, O, S>,
    options?: OperatorOptions,
  ): DataStream<O> {
    return this.#then(uid, { type: 'keyed-flat-map', fn }, options)
  }

  /** The records for which the function is true, with state of their key. */
  filter<S extends StateSpec = NoState>(
    uid: string,
    fn: RichFilterFunction<K, T, S>,
    options?: OperatorOptions,
  ): DataStream<T> {
    return this.#then(uid, { type: 'keyed-filter', fn }, options)
  }

  /**
   * A flat-map with one value of state for each key: `fn` is given the record and the key's state (undefined at
   * first), and returns the records to emit with the new state (undefined clears it). Write the state's type on the
   * parameter: `(reading, last: number | undefined) => …`.
   */
  flatMapWithState<O, S>(
    uid: string,
    fn: (value: T, state: S | undefined) => readonly [Iterable<O>, S | undefined],
    options?: OperatorOptions,
  ): DataStream<O> {
    return this.#then(uid, { type: 'flat-map-with-state', fn }, options)
  }

  /** For each record, the reduction of all its key's records so far. `fn` must not change what it is given. */
  reduce(uid: string, fn: (a: T, b: T) => T, options?: OperatorOptions): DataStream<T> {
    return this.#then(uid, { type: 'reduce', reduce: fn }, options)
  }

  /** For each record, the key's first record with the sum so far in `field`. */
  sum<R>(
    this: KeyedStream<K, R>,
    uid: string,
    field: NumericField<R>,
    options?: OperatorOptions,
  ): DataStream<R> {
    return this.#then(uid, { type: 'reduce', reduce: sumReducer(field) }, options)
  }

  /** For each record, the key's first record with the least value so far in `field`. */
  min<R>(
    this: KeyedStream<K, R>,
    uid: string,
    field: NumericField<R>,
    options?: OperatorOptions,
  ): DataStream<R> {
    return this.#then(uid, { type: 'reduce', reduce: minReducer(field) }, options)
  }

  /** For each record, the key's first record with the greatest value so far in `field`. */
  max<R>(
    this: KeyedStream<K, R>,
    uid: string,
    field: NumericField<R>,
    options?: OperatorOptions,
  ): DataStream<R> {
    return this.#then(uid, { type: 'reduce', reduce: maxReducer(field) }, options)
  }

  /** For each record, the key's record with the least `field` so far, whole. */
  minBy<R>(
    this: KeyedStream<K, R>,
    uid: string,
    field: ComparableField<R>,
    options: ByOptions & OperatorOptions = {},
  ): DataStream<R> {
    return this.#then(uid, { type: 'reduce', reduce: minByReducer(field, options) }, options)
  }

  /** For each record, the key's record with the greatest `field` so far, whole. */
  maxBy<R>(
    this: KeyedStream<K, R>,
    uid: string,
    field: ComparableField<R>,
    options: ByOptions & OperatorOptions = {},
  ): DataStream<R> {
    return this.#then(uid, { type: 'reduce', reduce: maxByReducer(field, options) }, options)
  }

  /** Groups each key's records into windows. */
  window(assigner: WindowAssigner): WindowedStream<K, T> {
    const { graph } = this.#origin
    const keySelector = this.#keySelector
    return new WindowedStream(
      { assigner, allowedLatenessMs: 0, lateTagId: undefined },
      (uid, spec, options) => {
        const inputs = this.#origin.outlets
        return { graph, outlets: [graph.add({ spec, inputs, options: { ...options, uid }, keySelector })] }
      },
    )
  }

  #then<O>(uid: string, spec: OperatorSpec, options: OperatorOptions = {}): DataStream<O> {
    const { graph, outlets } = this.#origin
    const outlet = graph.add({
      spec,
      inputs: outlets,
      options: { ...options, uid },
      keySelector: this.#keySelector,
    })
    return new DataStream({ graph, outlets: [outlet] })
  }
}

type WindowSpec = Extract<OperatorSpec, { readonly type: 'window' }>
type WindowSettings = Pick<WindowSpec, 'assigner' | 'allowedLatenessMs' | 'lateTagId'>
type AddWindow = (uid: string, spec: WindowSpec, options: OperatorOptions) => StreamOrigin

/**
 * A keyed stream in windows. A window fires when the watermark passes its end, and again for each late record within
 * the allowed lateness. A window function, where given, turns what the window holds into what it emits.
 */
export class WindowedStream<K extends Key, out T> {
  readonly #settings: WindowSettings
  readonly #add: AddWindow

  constructor(settings: WindowSettings, add: AddWindow) {
    this.#settings = settings
    this.#add = add
  }

  /** Keeps windows for `duration` after they fired, so that late records still count. Default: 0. */
  allowedLateness(duration: Duration): WindowedStream<K, T> {
    const allowedLatenessMs = durationMs(duration, 'allowedLateness')
    return new WindowedStream({ ...this.#settings, allowedLatenessMs }, this.#add)
  }

  /**
   * Sends records that come too late for their window to `tag`; read them by `getSideOutput(tag)` on the window's
   * result. Without it they are counted and dropped.
   */
  sideOutputLateData<R>(this: WindowedStream<K, R>, tag: OutputTag<NoInfer<R>>): WindowedStream<K, R> {
    return new WindowedStream({ ...this.#settings, lateTagId: tag.id }, this.#add)
  }

  /** The reduction of each window's records. `fn` must not change what it is given. */
  reduce<O = T>(
    uid: string,
    fn: (a: T, b: T) => T,
    windowFn?: WindowFunction<K, T, O>,
    options?: OperatorOptions,
  ): DataStream<O> {
    return this.#then(uid, { type: 'reduce', reduce: fn }, windowFn, options)
  }

  /** The aggregate of each window's records, of which only the accumulator is kept. */
  aggregate<A, R, O = R>(
    uid: string,
    fn: AggregateFunction<T, A, R>,
    windowFn?: WindowFunction<K, R, O>,
    options?: OperatorOptions,
  ): DataStream<O> {
    return this.#then(uid, { type: 'aggregate', aggregate: fn }, windowFn, options)
  }

  /** One record for each window, from all its elements in the order they came; they are kept until it closes. */
  process<O>(
    uid: string,
    windowFn: WindowFunction<K, readonly T[], O>,
    options?: OperatorOptions,
  ): DataStream<O> {
    return this.#then(uid, { type: 'elements' }, windowFn, options)
  }

  /** The window's first record with the sum in `field`. */
  sum<R>(
    this: WindowedStream<K, R>,
    uid: string,
    field: NumericField<R>,
    options?: OperatorOptions,
  ): DataStream<R> {
    return this.#then(uid, { type: 'reduce', reduce: sumReducer(field) }, undefined, options)
  }

  /** The window's first record with the least value in `field`. */
  min<R>(
    this: WindowedStream<K, R>,
    uid: string,
    field: NumericField<R>,
    options?: OperatorOptions,
  ): DataStream<R> {
    return this.#then(uid, { type: 'reduce', reduce: minReducer(field) }, undefined, options)
  }

  /** The window's first record with the greatest value in `field`. */
  max<R>(
    this: WindowedStream<K, R>,
    uid: string,
    field: NumericField<R>,
    options?: OperatorOptions,
  ): DataStream<R> {
    return this.#then(uid, { type: 'reduce', reduce: maxReducer(field) }, undefined, options)
  }

  /** The window's record with the least `field`, whole. */
  minBy<R>(
    this: WindowedStream<K, R>,
    uid: string,
    field: ComparableField<R>,
    options: ByOptions & OperatorOptions = {},
  ): DataStream<R> {
    return this.#then(uid, { type: 'reduce', reduce: minByReducer(field, options) }, undefined, options)
  }

  /** The window's record with the greatest `field`, whole. */
  maxBy<R>(
    this: WindowedStream<K, R>,
    uid: string,
    field: ComparableField<R>,
    options: ByOptions & OperatorOptions = {},
  ): DataStream<R> {
    return this.#then(uid, { type: 'reduce', reduce: maxByReducer(field, options) }, undefined, options)
  }

  #then<I, O>(
    uid: string,
    contents: WindowContents,
    fn: WindowFunction<K, I, O> | undefined,
    options: OperatorOptions = {},
  ): DataStream<O> {
    return new DataStream(this.#add(uid, { type: 'window', ...this.#settings, contents, fn }, options))
  }
}

function nameOf(outlets: readonly Outlet[]): string {
  return outlets.map((outlet) => `'${outlet.from.name}'`).join(', ')
}
