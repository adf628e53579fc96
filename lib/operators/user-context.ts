import { NO_TIMESTAMP } from '../model/elements.ts'
import type { ProcessContext, TimerService } from '../stream/functions.ts'
import type { OutputTag } from '../stream/types.ts'
import type { AbstractOperator } from './abstract-operator.ts'
import type { OperatorContext } from './operator.ts'
import type { KeyedStateBackend } from '../state/keyed-backend.ts'

/**
 * The `ctx` of user functions: one object an operator, set anew for each record. Its methods are bound to it, as users
 * take them out of it: `processElement(value, { state, collect })`.
 */
export class UserContext implements ProcessContext<unknown> {
  /** The operator sets it before it calls the function. */
  timestampMs: number = NO_TIMESTAMP
  private readonly operator: AbstractOperator
  protected readonly context: OperatorContext

  constructor(operator: AbstractOperator, context: OperatorContext) {
    this.operator = operator
    this.context = context
  }

  get timestamp(): number | undefined {
    return this.timestampMs === NO_TIMESTAMP ? undefined : this.timestampMs
  }

  readonly collect = (value: unknown): void => {
    this.operator.emit(value, this.timestampMs)
  }

  readonly output = <T>(tag: OutputTag<T>, value: T): void => {
    this.operator.emitSide(tag.id, value, this.timestampMs)
  }

  readonly currentProcessingTime = (): number => {
    return this.context.now()
  }

  readonly currentWatermark = (): number => {
    return this.operator.metrics.currentWatermark
  }
}

/** The `ctx` of keyed functions. */
export class KeyedUserContext extends UserContext implements TimerService {
  readonly state: Readonly<Record<string, unknown>>
  readonly timers: TimerService = this
  timeDomain: 'event' | 'processing' = 'event'
  private readonly backend: KeyedStateBackend

  constructor(operator: AbstractOperator, context: OperatorContext, backend: KeyedStateBackend) {
    super(operator, context)
    this.backend = backend
    this.state = backend.handles
  }

  get key(): unknown {
    return this.backend.currentKey
  }

  readonly registerEventTimeTimer = (timestampMs: number): void => {
    this.backend.registerTimer('event', checkedTime(timestampMs))
  }

  readonly registerProcessingTimeTimer = (timestampMs: number): void => {
    this.backend.registerTimer('processing', checkedTime(timestampMs))
  }

  readonly deleteEventTimeTimer = (timestampMs: number): void => {
    this.backend.deleteTimer('event', timestampMs)
  }

  readonly deleteProcessingTimeTimer = (timestampMs: number): void => {
    this.backend.deleteTimer('processing', timestampMs)
  }
}

function checkedTime(timestampMs: number): number {
  if (typeof timestampMs === 'number' && !Number.isNaN(timestampMs)) return timestampMs
  throw new Error(`Expected the time of a timer to be epoch milliseconds, got ${String(timestampMs)}`)
}
