import type { RichFilterFunction, RichFlatMapFunction, RichMapFunction } from '../stream/functions.ts'
import { KeyedOperator } from './keyed-operator.ts'
import type { OperatorContext } from './operator.ts'

// The types of the user's function were checked where the stream was built.
/* eslint-disable @typescript-eslint/no-explicit-any */
type MapFunction = RichMapFunction<any, unknown, unknown, any>
type FlatMapFunction = RichFlatMapFunction<any, unknown, unknown, any>
type FilterFunction = RichFilterFunction<any, unknown, any>

abstract class RichOperator<F extends MapFunction | FlatMapFunction | FilterFunction> extends KeyedOperator {
  protected readonly fn: F
  protected readonly ctx: any

  constructor(context: OperatorContext, fn: F) {
    super(context)
    this.fn = fn
    this.ctx = this.user
  }

  override open(): void | Promise<void> {
    return this.fn.open?.(this.runtimeContext())
  }

  override close(): void | Promise<void> {
    return this.fn.close?.()
  }
}

/** `map` with keyed state. */
export class KeyedMapOperator extends RichOperator<MapFunction> {
  protected keyed(value: unknown, timestampMs: number): void {
    this.emit(this.synchronous(this.fn.map(value, this.ctx)), timestampMs)
  }
}

/** `flatMap` with keyed state. */
export class KeyedFlatMapOperator extends RichOperator<FlatMapFunction> {
  protected keyed(value: unknown, timestampMs: number): void {
    const results = this.synchronous(this.fn.flatMap(value, this.ctx))
    for (const result of results) this.emit(result, timestampMs)
  }
}

/** `filter` with keyed state. */
export class KeyedFilterOperator extends RichOperator<FilterFunction> {
  protected keyed(value: unknown, timestampMs: number): void {
    if (this.synchronous(this.fn.filter(value, this.ctx))) this.emit(value, timestampMs)
  }
}
