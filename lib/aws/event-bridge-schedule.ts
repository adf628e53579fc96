import type { SafetySchedule } from '../ports/wake-ups.ts'
import type { Retrying } from './retry.ts'
import type { EventBridgeRequests } from './services.ts'

/** The minute's tick as a rule of EventBridge, which was made with the job's other resources. */
export class EventBridgeSchedule implements SafetySchedule {
  readonly #events: EventBridgeRequests
  readonly #retrying: Retrying
  readonly #ruleOf: () => string

  /** @param rule its name, on the default bus; asked when it is used; may throw. */
  constructor(events: EventBridgeRequests, retrying: Retrying, rule: () => string) {
    this.#events = events
    this.#retrying = retrying
    this.#ruleOf = rule
  }

  async enable(): Promise<void> {
    await this.#retrying.run(this.#request('EnableRule'), () => this.#events.enableRule({ Name: this.#rule }))
  }

  async disable(): Promise<void> {
    await this.#retrying.run(this.#request('DisableRule'), () =>
      this.#events.disableRule({ Name: this.#rule }),
    )
  }

  get #rule(): string {
    return this.#ruleOf()
  }

  #request(operation: string): { readonly action: string; readonly resource: string } {
    return { action: `events:${operation}`, resource: `rule ${JSON.stringify(this.#rule)}` }
  }
}
