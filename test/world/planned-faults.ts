import { LostAnswer, Repeated, Throttled } from './faults.ts'
import type { EntryFate, Faults, Operation } from './faults.ts'

interface Plan {
  readonly request: string
  readonly fault:
    | 'throttle'
    | 'lose-answer'
    | 'repeat'
    | { readonly entries: readonly number[]; readonly fate: EntryFate }
}

/** Faults that were ordered, each for the next request of its kind and once. Requests are named as `turn-log.append`. */
export class PlannedFaults implements Faults {
  #plans: Plan[] = []
  /** Of the request that is between `before` and `after`. */
  readonly #underWay = new Map<Operation, Plan>()

  /** Nothing happens. */
  throttle(request: string): void {
    this.#plans.push({ request, fault: 'throttle' })
  }

  /** It happens, and nobody is told. */
  loseAnswer(request: string): void {
    this.#plans.push({ request, fault: 'lose-answer' })
  }

  /** It happens twice, and the second answer is told. */
  repeat(request: string): void {
    this.#plans.push({ request, fault: 'repeat' })
  }

  /** Of a batch, by index. */
  entries(request: string, entries: readonly number[], fate: EntryFate): void {
    this.#plans.push({ request, fault: { entries, fate } })
  }

  before(operation: Operation): Promise<void> {
    const plan = this.#plans.find(({ request }) => request === `${operation.port}.${operation.name}`)
    if (plan === undefined) return Promise.resolve()
    this.#plans = this.#plans.filter((other) => other !== plan)
    if (plan.fault === 'throttle') return Promise.reject(new Throttled(operation))
    this.#underWay.set(operation, plan)
    return Promise.resolve()
  }

  after(operation: Operation): Promise<void> {
    const plan = this.#underWay.get(operation)
    this.#underWay.delete(operation)
    if (plan?.fault === 'lose-answer') return Promise.reject(new LostAnswer(operation))
    if (plan?.fault === 'repeat') return Promise.reject(new Repeated())
    return Promise.resolve()
  }

  entry(operation: Operation, index: number): EntryFate {
    const fault = this.#underWay.get(operation)?.fault
    return typeof fault === 'object' && fault.entries.includes(index) ? fault.fate : 'done'
  }
}
