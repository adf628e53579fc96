import { CallLedger, type CallCount } from '../../../test/world/call-ledger.ts'
import { ASSUMPTIONS } from '../bill/assumptions.ts'
import { addUsage, gbSecondsOf, NO_USAGE, type Usage } from '../bill/bill.ts'
import type { Invocation } from './environment-pool.ts'

export const FUNCTIONS = ['ingest-http', 'ingest', 'operator', 'coordinator', 'wake-up'] as const
export type FunctionName = (typeof FUNCTIONS)[number]

interface Tally {
  readonly ledger: CallLedger
  invocations: Invocation[]
}

/** What each function of a job used, with what Lambda asked of its queue. */
export class FunctionUsage {
  readonly #tallies = new Map<FunctionName, Tally>(
    FUNCTIONS.map((name) => [name, { ledger: new CallLedger(), invocations: [] }]),
  )

  ledger(name: FunctionName): CallLedger {
    return this.#tally(name).ledger
  }

  invoked(name: FunctionName, invocation: Invocation): void {
    this.#tally(name).invocations.push(invocation)
  }

  reset(): void {
    for (const tally of this.#tallies.values()) {
      tally.ledger.reset()
      tally.invocations = []
    }
  }

  of(names: readonly FunctionName[]): Usage {
    return names.reduce((sum, name) => {
      const { ledger, invocations } = this.#tally(name)
      return addUsage(addUsage(sum, ledger.units()), {
        lambdaRequests: invocations.length,
        lambdaGbSeconds: invocations.reduce((total, one) => total + billed(one), 0),
      })
    }, NO_USAGE)
  }

  /** Calls of ours and of Lambda's pollers, by what is asked. */
  calls(names: readonly FunctionName[]): CallCount[] {
    return names.flatMap((name) => [...this.ledger(name).counts()])
  }

  cpuMs(names: readonly FunctionName[]): number {
    return names
      .flatMap((name) => this.#tally(name).invocations)
      .reduce((total, { processor }) => total + processor.cpuMs, 0)
  }

  #tally(name: FunctionName): Tally {
    return this.#tallies.get(name)!
  }
}

function billed({ beganMs, endedMs, processor, isCold }: Invocation): number {
  return gbSecondsOf(endedMs - beganMs + (isCold ? ASSUMPTIONS.coldStartMs : 0), processor.cpuMs)
}
