import type { AggregateFunction, AggregatingState, ValueState } from '../../stream/state.ts'

/**
 * An accumulator, held in a value state. As in Flink, an expired one counts as absent, unless TTL says to return
 * what is not cleaned up yet: then it is added to.
 */
export class Aggregating<I, A, O> implements AggregatingState<I, O> {
  readonly #state: ValueState<A>
  readonly #aggregate: AggregateFunction<I, A, O>

  constructor(state: ValueState<A>, aggregate: AggregateFunction<I, A, O>) {
    this.#state = state
    this.#aggregate = aggregate
  }

  get(): O | undefined {
    const accumulator = this.#state.value()
    return accumulator === undefined ? undefined : this.#aggregate.getResult(accumulator)
  }

  add(value: I): void {
    const accumulator = this.#state.value() ?? this.#aggregate.createAccumulator()
    this.#state.update(this.#aggregate.add(value, accumulator))
  }

  clear(): void {
    this.#state.clear()
  }
}
