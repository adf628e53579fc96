import type { JobEvent } from './job-handle.ts'

/** Hands a job's events to whoever listens; what happened before the first listener came is kept for it. */
export class EventLog {
  private readonly listeners = new Set<(event: JobEvent) => void>()
  private unheard: JobEvent[] | undefined = []

  emit(event: JobEvent): void {
    this.unheard?.push(event)
    for (const listener of this.listeners) listener(event)
  }

  listen(listener: (event: JobEvent) => void): () => void {
    const missed = this.unheard ?? []
    this.unheard = undefined
    for (const event of missed) listener(event)
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }
}
