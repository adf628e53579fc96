import { NO_TIMESTAMP } from '../model/elements.ts'
import { assert } from '../model/faults.ts'
import { LIMITS } from '../model/limits.ts'
import type { Key } from '../model/keys.ts'
import type { KeyedStateBackend } from '../state/keyed-backend.ts'
import { AbstractOperator } from './abstract-operator.ts'
import type { OperatorContext } from './operator.ts'
import { KeyedUserContext } from './user-context.ts'

/** Sets the key of each record before its function sees it, and fires the timers of keys. */
export abstract class KeyedOperator extends AbstractOperator {
  protected readonly backend: KeyedStateBackend
  protected readonly user: KeyedUserContext
  private readonly keySelector: (value: unknown) => Key

  constructor(context: OperatorContext) {
    super(context)
    assert(context.keyedState !== undefined && context.keySelector !== undefined, `${context.uid} is keyed`)
    this.backend = context.keyedState
    this.keySelector = context.keySelector
    this.user = new KeyedUserContext(this, context, context.keyedState)
  }

  /** The current key is that of `value`. */
  protected abstract keyed(value: unknown, timestampMs: number): void

  /** A timer of the current key is due. Operators without timers leave it. */
  protected onTimer(_timestampMs: number): void {}

  record(value: unknown, timestampMs: number): void {
    this.metrics.numRecordsIn++
    let keyKnown = false
    try {
      this.backend.setCurrentKey(this.keySelector(value))
      keyKnown = true
      this.user.timestampMs = timestampMs
      this.keyed(value, timestampMs)
    } catch (cause) {
      throw this.faultAt(value, timestampMs, cause, keyKnown ? this.currentKeyText() : undefined)
    }
  }

  /** Event-time timers fire before the watermark passes on, in order of their time. */
  override watermark(timestampMs: number): void {
    this.fireSome(timestampMs, Number.POSITIVE_INFINITY)
    this.passWatermark(timestampMs)
  }

  /** Fires at most `atMost` of the event-time timers that are due at this watermark; true: no more is due. */
  fireSome(watermarkMs: number, atMost: number): boolean {
    this.metrics.currentWatermark = watermarkMs
    this.fireTimers('event', watermarkMs, atMost)
    const nextMs = this.backend.nextTimer('event')
    return nextMs === undefined || nextMs > watermarkMs
  }

  /** The watermark goes on, once all timers that are due have fired. */
  passWatermark(watermarkMs: number): void {
    super.watermark(watermarkMs)
  }

  override onProcessingTime(nowMs: number): void {
    // The rest has its turn in the next batch: timers that register timers must not keep all else waiting.
    this.fireTimers('processing', nowMs, LIMITS.processingTimersPerBatch)
  }

  override nextProcessingTime(): number | undefined {
    return this.backend.nextTimer('processing')
  }

  private fireTimers(domain: 'event' | 'processing', upToMs: number, atMost = Infinity): void {
    for (let fired = 0; fired < atMost; fired++) {
      const dueMs = this.backend.popDueTimer(domain, upToMs)
      if (dueMs === undefined) return
      // A processing time is no event time: what such a timer emits has none, as in Flink.
      this.user.timestampMs = domain === 'event' ? dueMs : NO_TIMESTAMP
      this.user.timeDomain = domain
      try {
        this.onTimer(dueMs)
      } catch (cause) {
        throw this.fault(cause, dueMs, this.currentKeyText())
      }
    }
  }

  private currentKeyText(): string {
    const key = this.backend.currentKey
    return typeof key === 'string'
      ? key
      : JSON.stringify(key, (_, part: unknown) => (typeof part === 'bigint' ? `${part}n` : part))
  }
}
