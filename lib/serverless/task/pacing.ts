import type { ActorId } from '../../model/ids.ts'
import { denialIn } from '../../ports/platform-fault.ts'
import type { JobRuntime } from '../runtime.ts'
import type { TaskWiring } from './task-wiring.ts'

/** Messages that may wait in a queue of tasks before sources pause: minutes of work, far from any limit of a queue. */
const BACKLOG_MAX = 500
/** Queues are asked no more often; and a source that pauses looks again after this long. */
const LOOK_EVERY_MS = 1_000

/** Sources pace themselves by how far the tasks below them are behind, so that nothing piles up without bound. */
export class Pacing {
  readonly #runtime: JobRuntime
  readonly #actor: ActorId
  #lookedAtMs = Number.NEGATIVE_INFINITY
  #backlog = 0

  constructor(runtime: JobRuntime, actor: ActorId) {
    this.#runtime = runtime
    this.#actor = actor
  }

  /** Undefined: the task may read. */
  async waitsUntilMs({ isSource, below }: TaskWiring, nowMs: number): Promise<number | undefined> {
    if (!isSource || below.length === 0) return undefined
    if (nowMs - this.#lookedAtMs >= LOOK_EVERY_MS) {
      this.#backlog = await this.#look(below)
      this.#lookedAtMs = nowMs
    }
    return this.#backlog > BACKLOG_MAX ? nowMs + LOOK_EVERY_MS : undefined
  }

  /**
   * A queue that may not be looked at, or is gone, is no reason to fail the job: while a deployment takes a chain's own queue
   * away, functions that are not updated yet ask for it in vain.
   */
  async #look(below: readonly ActorId[]): Promise<number> {
    const { mailbox, observe } = this.#runtime
    try {
      return await mailbox.backlog(below)
    } catch (cause) {
      const denial = denialIn(cause)
      if (denial === undefined) throw cause
      observe.event({
        type: 'warning',
        message: `${this.#actor}: it reads without pauses: ${denial.message}`,
      })
      return 0
    }
  }
}
