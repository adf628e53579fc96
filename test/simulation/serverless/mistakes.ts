import { withoutUpsert } from '../program.ts'
import { hostileCase, type Case } from './case.ts'
import { CODE_MISTAKES } from './code-mistakes.ts'
import type { KnownMistake } from './known-mistake.ts'
import { PORT_MISTAKES } from './port-mistakes.ts'

/** Each is one that an author of such a runtime makes, and that a run without faults forgives. */
export const MISTAKES: readonly KnownMistake[] = [...PORT_MISTAKES, ...CODE_MISTAKES]

/** A case in which the mistake should show. */
export function caseFor({ faults, change }: KnownMistake, seed: number): Case {
  const { program, ...rest } = hostileCase(seed, faults)
  // Without what would hide others: those that need it bring it.
  const hostile = { ...rest, program: { ...program, program: withoutUpsert(program.program) } }
  return change?.(hostile) ?? hostile
}
