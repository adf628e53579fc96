import { valueState, type StateSpec, type ValueState } from '../stream/state.ts'
import { KeyedOperator } from './keyed-operator.ts'
import type { OperatorContext } from './operator.ts'

export const FLAT_MAP_STATE: StateSpec = { state: valueState<unknown>() }

type UserFunction = (value: unknown, state: unknown) => readonly [Iterable<unknown>, unknown]

/** `(value, state) => [outputs, new state]`; a new state of undefined clears it. */
export class FlatMapWithStateOperator extends KeyedOperator {
  private readonly fn: UserFunction
  private readonly state: ValueState<unknown>

  constructor(context: OperatorContext, fn: UserFunction) {
    super(context)
    this.fn = fn
    this.state = this.backend.handles['state'] as ValueState<unknown>
  }

  protected keyed(value: unknown, timestampMs: number): void {
    const [results, next] = this.fn(value, this.state.value())
    if (next === undefined) this.state.clear()
    else this.state.update(next)
    for (const result of results) this.emit(result, timestampMs)
  }
}
