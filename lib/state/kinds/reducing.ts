import type { ReducingState, ValueState } from '../../stream/state.ts'

/**
 * The reduction of everything added, held in a value state. As in Flink, an expired value counts as absent, unless
 * TTL says to return what is not cleaned up yet: then it is reduced with.
 */
export class Reducing<T> implements ReducingState<T> {
  readonly #state: ValueState<T>
  readonly #reduce: (a: T, b: T) => T

  constructor(state: ValueState<T>, reduce: (a: T, b: T) => T) {
    this.#state = state
    this.#reduce = reduce
  }

  get(): T | undefined {
    return this.#state.value()
  }

  add(value: T): void {
    const current = this.#state.value()
    this.#state.update(current === undefined ? value : this.#reduce(current, value))
  }

  clear(): void {
    this.#state.clear()
  }
}
