import type { TimerDomain } from '../../state/keyed-backend.ts'

/** A row of the store that is neither in the overlay nor among the clean rows in memory. */
export type MissingRow = {
  readonly uid: string
  readonly keyGroup: number
  readonly keyText: string
} & (
  | { readonly type: 'row' }
  | {
      readonly type: 'bucket'
      readonly state: string
      readonly bucket: number
      /** The buckets of that state are those from `first` to before `end`. */
      readonly first: number
      readonly end: number
    }
)

/**
 * State was needed that has to be fetched first. The operators are left half-way: whoever catches this fetches the row,
 * drops them, and does the step again with new ones.
 */
export class RowMissing extends Error {
  override readonly name: string = 'RowMissing'
  readonly missing: MissingRow

  constructor(missing: MissingRow) {
    const { type, uid, keyText } = missing
    super(`Operator '${uid}': the ${type} of key ${keyText} is not in memory`)
    this.missing = missing
  }
}

/** Timers of the store that may be due at or before `upToMs` and are not in memory. */
export interface ColdTimers {
  readonly uid: string
  readonly domain: TimerDomain
  readonly upToMs: number
}
