import { join } from 'node:path'
import type { SinkContext, TwoPhaseCommitter } from '../stream/sink.ts'
import type { DeadLetter } from '../stream/source.ts'
import type { FileTransaction } from './file-committer.ts'
import type { ObjectTransaction } from './object-committer.ts'

/**
 * A savepoint may come from another place: from the embedded runtime to functions, or from another bucket. What its dead
 * letters' transactions staged is there, out of reach: here they are passed over. The run that took the savepoint publishes it
 * when that is complete, unless it ends before: nobody here can know, so the user is told where to look.
 */
export function deadLettersOfThisPlace<Txn>(
  committer: TwoPhaseCommitter<DeadLetter, Txn>,
  { operatorUid, warn }: Pick<SinkContext, 'operatorUid' | 'warn'>,
  isOfThisPlace: (txn: Partial<Txn>) => boolean,
): TwoPhaseCommitter<DeadLetter, Txn> {
  const passOver = (txn: Txn): void => {
    const staged = stagedAt(txn as Partial<ObjectTransaction & FileTransaction>)
    if (staged === undefined) return
    warn(
      `Sink '${operatorUid}': dead letters that were written in another place are not published here. Their run published ` +
        `them there, unless it ended too early; then they are still in ${staged}`,
    )
  }
  return {
    open: () => committer.open?.(),
    begin: () => committer.begin(),
    write: (txn, values, timestamps) => committer.write(txn, values, timestamps),
    preCommit: (txn) => committer.preCommit(txn),
    ...(committer.combine !== undefined && {
      combine: (transactions: readonly Txn[]) => committer.combine!(transactions),
    }),
    commit: (txn) => (isOfThisPlace(txn) ? committer.commit(txn) : passOver(txn)),
    abort: (txn) => committer.abort(txn),
    close: () => committer.close?.(),
  }
}

/** Of whichever sink for dead letters made the transaction; undefined if nothing was written to it. */
function stagedAt({
  bucket = '',
  staging = '',
  parts = [],
  directory = '',
  files = [],
}: Partial<ObjectTransaction & FileTransaction>): string | undefined {
  const names = [
    ...parts.map(({ name }) => `${bucket}/${staging}${name}`),
    ...files.map(({ staged }) => join(directory, staged)),
  ]
  const [first] = names
  if (first === undefined) return undefined
  return names.length === 1 ? first : `${first} and ${names.length - 1} more beside it`
}
