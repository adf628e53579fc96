import { UserError } from '../model/faults.ts'
import type { TwoPhaseCommitSink } from '../stream/sink.ts'
import { FileCommitter, type FileTransaction } from './file-committer.ts'
import { lineFormatter, type LineFormat } from './line-format.ts'

export interface FileSinkOptions<T> {
  /**
   * One line of a record, without its `\n`. `text`: as `print` shows it. `json`: as JSON, one value a line.
   * Default: `text`.
   */
  readonly format?: LineFormat<T>
  /** What published names begin with. Default: `part`. */
  readonly prefix?: string
  /** What they end with. Default: `.txt`, or `.jsonl` for JSON. */
  readonly suffix?: string
  /** A file about this large is followed by another within its transaction. Bytes. Default: no bound. */
  readonly rollOverBytes?: number
}

/**
 * Writes records as lines to files in `directory`, which is made if need be: a file for each checkpoint and subtask,
 * named `part-<subtask>-<number>.txt`, the number of ten digits. The files of a subtask, in order of their names,
 * are what a run without failures would have written.
 *
 * Delivery: exactly-once. A file is staged under `.staging` in the directory, is on the disk before its checkpoint
 * completes, and appears under its name, whole, once that is complete; no name is used twice, and no file replaced.
 * Without checkpoints, files appear when the input ends. Several sinks or jobs may share a directory if
 * their prefixes differ. Published files may be taken away at any time. Memory: about 1 MiB a subtask, however large
 * the transaction.
 *
 * @throws UserError while it runs: the disk is full, the directory cannot be written, a name is taken.
 */
export function fileSink<T>(
  directory: string,
  options: FileSinkOptions<T> = {},
): TwoPhaseCommitSink<T, FileTransaction> {
  const { format = 'text', prefix = 'part', rollOverBytes = Number.POSITIVE_INFINITY } = options
  const { suffix = format === 'json' ? '.jsonl' : '.txt' } = options
  const problems: string[] = []
  const expect = (holds: boolean, name: string, expected: string, found: unknown): void => {
    if (!holds) problems.push(`fileSink: expected ${name} to be ${expected}, got ${JSON.stringify(found)}`)
  }
  expect(directory !== '', 'directory', 'a path', directory)
  expect(
    /^[^/\\.][^/\\]*$/.test(prefix),
    'prefix',
    'part of a file name that does not begin with "."',
    prefix,
  )
  expect(
    /^[^/\\\d][^/\\]*$|^$/.test(suffix),
    'suffix',
    'part of a file name that does not begin with a digit',
    suffix,
  )
  expect(rollOverBytes > 0, 'rollOverBytes', 'above 0', rollOverBytes)
  if (problems.length > 0) throw new UserError(problems)
  const committing = { directory, prefix, suffix, rollOverBytes, format: lineFormatter(format) }
  return {
    type: 'two-phase-commit',
    kind: 'fileSink',
    machineBound: 'files of this machine',
    createCommitter: (ctx) => new FileCommitter(committing, ctx),
  }
}
