import type { TwoPhaseCommitSink } from '../../../lib/stream/sink.ts'

interface Transaction<T> {
  readonly id: string
  readonly values: readonly T[]
}

/** Where a two-phase sink publishes: what was committed, in order, each transaction once. */
export class CommittedRecords<T> {
  readonly #committed = new Map<string, readonly T[]>()

  get records(): readonly T[] {
    return [...this.#committed.values()].flat()
  }

  sink(): TwoPhaseCommitSink<T, Transaction<T>> {
    return {
      type: 'two-phase-commit',
      kind: 'test',
      createCommitter: (ctx) => {
        let open: { id: string; values: T[] } | undefined
        return {
          begin: () => {
            open = { id: `${ctx.subtaskIndex}/${ctx.batchId()}`, values: [] }
            return open
          },
          write: (_txn, values) => {
            open!.values.push(...values)
          },
          preCommit: ({ id, values }) => ({ id, values: [...values] }),
          commit: ({ id, values }) => {
            if (!this.#committed.has(id)) this.#committed.set(id, values)
          },
          abort: () => {},
        }
      },
    }
  }
}
