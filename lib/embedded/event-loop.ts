import { setImmediate as immediate } from 'node:timers/promises'

/** How long tasks may run before sockets, files, timers and signals get their turn. */
const TURN_MS_MAX = 5

/** Lets a busy job share its thread with everything else in the process. */
export class EventLoop {
  private readonly uptimeMs: () => number
  private turnStartedAtMs: number
  private turn: Promise<void> | undefined

  /** `uptimeMs`: milliseconds since whenever. */
  constructor(uptimeMs: () => number) {
    this.uptimeMs = uptimeMs
    this.turnStartedAtMs = uptimeMs()
  }

  /** Undefined while tasks may go on; otherwise what to await first. */
  yieldIfDue(): Promise<void> | undefined {
    if (this.turn === undefined && this.uptimeMs() - this.turnStartedAtMs < TURN_MS_MAX) return undefined
    this.turn ??= this.nextTurn()
    return this.turn
  }

  private async nextTurn(): Promise<void> {
    await nextTurn()
    this.turn = undefined
    this.turnStartedAtMs = this.uptimeMs()
  }
}

/** Resolves after sockets, files, timers and signals have had their turn. */
export async function nextTurn(): Promise<void> {
  await immediate()
}
