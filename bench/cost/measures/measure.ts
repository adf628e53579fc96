import type { Check, Table } from '../../harness/benchmark.ts'

export interface MeasureSettings {
  /** Small inputs: to see that everything works. */
  readonly quick: boolean
  /** Tells of progress. */
  readonly say: (line: string) => void
}

export interface Measured {
  readonly tables: readonly Table[]
  readonly checks: readonly Check[]
}

/** Calls of ours: without what Lambda's pollers ask of queues. */
export function ownCalls(counts: readonly { readonly name: string; readonly calls: number }[]): number {
  return counts
    .filter(({ name }) => name !== 'receive' && name !== 'delete')
    .reduce((sum, { calls }) => sum + calls, 0)
}
