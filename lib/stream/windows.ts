import { durationMs, type Duration } from '../model/durations.ts'
import { UserError } from '../model/faults.ts'
import type { TimeWindow } from './functions.ts'

/** Puts each record into windows by its timestamp. */
export interface WindowAssigner {
  readonly kind: 'tumbling-event-time'
  readonly sizeMs: number
  readonly offsetMs: number
}

/**
 * Windows of one size that do not overlap, by event time. A window holds `start <= timestamp < end`, and fires
 * when the watermark reaches `end - 1`. `offset` shifts the window boundaries from the epoch.
 */
export function tumblingEventTimeWindows(
  size: Duration,
  options: { readonly offset?: Duration } = {},
): WindowAssigner {
  const sizeMs = durationMs(size, 'window size')
  const offsetMs = durationMs(options.offset ?? 0, 'window offset')
  if (sizeMs < 1) throw new UserError(`window size: expected at least 1 ms, got ${JSON.stringify(size)}`)
  if (offsetMs >= sizeMs)
    throw new UserError(`window offset: expected less than the size (${sizeMs} ms), got ${offsetMs} ms`)
  return { kind: 'tumbling-event-time', sizeMs, offsetMs }
}

/** The start of the window that holds `timestampMs` (Flink's TimeWindow.getWindowStartWithOffset). */
export function windowStart(assigner: WindowAssigner, timestampMs: number): number {
  const { sizeMs, offsetMs } = assigner
  const remainder = (timestampMs - offsetMs) % sizeMs
  return timestampMs - (remainder < 0 ? remainder + sizeMs : remainder)
}

export function windowAt(assigner: WindowAssigner, start: number): TimeWindow {
  return { start, end: start + assigner.sizeMs }
}
