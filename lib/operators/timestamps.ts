import { MAX_WATERMARK, MIN_WATERMARK } from '../model/elements.ts'
import { operatorListState, type ListState } from '../stream/state.ts'
import type { WatermarkGenerator, WatermarkStrategy } from '../stream/watermarks.ts'
import { AbstractOperator } from './abstract-operator.ts'
import type { OperatorContext } from './operator.ts'

const GENERATORS = operatorListState<GeneratorState>({ redistribution: 'union' })

interface GeneratorState {
  readonly subtaskIndex: number
  readonly parallelism: number
  readonly state: number
  readonly emittedMs: number
  /** For an instance that resumes: what an attempt that begins does not go by. */
  readonly lastRecordAtMs: number
  readonly idle: boolean
  readonly unseen: number
}

/**
 * Gives records their event time and makes watermarks from it, at most once an interval. Watermarks from upstream
 * end here, but for the last. The generator's state is checkpointed, so that a restart does not turn records that
 * were late into records in time.
 */
export class TimestampsOperator extends AbstractOperator {
  private readonly timestampOf: (value: unknown) => number
  private readonly strategy: WatermarkStrategy
  private readonly generator: WatermarkGenerator
  private states!: ListState<GeneratorState>
  private emittedMs = MIN_WATERMARK
  private lastEmissionAtMs = Number.NEGATIVE_INFINITY
  private lastRecordAtMs = Number.NEGATIVE_INFINITY
  private unseen = 0
  private idle = false

  constructor(
    context: OperatorContext,
    timestampOf: (value: unknown) => number,
    strategy: WatermarkStrategy,
  ) {
    super(context)
    this.timestampOf = timestampOf
    this.strategy = strategy
    this.generator = strategy.createGenerator()
  }

  override open(): void {
    this.states = this.context.operatorState.list('millrace.watermarks', GENERATORS)
    const restored = this.states.get()
    const { subtaskIndex, parallelism } = this.context
    const own = restored.filter((one) => one.parallelism === parallelism && one.subtaskIndex === subtaskIndex)
    const relevant = own.length > 0 ? own : restored
    if (relevant.length > 0) {
      this.generator.restore(Math.min(...relevant.map((one) => one.state)))
      this.emittedMs = Math.min(...relevant.map((one) => one.emittedMs))
    }
    if (this.context.isResumed && own.length > 0) {
      const [{ lastRecordAtMs, idle, unseen }] = own as [GeneratorState]
      this.lastRecordAtMs = lastRecordAtMs
      this.idle = idle
      this.unseen = unseen
      return
    }
    this.lastRecordAtMs = this.context.now()
    // Event time goes on from here for all that follow.
    if (this.emittedMs > MIN_WATERMARK) super.watermark(this.emittedMs)
  }

  record(value: unknown, _timestampMs: number): void {
    this.metrics.numRecordsIn++
    let timestampMs: number
    try {
      timestampMs = this.timestampOf(value)
      if (!Number.isFinite(timestampMs)) {
        throw new Error(
          `Expected the timestamp of a record to be epoch milliseconds, got ${String(timestampMs)}`,
        )
      }
      this.generator.onEvent(timestampMs)
    } catch (cause) {
      throw this.faultAt(value, _timestampMs, cause)
    }
    this.unseen++
    this.emit(value, timestampMs)
  }

  override endBatch(): void {
    if (this.unseen === 0) return
    const nowMs = this.context.now()
    this.lastRecordAtMs = nowMs
    if (this.idle) {
      this.idle = false
      super.status(false)
    }
    if (nowMs - this.lastEmissionAtMs >= this.context.autoWatermarkIntervalMs) this.advance(nowMs)
  }

  override nextProcessingTime(): number | undefined {
    if (this.unseen > 0) return this.lastEmissionAtMs + this.context.autoWatermarkIntervalMs
    const { idlenessMs } = this.strategy
    return idlenessMs === undefined || this.idle ? undefined : this.lastRecordAtMs + idlenessMs
  }

  override onProcessingTime(nowMs: number): void {
    if (this.unseen > 0) this.advance(nowMs)
    const { idlenessMs } = this.strategy
    if (idlenessMs !== undefined && !this.idle && nowMs - this.lastRecordAtMs >= idlenessMs) {
      this.idle = true
      super.status(true)
    }
  }

  override watermark(timestampMs: number): void {
    if (timestampMs === MAX_WATERMARK) this.emitWatermark(MAX_WATERMARK)
  }

  override status(_idle: boolean): void {}

  override snapshot(_checkpointId: number): void {
    const { subtaskIndex, parallelism } = this.context
    const { emittedMs, lastRecordAtMs, idle, unseen } = this
    const state = this.generator.snapshot()
    this.states.update([{ subtaskIndex, parallelism, state, emittedMs, lastRecordAtMs, idle, unseen }])
  }

  private advance(nowMs: number): void {
    this.unseen = 0
    this.lastEmissionAtMs = nowMs
    const watermarkMs = this.generator.currentWatermark()
    if (watermarkMs !== undefined) this.emitWatermark(watermarkMs)
  }

  private emitWatermark(watermarkMs: number): void {
    if (watermarkMs <= this.emittedMs) return
    this.emittedMs = watermarkMs
    super.watermark(watermarkMs)
  }
}
