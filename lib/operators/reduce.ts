import { valueState, type StateSpec, type ValueState } from '../stream/state.ts'
import { KeyedOperator } from './keyed-operator.ts'
import type { OperatorContext } from './operator.ts'

export const REDUCE_STATE: StateSpec = { reduced: valueState<unknown>() }

/** Emits, for each record, the reduction of all records of its key so far. The rolling aggregates are reductions. */
export class ReduceOperator extends KeyedOperator {
  private readonly reduce: (a: unknown, b: unknown) => unknown
  private readonly reduced: ValueState<unknown>

  constructor(context: OperatorContext, reduce: (a: unknown, b: unknown) => unknown) {
    super(context)
    this.reduce = reduce
    this.reduced = this.backend.handles['reduced'] as ValueState<unknown>
  }

  protected keyed(value: unknown, timestampMs: number): void {
    const previous = this.reduced.value()
    const next = previous === undefined ? value : this.synchronous(this.reduce(previous, value))
    this.reduced.update(next)
    this.emit(next, timestampMs)
  }
}
