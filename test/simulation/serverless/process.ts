import {
  describeOperation,
  LostAnswer,
  Repeated,
  Throttled,
  type EntryFate,
  type Faults,
  type Operation,
} from '../../world/faults.ts'
import type { FaultSource } from './faults.ts'
import type { Scheduler } from './scheduler.ts'

export interface ProcessWorld {
  readonly scheduler: Scheduler
  readonly faults: FaultSource
  readonly trace: Trace
  /** Told of every request of any process that took effect, right after it. */
  readonly onEffect: (operation: Operation, process: SimulatedProcess) => void
}

/** Tells what happens, if anybody wants to know. */
export type Trace = (line: () => string) => void

/** One of its own for each who waits: what waits for it is forgotten with it. */
function never(): Promise<never> {
  return new Promise(() => {})
}

/**
 * One function instance: it lives through many invocations, one at a time, and may die at any request that it makes. All
 * its requests pass through here, where they take their time and their chances.
 */
export class SimulatedProcess implements Faults {
  readonly name: string
  /** What its clock is off by. */
  readonly skewMs: number
  readonly #world: ProcessWorld
  readonly #onDeath: () => void
  #alive = true

  constructor(name: string, world: ProcessWorld, onDeath: () => void) {
    this.name = name
    this.skewMs = world.faults.skewMs()
    this.#world = world
    this.#onDeath = onDeath
  }

  get isAlive(): boolean {
    return this.#alive
  }

  /** By its own clock, which is wrong, but does not go back. */
  now(): number {
    return this.#world.scheduler.nowMs + this.skewMs
  }

  /** What it waits for never comes; what it has sent still arrives. */
  die(why: string): void {
    if (!this.#alive) return
    this.#alive = false
    this.trace(() => `dies: ${why}`)
    this.#onDeath()
  }

  trace(line: () => string): void {
    this.#world.trace(() => `${this.name} ${line()}`)
  }

  before(operation: Operation): Promise<void> {
    if (!this.#alive) return never()
    const { scheduler, faults } = this.#world
    const fate = this.#fateBefore()
    const isLate = operation.name === 'write-row' && faults.strikes('lateRow')
    return new Promise((resolve, reject) => {
      scheduler.after(isLate ? faults.longMs() : faults.latencyMs(), () => {
        if (fate === 'crash before') this.die(`before ${describeOperation(operation)}`)
        else if (fate === 'throttle') {
          this.trace(() => `${describeOperation(operation)}: throttled`)
          reject(new Throttled(operation))
        } else {
          this.trace(() => describeOperation(operation))
          resolve()
        }
      })
      if (fate === 'crash meanwhile') this.die(`with ${describeOperation(operation)} under way`)
    })
  }

  after(operation: Operation): Promise<void> {
    const { scheduler, faults, onEffect } = this.#world
    onEffect(operation, this)
    if (!this.#alive) return never()
    if (faults.strikes('crash')) {
      this.die(`after ${describeOperation(operation)}`)
      return never()
    }
    const fate = faults.strikes('repeat') ? 'repeat' : faults.strikes('loseAnswer') ? 'lose' : undefined
    return new Promise((resolve, reject) => {
      scheduler.after(faults.latencyMs(), () => {
        if (!this.#alive) return
        if (fate !== undefined) this.trace(() => `${describeOperation(operation)}: ${fate}`)
        if (fate === 'repeat') reject(new Repeated())
        else if (fate === 'lose') reject(new LostAnswer(operation))
        else resolve()
      })
    })
  }

  /** Asks a system beyond the job's own: it answers, unless this process dies. */
  async request(what: () => string): Promise<void> {
    if (!this.#alive) return never()
    const { scheduler, faults } = this.#world
    const dies = faults.strikes('crash')
    await new Promise<void>((resolve) => scheduler.after(faults.latencyMs(), resolve))
    if (dies) this.die(`at ${what()}`)
    if (!this.#alive) return never()
    this.trace(what)
  }

  entry(operation: Operation, index: number): EntryFate {
    const { faults } = this.#world
    if (!faults.strikes('failEntry')) return 'done'
    const fate = faults.oneOf(['refused', 'lost'] as const)
    this.trace(() => `${describeOperation(operation)}, entry ${index}: ${fate}`)
    return fate
  }

  #fateBefore(): 'crash before' | 'crash meanwhile' | 'throttle' | undefined {
    const { faults } = this.#world
    if (faults.strikes('crash')) return faults.oneOf(['crash before', 'crash meanwhile'] as const)
    return faults.strikes('throttle') ? 'throttle' : undefined
  }
}
