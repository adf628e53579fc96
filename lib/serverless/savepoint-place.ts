import type { RunAddress } from '../checkpoint/checkpoint-paths.ts'
import { savepointName } from '../checkpoint/savepoint.ts'

/** Where savepoints are in a job's blob store, unless somebody wants one elsewhere. */
const SAVEPOINTS_PREFIX = 'savepoints/'

/**
 * The directory of a savepoint: its tasks copy their rows to it before they acknowledge, each under names of its own, and
 * the record that makes it whole is written last. Handles name blobs relative to it.
 */
export function savepointDirectory(run: RunAddress, checkpointId: number): string {
  return `${SAVEPOINTS_PREFIX}${savepointName(run.jobName, `${run.runId}-${checkpointId}`)}`
}
