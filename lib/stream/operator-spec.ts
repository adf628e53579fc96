import type { Key } from '../model/keys.ts'
import type {
  KeyedProcessFunction,
  PerSubtask,
  ProcessFunction,
  RichFilterFunction,
  RichFlatMapFunction,
  RichMapFunction,
  WindowFunction,
} from './functions.ts'
import type { OperatorOptions } from './operator-options.ts'
import type { Sink } from './sink.ts'
import type { Source } from './source.ts'
import type { AggregateFunction } from './state.ts'
import type { WatermarkStrategy } from './watermarks.ts'
import type { WindowAssigner } from './windows.ts'

// The compiler has checked the user's types where the stream was built; from here on records are of unknown type.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Any = any

export type KeySelector = (value: Any) => Key

/** What an operator does: the user's functions and their settings. One member for each file of lib/operators. */
export type OperatorSpec =
  | { readonly type: 'source'; readonly source: Source<Any> }
  | {
      readonly type: 'timestamps'
      readonly timestampOf: (value: Any) => number
      readonly strategy: WatermarkStrategy
    }
  | { readonly type: 'map'; readonly fn: (value: Any) => unknown }
  | { readonly type: 'flat-map'; readonly fn: (value: Any) => Iterable<unknown> }
  | { readonly type: 'filter'; readonly fn: (value: Any) => boolean }
  | { readonly type: 'process'; readonly fn: PerSubtask<ProcessFunction<Any, Any, Any>> }
  | { readonly type: 'keyed-process'; readonly fn: KeyedProcessFunction<Any, Any, Any, Any> }
  | { readonly type: 'keyed-map'; readonly fn: RichMapFunction<Any, Any, Any, Any> }
  | { readonly type: 'keyed-flat-map'; readonly fn: RichFlatMapFunction<Any, Any, Any, Any> }
  | { readonly type: 'keyed-filter'; readonly fn: RichFilterFunction<Any, Any, Any> }
  | {
      readonly type: 'flat-map-with-state'
      readonly fn: (value: Any, state: Any) => readonly [Iterable<unknown>, unknown]
    }
  | { readonly type: 'reduce'; readonly reduce: (a: Any, b: Any) => unknown }
  | {
      readonly type: 'window'
      readonly assigner: WindowAssigner
      readonly allowedLatenessMs: number
      /** Takes the records that came too late for their window; without it they are counted and dropped. */
      readonly lateTagId: string | undefined
      readonly contents: WindowContents
      /** Makes the output of what the window holds; absent: emits it as it is. */
      readonly fn: WindowFunction<Any, Any, Any> | undefined
    }
  | { readonly type: 'sink'; readonly sink: Sink<Any> }

/** What a window keeps: one accumulator, or every element where only a full window function will do. */
export type WindowContents =
  | { readonly type: 'reduce'; readonly reduce: (a: Any, b: Any) => unknown }
  | { readonly type: 'aggregate'; readonly aggregate: AggregateFunction<Any, Any, Any> }
  | { readonly type: 'elements' }

export type OperatorType = OperatorSpec['type']

export type Partitioning = 'forward' | 'hash' | 'rebalance' | 'broadcast'

/** From the output of one node into another. */
export interface StreamEdge {
  readonly from: StreamNode
  /** The side output it takes; undefined for the main output. */
  readonly tagId: string | undefined
  /** `default`: forward where both ends have the same parallelism, rebalance otherwise. */
  readonly partitioning: Partitioning | 'default'
  /** Which input of the node; 0 but for operators with two inputs. */
  readonly inputIndex: number
}

/** One operator of the logical graph. */
export interface StreamNode {
  /** Counts up from 0 in the order of building. */
  readonly id: number
  /** Given by the user, or undefined: then derived from its place in the graph. */
  readonly uid: string | undefined
  readonly name: string
  readonly spec: OperatorSpec
  readonly inputs: readonly StreamEdge[]
  /** Of the stream it reads, where that is keyed. */
  readonly keySelector: KeySelector | undefined
  readonly parallelism: number | undefined
  readonly maxParallelism: number | undefined
  /** `always`: chain where possible. `head`: starts a chain. `never`: is a chain of its own. */
  readonly chaining: 'always' | 'head' | 'never'
  /** Undefined: asks for no function of its own. */
  readonly resources: OperatorOptions['resources']
}

/** Everything a program built, in the order of building. */
export interface StreamGraph {
  readonly nodes: readonly StreamNode[]
}
