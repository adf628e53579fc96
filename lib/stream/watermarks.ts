import { durationMs, type Duration } from '../model/durations.ts'

/** Makes watermarks from the timestamps it sees. One a subtask; its state is part of the checkpoint. */
export interface WatermarkGenerator {
  /** A record with this event time passed. */
  onEvent(timestampMs: number): void
  /** The watermark as of now, or undefined to emit none. It never goes back: a lower one is ignored. */
  currentWatermark(): number | undefined
  /** All it has to remember, as one number. */
  snapshot(): number
  /** What `snapshot` gave; at another parallelism, the least of what all subtasks gave. */
  restore(state: number): void
}

/** How event time advances on a stream. */
export interface WatermarkStrategy {
  createGenerator(): WatermarkGenerator
  /** A source without records for this long counts as idle and does not hold watermarks back. Default: never. */
  readonly idlenessMs: number | undefined
}

export interface WatermarkOptions {
  readonly idleness?: Duration
}

/**
 * Records may come out of order by up to `maxOutOfOrderness`: the watermark is the greatest timestamp seen less
 * that, less 1 ms (Flink's BoundedOutOfOrdernessWatermarks).
 */
export function boundedOutOfOrderness(
  maxOutOfOrderness: Duration,
  options: WatermarkOptions = {},
): WatermarkStrategy {
  const boundMs = durationMs(maxOutOfOrderness, 'boundedOutOfOrderness')
  return strategy(() => new MaxTimestampGenerator(boundMs), options)
}

/** Timestamps only ever rise within a subtask's input. */
export function monotonousTimestamps(options: WatermarkOptions = {}): WatermarkStrategy {
  return strategy(() => new MaxTimestampGenerator(0), options)
}

/** Watermarks by a generator of your own. */
export function customWatermarks(
  createGenerator: () => WatermarkGenerator,
  options: WatermarkOptions = {},
): WatermarkStrategy {
  return strategy(createGenerator, options)
}

function strategy(createGenerator: () => WatermarkGenerator, options: WatermarkOptions): WatermarkStrategy {
  const idlenessMs = options.idleness === undefined ? undefined : durationMs(options.idleness, 'idleness')
  return { createGenerator, idlenessMs }
}

class MaxTimestampGenerator implements WatermarkGenerator {
  private maxTimestampMs = Number.NEGATIVE_INFINITY
  private readonly boundMs: number

  constructor(boundMs: number) {
    this.boundMs = boundMs
  }

  onEvent(timestampMs: number): void {
    if (timestampMs > this.maxTimestampMs) this.maxTimestampMs = timestampMs
  }

  currentWatermark(): number | undefined {
    return this.maxTimestampMs === Number.NEGATIVE_INFINITY
      ? undefined
      : this.maxTimestampMs - this.boundMs - 1
  }

  snapshot(): number {
    return this.maxTimestampMs
  }

  restore(state: number): void {
    this.maxTimestampMs = state
  }
}
