import { UserError } from '../model/faults.ts'
import { asAttempt, asCheckpointId, type Attempt, type CheckpointId } from '../model/ids.ts'
import type { BlobStore } from '../ports/blob-store.ts'
import { attemptMarker, attemptMarkers, jobPrefix, type RunAddress } from './checkpoint-paths.ts'

/** A checkpoint outside of a run, or a savepoint, that the run went on from, committing its transactions. */
export interface AttemptBase {
  readonly checkpointId: CheckpointId
  /** As a restore point has it. */
  readonly location: string
  /** When the run did, in epoch milliseconds. */
  readonly atMs: number
}

export interface RunBase extends AttemptBase {
  readonly runId: string
}

interface Marker {
  readonly name: string
  readonly runId: string
  readonly attempt: number
  /** Of the base, where there is one. */
  readonly checkpointId: number | undefined
}

/**
 * What the records of a run do not tell of its attempts: how many there were, and what they went on from if that was
 * none of the run's checkpoints. Going on from anything older would commit again what is committed.
 */
export class AttemptLog {
  readonly #blobs: BlobStore

  constructor(blobs: BlobStore) {
    this.#blobs = blobs
  }

  /** The last attempt and the highest id of a base that the log knows of this run; 0 where it knows none. */
  async last(run: RunAddress): Promise<{ attempt: Attempt; checkpointId: CheckpointId }> {
    const markers = await this.#markers(attemptMarkers(run))
    return {
      attempt: asAttempt(Math.max(0, ...markers.map((one) => one.attempt))),
      checkpointId: asCheckpointId(Math.max(0, ...markers.map((one) => one.checkpointId ?? 0))),
    }
  }

  /** To be done before an attempt begins from `base`, or commits it; `base` undefined: a checkpoint of the run, or nothing. */
  async remember(run: RunAddress, attempt: Attempt, base: AttemptBase | undefined): Promise<void> {
    const name = attemptMarker(run, attempt, base?.checkpointId)
    const earlier = await this.#markers(attemptMarkers(run))
    const content = base === undefined ? '' : JSON.stringify({ location: base.location, atMs: base.atMs })
    await this.#blobs.putIfAbsent(name, new TextEncoder().encode(content))
    for (const other of earlier) if (other.name !== name) await this.#blobs.delete(other.name)
  }

  /** What the runs of a job went on from last, if it was none of their own checkpoints. @throws UserError if it is damaged. */
  async bases(jobName: string): Promise<RunBase[]> {
    const bases: RunBase[] = []
    for (const { name, runId, checkpointId } of await this.#markers(jobPrefix(jobName))) {
      if (checkpointId === undefined) continue
      const bytes = await this.#blobs.get(name)
      if (bytes !== undefined) {
        const path = `${this.#blobs.location}/${name}`
        bases.push({ runId, checkpointId: asCheckpointId(checkpointId), ...parsed(bytes, path) })
      }
    }
    return bases
  }

  async #markers(prefix: string): Promise<Marker[]> {
    const names = await this.#blobs.list(prefix)
    return names.flatMap((name) => {
      const [, runId, attempt, checkpointId] = /([^/]+)\/attempts\/(\d+)(?:-(\d+))?$/.exec(name) ?? []
      if (runId === undefined) return []
      return [
        {
          name,
          runId,
          attempt: Number(attempt),
          checkpointId: checkpointId === undefined ? undefined : Number(checkpointId),
        },
      ]
    })
  }
}

function parsed(bytes: Uint8Array, path: string): { location: string; atMs: number } {
  try {
    const { location, atMs } = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>
    if (typeof location === 'string' && typeof atMs === 'number') return { location, atMs }
  } catch {
    // Told below.
  }
  throw new UserError(
    `${path}: damaged: expected to find what the run went on from. Name the checkpoint or savepoint to begin from`,
  )
}
