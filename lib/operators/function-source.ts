import type { ReadStatus, SourceFunction, SourceFunctionContext } from '../stream/source.ts'
import { CheckpointedHooks } from './checkpointed.ts'
import type { OperatorContext } from './operator.ts'
import { SourceOperator } from './source.ts'

// eslint-disable-next-line @typescript-eslint/no-explicit-any
type UserFunction = SourceFunction<unknown, any>

/** A source function of the user's; its position is whatever it keeps in operator state. */
export class FunctionSourceOperator extends SourceOperator {
  private readonly fn: UserFunction
  private readonly hooks: CheckpointedHooks
  private readonly user: SourceFunctionContext<unknown>

  constructor(context: OperatorContext, fn: UserFunction) {
    super(context)
    this.fn = fn
    this.hooks = new CheckpointedHooks(fn)
    this.user = {
      collect: (value, timestampMs) => this.collect(value, timestampMs),
      now: () => context.now(),
      wakeUp: () => context.wakeUp(),
      subtaskIndex: context.subtaskIndex,
      parallelism: context.parallelism,
    }
  }

  override open(): void | Promise<void> {
    this.hooks.initialize(this.context)
    return this.fn.open?.(this.runtimeContext())
  }

  readNext(_recordsMax: number): ReadStatus | Promise<ReadStatus> {
    return this.fn.poll(this.user)
  }

  protected position(): string | undefined {
    return undefined
  }

  override snapshot(checkpointId: number): void {
    this.hooks.snapshot(checkpointId)
  }

  override close(): void | Promise<void> {
    return this.fn.close?.()
  }
}
