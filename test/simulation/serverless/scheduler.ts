import { setImmediate as immediate } from 'node:timers/promises'
import TinyQueue from 'tinyqueue'
import { assert } from '../../../lib/model/faults.ts'
import type { Clock, ScheduledCall } from '../../../lib/ports/clock.ts'

const EVENT_LOOP_EVERY = 256

interface Scheduled {
  readonly atMs: number
  /** Order of scheduling: what falls due together happens in it. */
  readonly order: number
  readonly run: () => void
}

/**
 * Virtual time and all that happens in it. Everything that could come in another order on a real machine (the answer of
 * a call, the arrival of a message, a crash) is scheduled here, so that a seed replays its run.
 */
export class Scheduler implements Clock {
  #nowMs: number
  #order = 0
  readonly #queue = new TinyQueue<Scheduled>([], (a, b) => a.atMs - b.atMs || a.order - b.order)

  constructor(startMs: number) {
    this.#nowMs = startMs
  }

  get nowMs(): number {
    return this.#nowMs
  }

  now(): number {
    return this.#nowMs
  }

  schedule(atMs: number, callback: () => void): ScheduledCall {
    let isCancelled = false
    this.at(atMs, () => {
      if (!isCancelled) callback()
    })
    return { cancel: () => (isCancelled = true) }
  }

  /** Things that have happened so far: two runs that came the same way have the same number. */
  get steps(): number {
    return this.#order
  }

  after(delayMs: number, run: () => void): void {
    this.at(this.#nowMs + delayMs, run)
  }

  /** A past time means now. */
  at(atMs: number, run: () => void): void {
    assert(Number.isFinite(atMs), `something happens at a time, not at ${atMs}`)
    this.#queue.push({ atMs: Math.max(this.#nowMs, atMs), order: this.#order++, run })
  }

  /**
   * Lets the next thing happen, and then all code run that waits for nothing else. Resolves to false if nothing was
   * scheduled.
   */
  async step(): Promise<boolean> {
    const next = this.#queue.pop()
    if (next === undefined) return false
    this.#nowMs = next.atMs
    next.run()
    // Handlers wait for promises that resolve here, and for nothing of the machine: a tick comes once no promise has
    // anything left to do, and then every one of them waits for a port again.
    await tick()
    // Now and then all else has its turn: what watches over a test, and what a person types.
    if (this.#order % EVENT_LOOP_EVERY === 0) await immediate()
    return true
  }
}

function tick(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve))
}
