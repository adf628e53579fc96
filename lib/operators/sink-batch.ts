import { POSITION_BEFORE_ATTEMPT, versionOf } from '../model/versions.ts'
import type { SinkContext } from '../stream/sink.ts'
import { AbstractOperator } from './abstract-operator.ts'

/** What tells one batch from all others. */
export interface BatchStamp {
  /** See {@link SinkContext.batchId}. */
  readonly id: string
  /** See {@link SinkContext.version}. */
  readonly version: string
}

/** Gathers the records of a batch, to hand them over together. */
export abstract class BatchingSinkOperator extends AbstractOperator {
  private values: unknown[] = []
  private timestamps: number[] = []
  /** The position of the last batch that was stamped, and its part. */
  private position = POSITION_BEFORE_ATTEMPT
  private part = 0
  private stamp: BatchStamp | undefined

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

  /** A stamp for the next batch: greater than all before. */
  protected nextStamp(): BatchStamp {
    const { turns } = this.context
    const position = turns?.position() ?? this.position + 1
    this.part = position === this.position ? this.part + 1 : 0
    this.position = position
    return this.stampOf(position, this.part)
  }

  protected stampOf(position: number, part: number): BatchStamp {
    const { uid, subtaskIndex, attempt } = this.context
    const version = versionOf(attempt, position, part)
    return { version, id: `${this.lineage}/${uid}/${subtaskIndex}/${version}` }
  }

  /** The batch that the sink is about to be given. */
  protected begin(stamp: BatchStamp): void {
    this.stamp = stamp
  }

  protected sinkContext(): SinkContext {
    const { context } = this
    const stamp = (): BatchStamp => this.stamp ?? this.stampOf(POSITION_BEFORE_ATTEMPT, 0)
    return {
      ...this.runtimeContext(),
      runId: context.runId,
      lineage: this.lineage,
      now: () => context.now(),
      version: () => stamp().version,
      batchId: () => stamp().id,
      warn: (message) => context.warn(message),
      outside: context.outside,
      jobObjects: context.jobObjects,
    }
  }

  private get lineage(): string {
    const { turns, runId } = this.context
    return turns?.lineage ?? runId
  }
}
