import type { FaultProfile } from './faults.ts'
import type { Mistake } from './run.ts'
import { CODE_MISTAKES } from './code-mistakes.ts'
import { PORT_MISTAKES } from './port-mistakes.ts'

/** A mistake that Millrace could make, and how soon it must show. */
export interface KnownMistake {
  readonly name: string
  /** It shows in the case of this seed, unless what the seed means has changed: */
  readonly from: number
  /** then in one of so many cases from there on. */
  readonly within: number
  /** Faults that bring it out. Default: those of a hostile case. */
  readonly faults?: Partial<FaultProfile>
  readonly make: () => Mistake
}

/** Each is one that an author of such a runtime makes, and that a run without faults forgives. */
export const MISTAKES: readonly KnownMistake[] = [...PORT_MISTAKES, ...CODE_MISTAKES]
