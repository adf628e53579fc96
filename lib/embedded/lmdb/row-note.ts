import { MAIN } from '../../state/rows/row-codec.ts'
import type { Row } from '../../state/rows/row.ts'

/** What a row costs beyond its contents; */
const ROW_BYTES = 500
/** and what a byte of payload costs as objects. Both are rough: the budget is one of order, not of bytes. */
const BYTES_PER_PAYLOAD_BYTE = 4

/** What the backend notes about a row in memory. */
export class RowNote {
  /** Timers that the index on disk has of this row: time to sequence. */
  eventTimers: Map<number, number> | undefined
  processingTimers: Map<number, number> | undefined
  /** Estimated size in memory. */
  bytes: number = ROW_BYTES
  #mainBytes = 0
  #buckets: Map<string, number> | undefined

  /** Takes note of the size of the row or of a bucket of it. */
  wrote(slot: number, bucket: number, payloadBytes: number): void {
    const bytes = payloadBytes * BYTES_PER_PAYLOAD_BYTE
    if (slot === MAIN) {
      this.bytes += bytes - this.#mainBytes
      this.#mainBytes = bytes
      return
    }
    const name = `${slot}/${bucket}`
    this.#buckets ??= new Map()
    this.bytes += bytes - (this.#buckets.get(name) ?? 0)
    this.#buckets.set(name, bytes)
  }

  /** By how much the row grows with a payload of this size. */
  growth(payloadBytes: number): number {
    return Math.max(0, payloadBytes * BYTES_PER_PAYLOAD_BYTE - this.#mainBytes)
  }

  unloadedBuckets(): void {
    for (const bytes of this.#buckets?.values() ?? []) this.bytes -= bytes
    this.#buckets = undefined
  }
}

export function noteOf(row: Row): RowNote {
  return (row.note ??= new RowNote()) as RowNote
}
