import type { TwoPhaseCommitter } from '../stream/sink.ts'
import type { DeadLetter } from '../stream/source.ts'

/**
 * A savepoint may come from another place: from the embedded runtime to functions, or from another bucket. What its dead
 * letters' transactions staged is there, and the run that took the savepoint published it when that was complete: here they
 * are passed over.
 */
export function deadLettersOfThisPlace<Txn>(
  committer: TwoPhaseCommitter<DeadLetter, Txn>,
  isOfThisPlace: (txn: Partial<Txn>) => boolean,
): TwoPhaseCommitter<DeadLetter, Txn> {
  return {
    open: () => committer.open?.(),
    begin: () => committer.begin(),
    write: (txn, values, timestamps) => committer.write(txn, values, timestamps),
    preCommit: (txn) => committer.preCommit(txn),
    ...(committer.combine !== undefined && {
      combine: (transactions: readonly Txn[]) => committer.combine!(transactions),
    }),
    commit: (txn) => (isOfThisPlace(txn) ? committer.commit(txn) : undefined),
    abort: (txn) => committer.abort(txn),
    close: () => committer.close?.(),
  }
}
