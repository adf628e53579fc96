import type { Case } from './case.ts'
import type { FaultProfile } from './faults.ts'
import type { Mistake } from './run.ts'

/** A mistake that Millrace could make, and how soon it must show. */
export interface KnownMistake {
  readonly name: string
  /** It shows in the case of this seed, unless what the seed means has changed: */
  readonly from: number
  /** then in one of so many cases from there on. */
  readonly within: number
  /** Faults that bring it out. Default: those of a hostile case. */
  readonly faults?: Partial<FaultProfile>
  /** What else of the case brings it out. */
  readonly change?: (one: Case) => Case
  /** How it must show: what one of the problems says. Default: in any way. */
  readonly as?: string
  readonly make: () => Mistake
}
