import type { ReadStatus } from '../../stream/source.ts'
import type { LiveTask } from './live-task.ts'
import type { Reading } from './task-state.ts'
import type { TurnBudget } from './turn-budget.ts'

/** A source that waits for a time is not asked again sooner: wake-ups come by the second. */
const SOURCE_WAIT_MS = 1_000

/** What the source of a task, if it has one, reads in a turn, and when it is to read on. */
export class SourceReading {
  #state: Reading
  readonly #isSource: boolean
  readonly #nowMs: number
  readonly #pausedUntilMs: number | undefined

  /** `pausedUntilMs`: it reads nothing before this time. */
  constructor(state: Reading, isSource: boolean, nowMs: number, pausedUntilMs: number | undefined) {
    this.#state = state
    this.#isSource = isSource
    this.#nowMs = nowMs
    this.#pausedUntilMs = pausedUntilMs
  }

  get state(): Reading {
    return this.#state
  }

  /** At the barrier of a checkpoint that is to be the last. */
  stopAt(checkpointId: number): void {
    this.#state = { ...this.#state, stoppedAt: checkpointId }
  }

  /** It came to nothing: where the source stopped at its barrier, it reads on. */
  goOnAfter(checkpointId: number): void {
    if (this.#state.stoppedAt === checkpointId) this.#state = { ...this.#state, stoppedAt: undefined }
  }

  /** Somebody has something for it to read. */
  noticeData(): void {
    if (this.#state.status === 'wait') this.#state = { ...this.#state, status: 'more' }
  }

  /** Reads until there is nothing for now, or the turn has ended. */
  async read(live: LiveTask, budget: TurnBudget, isEnded: () => boolean): Promise<void> {
    if (!this.#mayRead) return
    const { task } = live
    let { status } = this.#state
    const beganMs = budget.remainingMs()
    while (isReadable(status, this.#nowMs) && !isEnded()) {
      const before = live.recordsRead
      const read = task.read(budget.recordsToRead(beganMs))
      status = read instanceof Promise ? await read : read
      const count = live.recordsRead - before
      budget.spendRecords(count)
      // It names a time that has come and gives nothing: it is asked again a little later, and not for ever.
      if (count === 0 && typeof status === 'object') break
      if (status === 'end') {
        budget.noticeData()
        await task.endInput()
      }
    }
    this.#state = { ...this.#state, status }
  }

  /** Whether it has something to read at once. `hasGotOn`: the turn had records, or one with nothing would follow another. */
  hasMore(hasGotOn: boolean): boolean {
    const { status } = this.#state
    return this.#mayRead && (status === 'more' || (hasGotOn && isReadable(status, this.#nowMs)))
  }

  /** When it is to be asked again, if nobody has something for it sooner; Infinity: never. `started`: its attempt has begun. */
  nextAtMs(started: boolean): number {
    const { status, stoppedAt } = this.#state
    const isWaiting = started && this.#isSource && stoppedAt === undefined && typeof status === 'object'
    const nextMs = isWaiting ? Math.max(status.waitUntilMs, this.#nowMs + SOURCE_WAIT_MS) : Infinity
    return Math.min(nextMs, this.#pausedUntilMs ?? Infinity)
  }

  get #mayRead(): boolean {
    return this.#isSource && this.#state.stoppedAt === undefined && this.#pausedUntilMs === undefined
  }
}

function isReadable(status: ReadStatus, nowMs: number): boolean {
  return status === 'more' || (typeof status === 'object' && status.waitUntilMs <= nowMs)
}
