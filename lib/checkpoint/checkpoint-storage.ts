import { assert, UserError } from '../model/faults.ts'
import { asCheckpointId, type CheckpointId } from '../model/ids.ts'
import type { BlobStore } from '../ports/blob-store.ts'
import type { CheckpointRecord, SegmentHandle } from './checkpoint-record.ts'
import {
  checkpointLocation,
  idInName,
  idMarker,
  idMarkers,
  jobPrefix,
  METADATA_NAME,
  metadataName,
  normalLocation,
  runPrefix,
  sharedPrefix,
  type RunAddress,
} from './checkpoint-paths.ts'
import { decodeMetadata, encodeMetadata, type Sha256 } from './metadata-codec.ts'
import { readSegment, verifySegments } from './segment-store.ts'

export interface StoredCheckpoint {
  /** Name of the checkpoint's directory within the store: what {@link CheckpointStorage.load} takes. */
  readonly location: string
  readonly record: CheckpointRecord
}

/** Whose change a segment is. */
export interface SegmentOwner {
  /** The checkpoint that is the first to refer to it. */
  readonly checkpointId: CheckpointId
  readonly task: string
  readonly uid: string
}

/** Where a segment's bytes are; the rest of a handle is known to who made it. */
export type SegmentPlace = Pick<SegmentHandle, 'blob' | 'offsetBytes' | 'lengthBytes' | 'sha256'>

const OWNER_DIGITS = 8
const CONTENT_DIGITS = 16

/** Checkpoints of jobs in a blob store. One run is written by one process at a time. */
export class CheckpointStorage {
  readonly #blobs: BlobStore
  readonly #sha256: Sha256

  constructor(blobs: BlobStore, sha256: Sha256) {
    this.#blobs = blobs
    this.#sha256 = sha256
  }

  /** Makes a segment durable. Its name is its own: nobody else's removal can take it away. */
  async putSegment(run: RunAddress, owner: SegmentOwner, bytes: Uint8Array): Promise<SegmentPlace> {
    const sha256 = this.#sha256(bytes)
    const ownerDigest = this.#digestOf(`${owner.task}/${owner.uid}`).slice(0, OWNER_DIGITS)
    const blob = `${sharedPrefix(run)}${owner.checkpointId}-${ownerDigest}-${sha256.slice(0, CONTENT_DIGITS)}`
    await this.#blobs.putIfAbsent(blob, bytes)
    return { blob, offsetBytes: 0, lengthBytes: bytes.length, sha256 }
  }

  readSegment(handle: SegmentHandle): Promise<Uint8Array> {
    return readSegment(this.#blobs, this.#sha256, handle)
  }

  /** Writes the record, whose segments are durable: from here on the checkpoint is complete. */
  async store(record: CheckpointRecord): Promise<string> {
    const location = checkpointLocation(record, record.checkpointId)
    const outcome = await this.#blobs.putIfAbsent(
      metadataName(location),
      encodeMetadata(record, this.#sha256),
    )
    assert(
      outcome === 'stored',
      `checkpoint ids are never reused, but ${this.#pathOf(location)} is there already`,
    )
    return location
  }

  /**
   * The record at `location`, once it and every segment of it are found whole.
   * @throws UserError naming what is missing or damaged.
   */
  async load(location: string): Promise<CheckpointRecord> {
    const record = await this.#loadRecord(normalLocation(location))
    await verifySegments(this.#blobs, this.#sha256, record)
    return record
  }

  /** The completed checkpoints of a job, over all its runs; oldest first. @throws UserError if one cannot be read. */
  async list(jobName: string): Promise<StoredCheckpoint[]> {
    const { found, refused } = await this.#readAll(jobPrefix(jobName))
    if (refused.length > 0) throw new UserError(refused.map(({ cause }) => cause.message))
    return found
  }

  /**
   * The newest completed checkpoint of a job, over all its runs; undefined if there is none.
   * @throws UserError if one that may be newer than it cannot be read: an older one is not taken in silence.
   */
  async latest(jobName: string): Promise<StoredCheckpoint | undefined> {
    const { found, refused } = await this.#readAll(jobPrefix(jobName))
    const newest = found.at(-1)
    const newer = refused.filter(({ id }) => newest === undefined || id > newest.record.checkpointId)
    if (newer.length > 0) throw new UserError(newer.map(({ cause }) => cause.message))
    return newest
  }

  /**
   * Above every id that this job ever completed, or wrote a segment for, in any run: ids go up also when all
   * checkpoints are gone.
   */
  async nextCheckpointId(jobName: string): Promise<CheckpointId> {
    const names = await this.#blobs.list(jobPrefix(jobName))
    return asCheckpointId(highestId(names) + 1)
  }

  /**
   * Removes a checkpoint: first its record, so that it is never there in part; then the segments that no checkpoint
   * needs any more. Those that a checkpoint under way may refer to are left alone: while no other is complete, those
   * are all of them. Does nothing if there is no record.
   */
  async discard(run: RunAddress, checkpointId: CheckpointId): Promise<void> {
    const metadata = metadataName(checkpointLocation(run, checkpointId))
    const names = await this.#blobs.list(runPrefix(run))
    if (!names.includes(metadata)) return
    await this.#remove(run, [metadata])
    const retained = names
      .filter((name) => isMetadata(name) && name !== metadata)
      .map((name) => idInName(name) ?? 0)
    // A segment as old as the oldest checkpoint left, and not in any, was replaced before that checkpoint.
    const oldest = Math.min(...retained)
    if (retained.length > 0) await this.#removeSegments(run, (id) => id <= oldest)
  }

  /** Removes the segments that no checkpoint of the run refers to. Only before the run goes on, and after it ended. */
  sweep(run: RunAddress): Promise<void> {
    return this.#removeSegments(run, () => true)
  }

  /** The run that `location` belongs to, if it is one of this job: resuming from there goes on with that run. */
  ownerOf(jobName: string, location: string): string | undefined {
    const normal = normalLocation(location)
    const prefix = jobPrefix(jobName)
    const match = /^([^/]+)\/chk-\d+$/.exec(normal.startsWith(prefix) ? normal.slice(prefix.length) : '')
    return match?.[1]
  }

  async #removeSegments(run: RunAddress, mayGo: (checkpointId: number) => boolean): Promise<void> {
    const { found, refused } = await this.#readAll(runPrefix(run))
    // What a damaged record refers to is not known; perhaps somebody mends it.
    if (refused.length > 0) return
    const needed = new Set(
      found.flatMap(({ record }) =>
        record.operators.flatMap((operator) => operator.segments.map((one) => one.blob)),
      ),
    )
    const segments = await this.#blobs.list(sharedPrefix(run))
    await this.#remove(
      run,
      segments.filter((name) => !needed.has(name) && mayGo(idInName(name) ?? Infinity)),
    )
  }

  /** Where these are the last to tell how far ids went, a marker tells it first. */
  async #remove(run: RunAddress, doomed: readonly string[]): Promise<void> {
    if (doomed.length === 0) return
    const left = (await this.#blobs.list(runPrefix(run))).filter((name) => !doomed.includes(name))
    const highest = highestId(doomed)
    if (highest > highestId(left)) {
      const marker = idMarker(run, highest)
      await this.#blobs.putIfAbsent(marker, new Uint8Array())
      for (const older of left) if (older.startsWith(idMarkers(run))) await this.#blobs.delete(older)
    }
    for (const name of doomed) await this.#blobs.delete(name)
  }

  async #readAll(
    prefix: string,
  ): Promise<{ found: StoredCheckpoint[]; refused: { id: number; cause: UserError }[] }> {
    const found: StoredCheckpoint[] = []
    const refused: { id: number; cause: UserError }[] = []
    for (const name of (await this.#blobs.list(prefix)).filter(isMetadata)) {
      const location = normalLocation(name)
      try {
        found.push({ location, record: await this.#loadRecord(location) })
      } catch (cause) {
        if (!(cause instanceof UserError)) throw cause
        refused.push({ id: idInName(name) ?? Infinity, cause })
      }
    }
    return { found: found.toSorted(byAge), refused }
  }

  async #loadRecord(location: string): Promise<CheckpointRecord> {
    const path = this.#pathOf(metadataName(location))
    const bytes = await this.#blobs.get(metadataName(location))
    if (bytes === undefined) {
      throw new UserError(
        `${path}: expected a checkpoint, found none. Expected a path such as <job>/<run>/chk-7.`,
      )
    }
    return decodeMetadata(bytes, path, this.#sha256)
  }

  #digestOf(text: string): string {
    return this.#sha256(new TextEncoder().encode(text))
  }

  #pathOf(name: string): string {
    return `${this.#blobs.location}/${name}`
  }
}

function highestId(names: readonly string[]): number {
  return names.reduce((highest, name) => Math.max(highest, idInName(name) ?? 0), 0)
}

function isMetadata(name: string): boolean {
  return name.endsWith(`/${METADATA_NAME}`)
}

function byAge({ record: a }: StoredCheckpoint, { record: b }: StoredCheckpoint): number {
  return a.completedAtMs - b.completedAtMs || a.checkpointId - b.checkpointId
}
