import { describe } from 'vitest'
import { notShown, opener } from './harness.ts'
import type { Gaps } from './harness.ts'
import { expiry } from './row-store.expiry.ts'
import { scans } from './row-store.scans.ts'
import type { RowStoreCapability, RowStoreHarness } from './row-store.support.ts'
import { timerIndex } from './row-store.timers.ts'
import { writes } from './row-store.writes.ts'

export type { RowStoreCapability, RowStoreHarness } from './row-store.support.ts'

/**
 * What every row store must do, wherever it keeps the rows. `open` gives one whose partitions may be there from before:
 * each case has a namespace of its own.
 */
export function rowStoreContract(
  name: string,
  openOne: () => Promise<RowStoreHarness>,
  gaps: Gaps<RowStoreCapability> = {},
): void {
  describe(`${name} keeps the contract of a row store${notShown(gaps)}`, () => {
    const open = opener(openOne)
    writes(open)
    scans(open)
    timerIndex(open)
    if (gaps.expires === undefined) expiry(open)
  })
}
