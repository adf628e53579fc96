/** A row as the store has it; no payload: it has none. */
export interface CleanRow {
  readonly payload: Uint8Array | undefined
}

/** What a row takes in memory beside its key and payload, about. */
const ROW_BYTES = 200

/**
 * Rows of one operator as the store has them, the latest used last. It takes what it is given: the bound is kept by
 * {@link trim}, between turns, so that nothing leaves that a turn has fetched.
 */
export class CleanCache {
  /** In the order of their last use. */
  readonly #rows = new Map<string, CleanRow>()
  #bytes = 0

  get(rowKey: string): CleanRow | undefined {
    const row = this.#rows.get(rowKey)
    if (row === undefined) return undefined
    this.#rows.delete(rowKey)
    this.#rows.set(rowKey, row)
    return row
  }

  put(rowKey: string, payload: Uint8Array | undefined): void {
    this.delete(rowKey)
    this.#rows.set(rowKey, { payload })
    this.#bytes += bytesOf(rowKey, payload)
  }

  delete(rowKey: string): void {
    const row = this.#rows.get(rowKey)
    if (row === undefined) return
    this.#rows.delete(rowKey)
    this.#bytes -= bytesOf(rowKey, row.payload)
  }

  /** Drops what was not used for longest, down to `bytesMax`. */
  trim(bytesMax: number): void {
    for (const rowKey of this.#rows.keys()) {
      if (this.#bytes <= bytesMax) return
      this.delete(rowKey)
    }
  }
}

const bytesOf = (rowKey: string, payload: Uint8Array | undefined): number =>
  ROW_BYTES + rowKey.length + (payload?.length ?? 0)
