import type { TwoPhaseCommitSink } from '../stream/sink.ts'
import { lineFormatter, type LineFormat } from './line-format.ts'
import { ObjectCommitter, type ObjectTransaction } from './object-committer.ts'
import { reachOutside } from './reach-outside.ts'
import { OptionProblems } from './sink-options.ts'

export interface S3FilesOptions<T> {
  /** The name of a bucket that is there. */
  readonly bucket: string
  /** What the keys of published objects begin with: `alerts/`. Default: nothing. */
  readonly prefix?: string
  /** One line of a record, without its `\n`. Default: `json`. */
  readonly format?: LineFormat<T>
  /** What keys end with. Default: `.jsonl` for JSON, otherwise `.txt`. */
  readonly suffix?: string
  /** An object about this large is followed by another of the same checkpoint. Bytes, at most 100 MB. Default: 16 MiB. */
  readonly rollOverBytes?: number
  /** What the keys of objects begin with that are not published. Default: `<prefix>.staging/`. */
  readonly stagingPrefix?: string
}

const KIND = 's3Files'
const ROLL_OVER_BYTES = 16 * 1024 * 1024
/** An object is put together in memory when it is published. */
const ROLL_OVER_BYTES_MAX = 100_000_000

/**
 * Writes records as lines to objects of an S3 bucket: for each checkpoint and subtask one, or more where there is much,
 * named `part-<subtask>-<run>-<attempt>-<position>-<number>.jsonl`. In the order of their names, the objects of a
 * subtask and run are what a run without failures would have written.
 *
 * Delivery: exactly-once. Records are staged below the staging prefix, under names that no two contents share, and durable
 * before their checkpoint completes; once it is complete they appear, whole, under a name that was fixed before. No
 * object is ever replaced, and publishing may be repeated, also by another process. Published objects may be taken away:
 * they do not come back, but for one that is taken within moments of its appearing while the process which published it
 * has stalled or died. Without checkpoints, objects appear when the input ends.
 *
 * What failures leave below the staging prefix is removed when later checkpoints are published; a lifecycle rule that
 * expires it is worth while for what a job that ended has left. It must leave objects there at least for as long as a
 * checkpoint may wait to be restored: what it held is lost otherwise, and restoring it fails.
 *
 * On AWS, all that one checkpoint holds of a subtask is published within one invocation: fetched, put together and stored again.
 * Where that is too much for 30 seconds, shorten the interval of checkpoints, raise the parallelism, or ask for a function of the
 * chain's own with a longer timeout.
 *
 * Memory: up to `rollOverBytes` a subtask. Several sinks or jobs may share a bucket and a prefix.
 *
 * @throws UserError while it runs: staged objects were removed, another object has a name.
 */
export function s3Files<T>(options: S3FilesOptions<T>): TwoPhaseCommitSink<T, ObjectTransaction> {
  const { bucket, prefix = '', format = 'json', rollOverBytes = ROLL_OVER_BYTES } = options
  const { suffix = format === 'json' ? '.jsonl' : '.txt', stagingPrefix = `${prefix}.staging/` } = options
  const problems = new OptionProblems(KIND)
  problems.expect(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket), 'bucket', 'the name of a bucket', bucket)
  problems.expect(isKeyStart(prefix), 'prefix', KEY_START_EXPECTED, prefix)
  problems.expect(/^[^/\d][^/]*$|^$/.test(suffix), 'suffix', 'without "/", and no digit first', suffix)
  problems.expect(
    rollOverBytes > 0 && rollOverBytes <= ROLL_OVER_BYTES_MAX,
    'rollOverBytes',
    `above 0 and at most ${ROLL_OVER_BYTES_MAX}`,
    rollOverBytes,
  )
  problems.expect(
    isKeyStart(stagingPrefix) && stagingPrefix.endsWith('/'),
    'stagingPrefix',
    `${KEY_START_EXPECTED}, with "/" at its end`,
    stagingPrefix,
  )
  problems.refuse()
  const committing = {
    subject: KIND,
    bucket,
    prefix,
    suffix,
    rollOverBytes,
    stagingPrefix,
    format: lineFormatter(format),
  }
  return {
    type: 'two-phase-commit',
    kind: KIND,
    writesTo: { type: 'bucket', bucket, prefixes: [prefix, stagingPrefix] },
    createCommitter: (ctx) =>
      new ObjectCommitter(committing, ctx, reachOutside(KIND, 'Amazon S3', '@aws-sdk/client-s3', ctx)),
  }
}

const KEY_START_EXPECTED =
  'the beginning of a key: at most 300 characters, no "/" at its start, no empty, "." or ".." part'

function isKeyStart(text: string): boolean {
  const parts = text.split('/')
  const folders = parts.slice(0, -1)
  return text.length <= 300 && folders.every((part) => part !== '' && part !== '.' && part !== '..')
}
