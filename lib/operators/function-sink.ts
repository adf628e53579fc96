import { NO_TIMESTAMP } from '../model/elements.ts'
import type { SinkFunction } from '../stream/sink.ts'
import { AbstractOperator } from './abstract-operator.ts'
import { CheckpointedHooks } from './checkpointed.ts'
import type { OperatorContext } from './operator.ts'
import { UserContext } from './user-context.ts'

// eslint-disable-next-line @typescript-eslint/no-explicit-any
type UserFunction = SinkFunction<unknown, any>

/** A sink function of the user's, called for each record. */
export class FunctionSinkOperator extends AbstractOperator {
  private readonly fn: UserFunction
  private readonly hooks: CheckpointedHooks
  private readonly user: UserContext

  constructor(context: OperatorContext, fn: UserFunction) {
    super(context)
    this.fn = fn
    this.hooks = new CheckpointedHooks(fn)
    this.user = new UserContext(this, context)
  }

  override open(): void | Promise<void> {
    this.hooks.initialize(this.context)
    return this.fn.open?.(this.runtimeContext())
  }

  record(value: unknown, timestampMs: number): void {
    this.metrics.numRecordsIn++
    this.user.timestampMs = timestampMs
    try {
      this.synchronous<unknown>(this.fn.invoke(value, this.user))
    } catch (cause) {
      throw this.faultAt(value, timestampMs, cause)
    }
    this.metrics.numRecordsOut++
  }

  override watermark(timestampMs: number): void {
    this.metrics.currentWatermark = timestampMs
  }

  override status(_idle: boolean): void {}

  override endOfInput(): void {
    this.user.timestampMs = NO_TIMESTAMP
    try {
      this.synchronous<unknown>(this.fn.finish?.(this.user))
    } catch (cause) {
      throw this.fault(cause, NO_TIMESTAMP)
    }
  }

  override snapshot(checkpointId: number): void {
    this.hooks.snapshot(checkpointId)
  }

  override close(): void | Promise<void> {
    return this.fn.close?.()
  }
}
