import type { Duration } from '../model/durations.ts'

/**
 * Time-to-live of state, by processing time. Per entry for lists and maps.
 * Expired state is removed lazily; visibility never depends on when.
 */
export interface TtlOptions {
  /** More than 0. */
  readonly ttl: Duration
  /** What renews the time-to-live. Default `OnCreateAndWrite`. */
  readonly updateType?: 'OnCreateAndWrite' | 'OnReadAndWrite'
  /** Whether a read may return what has expired and was not yet removed. Default `NeverReturnExpired`. */
  readonly visibility?: 'NeverReturnExpired' | 'ReturnExpiredIfNotCleanedUp'
}

export type Ttl = Duration | TtlOptions

export interface StateOptions {
  /** By processing time. Default: the state lives until it is cleared. */
  readonly ttl?: Ttl
}

// Values are plain data: text, numbers, booleans, bigint, null, undefined, Date, Map, Set, Uint8Array, arrays and plain
// objects of them. Others are refused when a checkpoint is taken. What is put into state belongs to it: to change an
// object, change a copy and write that.

/** One value per key. */
export interface ValueState<T> {
  /** The value, the declared default, or undefined. Change a copy of it: state is written by `update` alone. */
  value(): T | undefined
  /** Replaces the value; `undefined` clears it. */
  update(value: T): void
  clear(): void
}

/** As {@link ValueState} with a declared default. */
export interface DefaultedValueState<T> extends ValueState<T> {
  value(): T
}

/** A list per key. */
export interface ListState<T> {
  /** The elements in the order they were added. A snapshot: later changes do not show in it. */
  get(): readonly T[]
  add(value: T): void
  addAll(values: Iterable<T>): void
  /** Replaces the whole list. */
  update(values: Iterable<T>): void
  clear(): void
}

/** A map per key. Iteration is in no particular order. */
export interface MapState<K extends MapKey, V> {
  get(key: K): V | undefined
  put(key: K, value: V): void
  putAll(entries: Iterable<readonly [K, V]>): void
  remove(key: K): void
  contains(key: K): boolean
  entries(): IterableIterator<[K, V]>
  keys(): IterableIterator<K>
  values(): IterableIterator<V>
  isEmpty(): boolean
  clear(): void
}

export type MapKey = string | number | boolean | bigint

/** One value per key: the reduction of everything added. */
export interface ReducingState<T> {
  get(): T | undefined
  add(value: T): void
  clear(): void
}

/** One accumulator per key; what is read is computed from it. */
export interface AggregatingState<I, O> {
  /** The result of what was added; undefined if nothing was. */
  get(): O | undefined
  add(value: I): void
  clear(): void
}

/** How values are gathered in an accumulator, which is plain data, and what is made of it. */
export interface AggregateFunction<I, A, O> {
  createAccumulator(): A
  /** Returns the new accumulator; may change and return the one it was given. */
  add(value: I, accumulator: A): A
  getResult(accumulator: A): O
  /** Joins two accumulators. Never called yet: session windows will need it. */
  merge?(a: A, b: A): A
}

interface Described<Handle> {
  readonly ttl: Ttl | undefined
  readonly __handle?: Handle
}

export interface ValueStateDescriptor<T, H = ValueState<T>> extends Described<H> {
  readonly kind: 'value'
  readonly defaultValue: T | undefined
}
export interface ListStateDescriptor<T> extends Described<ListState<T>> {
  readonly kind: 'list'
}
export interface MapStateDescriptor<K extends MapKey, V> extends Described<MapState<K, V>> {
  readonly kind: 'map'
}
export interface ReducingStateDescriptor<T> extends Described<ReducingState<T>> {
  readonly kind: 'reducing'
  readonly reduce: (a: T, b: T) => T
}
export interface AggregatingStateDescriptor<I, A, O> extends Described<AggregatingState<I, O>> {
  readonly kind: 'aggregating'
  readonly aggregate: AggregateFunction<I, A, O>
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Any = any
export type StateDescriptor =
  | ValueStateDescriptor<Any, Any>
  | ListStateDescriptor<Any>
  | MapStateDescriptor<Any, Any>
  | ReducingStateDescriptor<Any>
  | AggregatingStateDescriptor<Any, Any, Any>

export type StateKind = StateDescriptor['kind']

/** The keyed state that an operator declares, by name. The names identify it in checkpoints and savepoints. */
export type StateSpec = Readonly<Record<string, StateDescriptor>>

/** What a function works with: the handles of the states it declared. */
export type StateHandles<S extends StateSpec> = {
  readonly [Name in keyof S]: S[Name] extends Described<infer Handle> ? Handle : never
}

/**
 * Declares one value per key. `default` is what `value()` gives where nothing is set; it is never stored, and an object
 * is copied each time.
 */
export function valueState<T>(
  options: StateOptions & { readonly default: T },
): ValueStateDescriptor<T, DefaultedValueState<T>>
export function valueState<T>(options?: StateOptions): ValueStateDescriptor<T>
export function valueState<T>(
  options: StateOptions & { readonly default?: T } = {},
): ValueStateDescriptor<T, Any> {
  return { kind: 'value', ttl: options.ttl, defaultValue: options.default }
}

/** Declares a list per key. A long one is spread over several rows: adding to it does not rewrite it. */
export function listState<T>(options: StateOptions = {}): ListStateDescriptor<T> {
  return { kind: 'list', ttl: options.ttl }
}

/** Declares a map per key. A large one is spread over several rows: a change of one entry rewrites a small part. */
export function mapState<K extends MapKey, V>(options: StateOptions = {}): MapStateDescriptor<K, V> {
  return { kind: 'map', ttl: options.ttl }
}

/** Declares the reduction of what is added per key. `reduce` must not change what it is given. */
export function reducingState<T>(
  reduce: (a: T, b: T) => T,
  options: StateOptions = {},
): ReducingStateDescriptor<T> {
  return { kind: 'reducing', ttl: options.ttl, reduce }
}

/** Declares an accumulator per key. */
export function aggregatingState<I, A, O>(
  aggregate: AggregateFunction<I, A, O>,
  options: StateOptions = {},
): AggregatingStateDescriptor<I, A, O> {
  return { kind: 'aggregating', ttl: options.ttl, aggregate }
}

// ---- Operator state: belongs to a subtask, not to a key ----

/**
 * Operator state as a list of items, which a restore at another parallelism hands out anew: `split` deals them
 * round-robin, `union` gives every subtask all of them.
 */
export interface OperatorListStateDescriptor<T> {
  readonly kind: 'operator-list'
  readonly redistribution: 'split' | 'union'
  readonly __handle?: ListState<T>
}

export type OperatorStateSpec = Readonly<Record<string, OperatorListStateDescriptor<Any>>>

export type OperatorStateHandles<S extends OperatorStateSpec> = {
  readonly [Name in keyof S]: S[Name] extends OperatorListStateDescriptor<infer T> ? ListState<T> : never
}

/** Declares a list of operator state; see {@link OperatorListStateDescriptor}. Default: `split`. */
export function operatorListState<T>(
  options: { readonly redistribution?: 'split' | 'union' } = {},
): OperatorListStateDescriptor<T> {
  return { kind: 'operator-list', redistribution: options.redistribution ?? 'split' }
}
