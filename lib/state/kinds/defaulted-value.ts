import type { DefaultedValueState, ValueState } from '../../stream/state.ts'

/**
 * A value state with a default, which is never stored. An object as the default is handed out as a copy each time:
 * what one key does to it must not show under another.
 */
export class DefaultedValue<T> implements DefaultedValueState<T> {
  readonly #state: ValueState<T>
  readonly #default: T
  readonly #copies: boolean

  constructor(state: ValueState<T>, defaultValue: T) {
    this.#state = state
    this.#default = defaultValue
    this.#copies = typeof defaultValue === 'object' && defaultValue !== null
  }

  value(): T {
    const value = this.#state.value()
    if (value !== undefined) return value
    return this.#copies ? structuredClone(this.#default) : this.#default
  }

  update(value: T): void {
    this.#state.update(value)
  }

  clear(): void {
    this.#state.clear()
  }
}
