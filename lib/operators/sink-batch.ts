import type { SinkContext } from '../stream/sink.ts'
import { AbstractOperator } from './abstract-operator.ts'

/** Gathers the records of a batch, to hand them over together. */
export abstract class BatchingSinkOperator extends AbstractOperator {
  private values: unknown[] = []
  private timestamps: number[] = []

  protected abstract write(values: readonly unknown[], timestamps: readonly number[]): void | Promise<void>

  record(value: unknown, timestampMs: number): void {
    this.metrics.numRecordsIn++
    this.values.push(value)
    this.timestamps.push(timestampMs)
  }

  override watermark(timestampMs: number): void {
    this.metrics.currentWatermark = timestampMs
  }

  override status(_idle: boolean): void {}

  override endBatch(): void | Promise<void> {
    const { values, timestamps } = this
    if (values.length === 0) return
    this.values = []
    this.timestamps = []
    this.metrics.numRecordsOut += values.length
    return this.attempt(() => this.write(values, timestamps))
  }

  /** Runs a call of the sink's; what it throws becomes this operator's fault. */
  protected attempt(call: () => void | Promise<void>): void | Promise<void> {
    try {
      const done = call()
      if (!(done instanceof Promise)) return
      return done.catch((cause: unknown) => {
        throw this.fault(cause, Number.NEGATIVE_INFINITY)
      })
    } catch (cause) {
      throw this.fault(cause, Number.NEGATIVE_INFINITY)
    }
  }

  protected sinkContext(): SinkContext {
    const { context } = this
    return { ...this.runtimeContext(), runId: context.runId, now: () => context.now() }
  }
}
