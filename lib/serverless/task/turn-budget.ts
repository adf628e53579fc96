import { LIMITS } from '../../model/limits.ts'

/** Records that one turn takes: enough to pay for its trips, few enough to be done well within an invocation. */
const RECORDS_PER_TURN = 2_048
/** What a turn may take at most: the last batch that it begins is taken whole. */
export const RECORDS_MAX: number = RECORDS_PER_TURN + LIMITS.batchRecords
/** Steps in which a watermark's timers fire after its first, so that their rows are fetched: the next turn goes on behind. */
const FIRING_STEPS_PER_TURN = 99
/** Records that a source is asked for in a turn while nobody knows how long they take. */
const RECORDS_FIRST_READ = 64

/** How much one turn of a task has done, and may still do. */
export class TurnBudget {
  /** Milliseconds left for the turn. */
  readonly remainingMs: () => number
  #recordsWanted = Number.POSITIVE_INFINITY
  #records = 0
  #firingSteps = 0
  #sawData = false

  constructor(remainingMs: () => number) {
    this.remainingMs = remainingMs
  }

  /** Its operators can do with so many records. */
  want(records: number): void {
    this.#recordsWanted = records
  }

  /** Records that were taken or read. */
  get records(): number {
    return this.#records
  }

  /** It had a record, a watermark, a timer or the end of an input. */
  get sawData(): boolean {
    return this.#sawData
  }

  /** Enough for one turn: what follows is for the next. */
  get isFull(): boolean {
    return this.#records >= RECORDS_PER_TURN || this.isExhausted
  }

  /** It has no time left, or its operators have all that they can do with. Something has been done, or every turn would end so. */
  get isExhausted(): boolean {
    if (this.#records >= this.#recordsWanted) return true
    return this.#sawData && this.remainingMs() <= 0
  }

  /** Whether a step of timers may follow, or is left to the next turn. */
  get mayFire(): boolean {
    return this.#firingSteps < FIRING_STEPS_PER_TURN && !this.isExhausted
  }

  spendFiringStep(): void {
    this.#firingSteps++
    this.#sawData = true
  }

  spendRecords(count: number): void {
    this.#records += count
    if (count > 0) this.#sawData = true
  }

  noticeData(): void {
    this.#sawData = true
  }

  /** How many records to ask a source for that may read since `beganMs` were left: as many as there is time for. */
  recordsToRead(beganMs: number): number {
    const leftMs = this.remainingMs()
    const takenMs = beganMs - leftMs
    const perMs = takenMs > 0 ? this.#records / takenMs : Number.POSITIVE_INFINITY
    const inTime = this.#records === 0 ? RECORDS_FIRST_READ : perMs * leftMs
    return Math.max(1, Math.floor(Math.min(LIMITS.batchRecords, this.#recordsWanted - this.#records, inTime)))
  }
}
