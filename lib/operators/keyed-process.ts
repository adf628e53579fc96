import type { KeyedContext, KeyedProcessFunction, OnTimerContext } from '../stream/functions.ts'
import { KeyedOperator } from './keyed-operator.ts'
import type { OperatorContext } from './operator.ts'

// The types of the user's function were checked where the stream was built.
/* eslint-disable @typescript-eslint/no-explicit-any */
type UserFunction = KeyedProcessFunction<any, unknown, unknown, any>

/** A process function on a keyed stream: state and timers per key. */
export class KeyedProcessOperator extends KeyedOperator {
  private readonly fn: UserFunction
  private readonly ctx: OnTimerContext<any, unknown, any>

  constructor(context: OperatorContext, fn: UserFunction) {
    super(context)
    this.fn = fn
    this.ctx = this.user as any
  }

  override open(): void | Promise<void> {
    return this.fn.open?.(this.runtimeContext())
  }

  protected keyed(value: unknown): void {
    this.synchronous<unknown>(this.fn.processElement(value, this.ctx as KeyedContext<any, unknown, any>))
  }

  protected override onTimer(timestampMs: number): void {
    this.synchronous<unknown>(this.fn.onTimer?.(timestampMs, this.ctx))
  }

  override close(): void | Promise<void> {
    return this.fn.close?.()
  }
}
