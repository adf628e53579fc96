import { decodeValue } from '../codec.ts'
import { asSpread } from './row-codec.ts'
import type { Row } from './row.ts'

/** Loads every bucket of a row. `payloadOf` finds their payloads. */
export function restoreBuckets(
  row: Row,
  payloadOf: (slot: number, bucket: number) => Uint8Array | undefined,
): void {
  row.ledgers?.forEach((_ledger, slot) => {
    asSpread(row.slots[slot])?.restoreBuckets((bucket) => {
      const payload = payloadOf(slot, bucket)
      return payload === undefined ? undefined : decodeValue(payload)
    })
  })
}
