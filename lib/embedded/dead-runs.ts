import { join } from 'node:path'
import { AttemptLog } from '../checkpoint/attempt-log.ts'
import { jobPrefix, runDirectory } from '../checkpoint/checkpoint-paths.ts'
import { CheckpointStorage } from '../checkpoint/checkpoint-storage.ts'
import { UserError } from '../model/faults.ts'
import type { BlobStore } from '../ports/blob-store.ts'
import type { DiskFiles } from './disk-files.ts'
import { lockRun } from './run-lock.ts'
import { sha256 } from '../node/sha256.ts'

export interface DeadRuns {
  readonly blobs: BlobStore
  readonly files: DiskFiles
  readonly jobName: string
  /** The run that begins; another that went on from something is superseded if this one did too. */
  readonly successor: string
  readonly goesOn: boolean
}

/**
 * Removes what killed runs of a job left without ever completing a checkpoint: nobody can go on with them. Where a
 * process is killed and started over and over, they would pile up (invariant 11, bounds).
 */
export async function removeDeadRuns({ blobs, files, jobName, successor, goesOn }: DeadRuns): Promise<void> {
  const storage = new CheckpointStorage(blobs, sha256)
  const prefix = jobPrefix(jobName)
  const entries = await files.entries(join(blobs.location, prefix)).catch(() => [])
  const names = await blobs.list(prefix)
  const bases = await new AttemptLog(blobs).bases(jobName)
  for (const { name: runId, isDirectory } of entries) {
    if (!isDirectory || runId === successor) continue
    if (names.some((name) => name.startsWith(`${prefix}${runId}/chk-`))) continue
    if (!goesOn && bases.some((base) => base.runId === runId)) continue
    const run = { jobName, runId }
    let release: () => Promise<void>
    try {
      release = await lockRun(join(blobs.location, runDirectory(run)), files)
    } catch (cause) {
      if (cause instanceof UserError) continue
      throw cause
    }
    try {
      // It may have come to an end between the look and the lock, or to a checkpoint.
      const left = await blobs.list(`${prefix}${runId}/`)
      if (!left.some((name) => name.startsWith(`${prefix}${runId}/chk-`))) await storage.forgetRun(run)
    } finally {
      await release()
    }
  }
}
