import { DIRTY, FORGOTTEN, type Row } from './row.ts'

/** Below this, forgotten rows in the list are not worth the work. */
const GARBAGE_MIN = 1_000

/** The rows marked DIRTY. Forgotten ones never make up most of it: without checkpoints, nobody takes the list. */
export class ChangedRows {
  #rows: Row[] = []
  #forgotten = 0

  get length(): number {
    return this.#rows.length
  }

  /** The row at a place in the list; undefined if it is forgotten. */
  at(index: number): Row | undefined {
    const row = this.#rows[index]
    return row === undefined || (row.flags & FORGOTTEN) !== 0 ? undefined : row
  }

  /** Only for a row that is not marked. */
  add(row: Row): void {
    row.flags |= DIRTY
    this.#rows.push(row)
  }

  /** A row of the list is forgotten. */
  forgot(): void {
    this.#forgotten++
    if (this.#forgotten < GARBAGE_MIN || this.#forgotten * 2 < this.#rows.length) return
    this.#rows = this.#remembered()
    this.#forgotten = 0
  }

  /** Hands over the rows, which count as unchanged from then on. */
  take(): Row[] {
    const taken = this.#remembered()
    for (const row of taken) row.flags &= ~DIRTY
    this.#rows = []
    this.#forgotten = 0
    return taken
  }

  #remembered(): Row[] {
    return this.#rows.filter((row) => (row.flags & FORGOTTEN) === 0)
  }
}
