import { CallLedger } from './call-ledger.ts'
import { NO_FAULTS } from './faults.ts'
import type { Faults } from './faults.ts'

/** Who asks something of the world: each simulated process sees it through ports of its own. */
export interface Caller {
  readonly faults: Faults
  readonly ledger: CallLedger
}

/** A caller without faults, whose calls nobody counts, but for what `given` says. */
export function callerOf(given: Partial<Caller> = {}): Caller {
  return { faults: given.faults ?? NO_FAULTS, ledger: given.ledger ?? new CallLedger() }
}
