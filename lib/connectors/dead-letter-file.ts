import type { TwoPhaseCommitSink } from '../stream/sink.ts'
import type { DeadLetter } from '../stream/source.ts'
import { deadLettersOfThisPlace } from './dead-letter-transactions.ts'
import type { FileTransaction } from './file-committer.ts'
import { fileSink } from './file-sink.ts'

/**
 * Keeps dead letters as JSON lines in `directory`: files `dead-letters-<subtask>-<number>.jsonl`, exactly-once, as
 * `fileSink` writes them.
 */
export function deadLetterFile(directory: string): TwoPhaseCommitSink<DeadLetter, FileTransaction> {
  const files = fileSink<DeadLetter>(directory, { format: 'json', prefix: 'dead-letters' })
  return {
    ...files,
    createCommitter: (ctx) =>
      deadLettersOfThisPlace(files.createCommitter(ctx), ctx, ({ files: own }) => own !== undefined),
  }
}
