import { Retrying } from '../lib/aws/retry.ts'
import { S3BlobStore } from '../lib/aws/s3-blob-store.ts'
import type { S3Requests } from '../lib/aws/services.ts'
import { checkCompatibility } from '../lib/checkpoint/restore-plan.ts'
import type { JobPlan } from '../lib/graph/plan.ts'
import { messageOf } from '../lib/model/faults.ts'
import { systemClock } from '../lib/node/system-clock.ts'
import type { BlobStore } from '../lib/ports/blob-store.ts'
import { loadRecord } from '../lib/serverless/coordinator/restore-source.ts'

/** What of a job's state does not fit the new code: empty, if all does. */
export type Misfits =
  | { readonly type: 'known'; readonly problems: readonly string[] }
  /** The checkpoint could not be read from here: the job's coordinator will see. */
  | { readonly type: 'unknown'; readonly why: string }

export interface MisfitsQuestion {
  /** Of a checkpoint or savepoint: `s3://<bucket>/<name>`. */
  readonly location: string
  /** Of the new code. */
  readonly plan: JobPlan
  readonly allowNonRestoredState: boolean
  readonly store: (bucket: string) => BlobStore
}

/** What the coordinator is going to say of the new code, asked before the old one is stopped. */
export async function misfitsOf(question: MisfitsQuestion): Promise<Misfits> {
  const { location, plan, allowNonRestoredState, store } = question
  const [, bucket, name] = /^s3:\/\/([^/]+)\/(.+)$/.exec(location) ?? []
  if (bucket === undefined || name === undefined) return { type: 'unknown', why: `${location} is not in S3` }
  try {
    const record = await loadRecord(store(bucket), name)
    return { type: 'known', problems: checkCompatibility(record, plan, { allowNonRestoredState }) }
  } catch (cause) {
    // Reading takes a permission that nothing else here needs; and a running job removes checkpoints.
    return { type: 'unknown', why: messageOf(cause) }
  }
}

export function checkpointStore(bucket: string, s3: S3Requests): BlobStore {
  const random = { next: () => Math.random() }
  const retrying = new Retrying({ clock: systemClock, random, remainingMs: () => Infinity })
  return new S3BlobStore(s3, retrying, { bucket: () => bucket, prefix: '' })
}
