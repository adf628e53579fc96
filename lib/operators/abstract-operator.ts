import { MIN_WATERMARK, NO_TIMESTAMP } from '../model/elements.ts'
import { OperatorFault, UserError, type FaultyRecord } from '../model/faults.ts'
import type { RuntimeContext } from '../stream/functions.ts'
import type { Operator, OperatorContext, OperatorMetrics, Receiver } from './operator.ts'

/** What every operator does the same way; each file beside this one says what its operator does differently. */
export abstract class AbstractOperator implements Operator {
  readonly metrics: OperatorMetrics = {
    numRecordsIn: 0,
    numRecordsOut: 0,
    numLateRecordsDropped: 0,
    numDeadLetters: 0,
    currentWatermark: MIN_WATERMARK,
  }
  protected readonly context: OperatorContext
  private readonly next: Receiver

  constructor(context: OperatorContext) {
    this.context = context
    this.next = context.output
  }

  abstract record(value: unknown, timestampMs: number): void

  watermark(timestampMs: number): void {
    this.metrics.currentWatermark = timestampMs
    this.next.watermark(timestampMs)
  }

  status(idle: boolean): void {
    this.next.status(idle)
  }

  open(): void | Promise<void> {}
  endBatch(): void | Promise<void> {}
  endTurn(): void | Promise<void> {}
  get wantsTurn(): boolean {
    return false
  }
  get recordsWanted(): number {
    return Number.POSITIVE_INFINITY
  }
  onProcessingTime(_nowMs: number): void {}
  nextProcessingTime(): number | undefined {
    return undefined
  }
  prepareBarrier(_checkpointId: number): void | Promise<void> {}
  snapshot(_checkpointId: number): void {}
  checkpointComplete(_checkpointId: number): void | Promise<void> {}
  checkpointAborted(_checkpointId: number): void | Promise<void> {}
  endOfInput(): void | Promise<void> {}
  close(): void | Promise<void> {}

  restoreWatermark(timestampMs: number): void {
    this.metrics.currentWatermark = timestampMs
  }

  /** Passes a record on. */
  emit(value: unknown, timestampMs: number): void {
    this.metrics.numRecordsOut++
    this.next.record(value, timestampMs)
  }

  /** Passes a record to a side output; drops it if no stream takes that output. */
  emitSide(tagId: string, value: unknown, timestampMs: number): void {
    this.context.sideOutput(tagId)?.record(value, timestampMs)
  }

  /** What to throw when a user function threw `cause`. A fault from further down the chain passes unchanged. */
  protected fault(cause: unknown, timestampMs: number, key?: string, record?: FaultyRecord): OperatorFault {
    if (cause instanceof OperatorFault) return cause
    const { uid, name, subtaskIndex } = this.context
    return new OperatorFault(
      {
        operatorUid: uid,
        operatorName: name,
        subtaskIndex,
        key,
        timestampMs: timestampMs === NO_TIMESTAMP ? undefined : timestampMs,
      },
      cause,
      'fatal',
      record,
    )
  }

  /** As {@link fault}, where it was the record `value` that the function was called for. */
  protected faultAt(value: unknown, timestampMs: number, cause: unknown, key?: string): OperatorFault {
    return this.fault(cause, timestampMs, key, { stage: 'operator', value, timestampMs })
  }

  /**
   * Refuses what an `async` function returns: what it does after an `await` would belong to no batch and no barrier,
   * and be counted twice or not at all after a restart.
   */
  protected synchronous<T>(result: T): T {
    if (result instanceof Promise) {
      // Its failure, if it comes to one, is not the message that helps.
      result.catch(() => {})
      throw new UserError(
        `Operator '${this.context.uid}': expected a function that returns its result, got one that returns a promise. ` +
          'User functions are synchronous: make it not async, and do input and output in a source or a sink',
      )
    }
    return result
  }

  protected runtimeContext(): RuntimeContext {
    const { jobName, uid, subtaskIndex, parallelism, attempt } = this.context
    return { jobName, operatorUid: uid, subtaskIndex, parallelism, attempt }
  }
}
