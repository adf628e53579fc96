import { setImmediate as macrotask } from 'node:timers/promises'

/** Who is billed for processor time: it adds up in `cpuMs`. */
export interface Metered {
  cpuMs: number
}

/**
 * Deals processor time to those who were awake. Everything here runs in one thread, and waits for nothing but the virtual
 * clock: what was woken runs until it waits again.
 */
export class ProcessorMeter {
  readonly #awake = new Set<Metered>()
  #last = process.cpuUsage()

  wake(one: Metered): void {
    this.#awake.add(one)
  }

  /**
   * Resolves when all that is awake waits again. All processor time of this process since the last call is dealt, that of
   * queues, table and collections of garbage included; where nobody was awake, it is nobody's.
   */
  async settle(): Promise<void> {
    await macrotask()
    const { user, system } = process.cpuUsage(this.#last)
    this.#last = process.cpuUsage()
    const share = (user + system) / 1000 / this.#awake.size
    for (const one of this.#awake) one.cpuMs += share
    this.#awake.clear()
  }
}
