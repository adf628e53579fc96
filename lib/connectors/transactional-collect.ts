import type { SinkContext, TwoPhaseCommitSink, TwoPhaseCommitter } from '../stream/sink.ts'

export interface CollectTransaction<T> {
  readonly id: string
  readonly values: readonly T[]
}

export interface TransactionalCollectSink<T> extends TwoPhaseCommitSink<T, CollectTransaction<T>> {
  /** What has been committed so far. */
  readonly values: readonly T[]
}

/**
 * Gathers records in this process, showing them only once their checkpoint is complete: for tests of exactly-once
 * output. Uncommitted records are part of the checkpoint. Order: that of each subtask. Delivery: exactly-once, as
 * long as this sink object lives.
 */
export function transactionalCollect<T>(): TransactionalCollectSink<T> {
  const values: T[] = []
  const committed = new Set<string>()
  const commit = (txn: CollectTransaction<T>): void => {
    if (committed.has(txn.id)) return
    committed.add(txn.id)
    for (const value of txn.values) values.push(value)
  }
  return {
    type: 'two-phase-commit',
    kind: 'transactionalCollect',
    machineBound: 'the memory of this process',
    values,
    createCommitter: (ctx) => collectCommitter(ctx, commit),
  }
}

function collectCommitter<T>(
  { runId, attempt, operatorUid, subtaskIndex }: SinkContext,
  commit: (txn: CollectTransaction<T>) => void,
): TwoPhaseCommitter<T, CollectTransaction<T>> {
  let begun = 0
  let pending: T[] = []
  return {
    begin() {
      pending = []
      return { id: [runId, attempt, operatorUid, subtaskIndex, begun++].join('/'), values: [] }
    },
    write(_txn, values) {
      for (const value of values) pending.push(value)
    },
    preCommit: ({ id }) => ({ id, values: pending }),
    commit,
    abort() {
      pending = []
    },
  }
}
