import { NO_TIMESTAMP } from '../model/elements.ts'
import type { OperatorSpec, WindowContents } from '../stream/operator-spec.ts'
import { mapState, type MapState, type StateSpec } from '../stream/state.ts'
import { windowAt, windowStart } from '../stream/windows.ts'
import { KeyedOperator } from './keyed-operator.ts'
import type { OperatorContext } from './operator.ts'

type WindowSpec = Extract<OperatorSpec, { type: 'window' }>

/** Of each key: what its open windows hold, by the start of the window. */
export const WINDOW_STATE: StateSpec = { windows: mapState<number, unknown>() }

/**
 * Event-time windows. A window fires when the watermark reaches its last millisecond, and again for each record that
 * comes after that within the allowed lateness; then it is forgotten. One timer a key and window stands for its
 * firing, one more for its end where lateness is allowed.
 */
export class WindowOperator extends KeyedOperator {
  private readonly spec: WindowSpec
  private readonly windows: MapState<number, unknown>

  constructor(context: OperatorContext, spec: WindowSpec) {
    super(context)
    this.spec = spec
    this.windows = this.backend.handles['windows'] as MapState<number, unknown>
  }

  protected keyed(value: unknown, timestampMs: number): void {
    if (timestampMs === NO_TIMESTAMP) {
      throw new Error(
        'Expected records of an event-time window to have a timestamp, got none: add .withTimestamps(…) before .keyBy(…)',
      )
    }
    const { assigner, allowedLatenessMs, contents } = this.spec
    const start = windowStart(assigner, timestampMs)
    const lastMs = start + assigner.sizeMs - 1
    const watermarkMs = this.metrics.currentWatermark
    if (lastMs + allowedLatenessMs <= watermarkMs) return this.late(value, timestampMs)

    const held = this.windows.get(start)
    const next = added(contents, held, value)
    this.windows.put(start, next)
    if (lastMs <= watermarkMs) this.fire(start, next)
    else if (held === undefined) this.backend.registerTimer('event', lastMs)
    if (allowedLatenessMs > 0 && held === undefined)
      this.backend.registerTimer('event', lastMs + allowedLatenessMs)
  }

  /** One timer can be the firing of one window and the end of an earlier one. */
  protected override onTimer(timestampMs: number): void {
    const { assigner, allowedLatenessMs } = this.spec
    const start = timestampMs + 1 - assigner.sizeMs
    const held = this.windows.get(start)
    if (held !== undefined) this.fire(start, held)
    this.windows.remove(start - allowedLatenessMs)
  }

  private fire(start: number, held: unknown): void {
    const { assigner, contents, fn } = this.spec
    const window = windowAt(assigner, start)
    const result = resultOf(contents, held)
    this.user.timestampMs = window.end - 1
    this.emit(fn === undefined ? result : fn(this.user.key, window, result), window.end - 1)
  }

  private late(value: unknown, timestampMs: number): void {
    if (this.spec.lateTagId === undefined) this.metrics.numLateRecordsDropped++
    else this.emitSide(this.spec.lateTagId, value, timestampMs)
  }
}

/** Later records of the window must not show in what was emitted: elements are copied. */
function resultOf(contents: WindowContents, held: unknown): unknown {
  switch (contents.type) {
    case 'reduce':
      return held
    case 'aggregate':
      return contents.aggregate.getResult(held)
    case 'elements':
      return [...(held as readonly unknown[])]
  }
}

function added(contents: WindowContents, held: unknown, value: unknown): unknown {
  switch (contents.type) {
    case 'reduce':
      return held === undefined ? value : contents.reduce(held, value)
    case 'aggregate':
      return contents.aggregate.add(value, held ?? contents.aggregate.createAccumulator())
    case 'elements': {
      const elements = (held ?? []) as unknown[]
      elements.push(value)
      return elements
    }
  }
}
