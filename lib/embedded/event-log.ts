import { messageOf } from '../model/faults.ts'
import type { JobEvent } from './job-handle.ts'

/** Events kept for the first listener: it comes soon, or never. */
const UNHEARD_MAX = 1_000

type Listener = (event: JobEvent) => void

/**
 * Hands a job's events to whoever listens; what happened before the first listener came is kept for it. A listener
 * that throws is told no more, and does the job no harm.
 */
export class EventLog {
  private readonly listeners = new Set<Listener>()
  private unheard: JobEvent[] | undefined = []

  emit(event: JobEvent): void {
    if (this.unheard !== undefined) {
      this.unheard.push(event)
      if (this.unheard.length > UNHEARD_MAX) this.unheard.shift()
      return
    }
    for (const listener of this.listeners) this.tell(listener, event)
  }

  listen(listener: Listener): () => void {
    const missed = this.unheard
    this.listeners.add(listener)
    // What happens because of one of these events comes after them.
    for (let event = missed?.shift(); event !== undefined; event = missed?.shift()) this.tell(listener, event)
    this.unheard = undefined
    return () => this.listeners.delete(listener)
  }

  private tell(listener: Listener, event: JobEvent): void {
    if (!this.listeners.has(listener)) return
    try {
      listener(event)
    } catch (cause) {
      this.listeners.delete(listener)
      process.emitWarning(`A listener to the events of a job threw, and is told no more: ${messageOf(cause)}`)
    }
  }
}
