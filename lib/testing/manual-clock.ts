import { assert } from '../model/faults.ts'
import type { Clock, ScheduledCall } from '../ports/clock.ts'

interface Scheduled {
  readonly atMs: number
  readonly callback: () => void
}

/** A clock that stands still until it is moved. Scheduled calls run within the move that reaches them. */
export class ManualClock implements Clock {
  #nowMs: number
  /** By time, then by order of scheduling. */
  #calls: Scheduled[] = []

  /** @param startMs epoch milliseconds at which it stands at first. Default 0. */
  constructor(startMs = 0) {
    this.#nowMs = startMs
  }

  now(): number {
    return this.#nowMs
  }

  schedule(atMs: number, callback: () => void): ScheduledCall {
    const call: Scheduled = { atMs, callback }
    const after = this.#calls.findIndex((other) => other.atMs > atMs)
    this.#calls.splice(after < 0 ? this.#calls.length : after, 0, call)
    return {
      cancel: () => {
        this.#calls = this.#calls.filter((other) => other !== call)
      },
    }
  }

  /** When the earliest scheduled call is due; undefined: none is scheduled. */
  get nextCallMs(): number | undefined {
    return this.#calls[0]?.atMs
  }

  /** Moves on by `ms` milliseconds. */
  advance(ms: number): void {
    this.advanceTo(this.#nowMs + ms)
  }

  /**
   * Moves on to `atMs`, running what is scheduled up to then in order of time, each call with the clock at its time;
   * also what such a call schedules itself.
   */
  advanceTo(atMs: number): void {
    assert(atMs >= this.#nowMs, `time goes on: expected at least ${this.#nowMs}, got ${atMs}`)
    for (let call = this.#calls[0]; call !== undefined && call.atMs <= atMs; call = this.#calls[0]) {
      this.#calls.shift()
      this.#nowMs = Math.max(this.#nowMs, call.atMs)
      call.callback()
    }
    this.#nowMs = Math.max(this.#nowMs, atMs)
  }
}
