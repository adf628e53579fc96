import { assert, UserError } from '../model/faults.ts'
import { asCheckpointId, type CheckpointId } from '../model/ids.ts'
import type { BlobStore } from '../ports/blob-store.ts'
import { stretchesOf, type CheckpointRecord, type Stretch } from './checkpoint-record.ts'
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

interface RefusedCheckpoint {
  readonly run: string
  readonly id: number
  readonly cause: UserError
}

/** Whose change a segment is. */
export interface SegmentOwner {
  /** The checkpoint that it is written for. */
  readonly checkpointId: CheckpointId
  readonly task: string
  readonly uid: string
}

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

  /** Makes a segment durable, or whatever else the checkpoint refers to. Its name is its own: nobody else's removal can take it away. */
  async putSegment(run: RunAddress, owner: SegmentOwner, bytes: Uint8Array): Promise<Stretch> {
    const sha256 = this.#sha256(bytes)
    const ownerDigest = this.#digestOf(`${owner.task}/${owner.uid}`).slice(0, OWNER_DIGITS)
    const blob = `${sharedPrefix(run)}${owner.checkpointId}-${ownerDigest}-${sha256.slice(0, CONTENT_DIGITS)}`
    await this.#blobs.putIfAbsent(blob, bytes)
    return { blob, offsetBytes: 0, lengthBytes: bytes.length, sha256 }
  }

  readSegment(handle: Stretch): Promise<Uint8Array> {
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
      `checkpoint ids are never reused, but ${this.pathOf(location)} is there already`,
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

  /** The completed checkpoints of a job that can be read, over all its runs; oldest first. */
  async list(jobName: string): Promise<StoredCheckpoint[]> {
    return (await this.#readAll(jobPrefix(jobName))).found
  }

  /**
   * The newest completed checkpoint of a job, over all its runs; undefined if there is none.
   * @throws UserError if one that may be newer than it cannot be read: an older one is not taken in silence. One that
   * a later one of its own run can stand for is passed over.
   */
  async latest(jobName: string): Promise<StoredCheckpoint | undefined> {
    const { found, refused } = await this.#readAll(jobPrefix(jobName))
    const mayBeNewest = refused.filter(({ run, id }) => {
      return !found.some(({ location, record }) => runOf(location) === run && record.checkpointId > id)
    })
    if (mayBeNewest.length > 0) throw new UserError(mayBeNewest.map(({ cause }) => cause.message))
    return found.at(-1)
  }

  /** Above every id that this run ever completed, or wrote a segment for: ids go up also when all checkpoints are gone. */
  async nextCheckpointId(run: RunAddress): Promise<CheckpointId> {
    const names = await this.#blobs.list(runPrefix(run))
    return asCheckpointId(highestId(names) + 1)
  }

  /**
   * Removes a checkpoint's record, if it is there: to be done before any of its segments go, so that no checkpoint is
   * ever there in part.
   */
  async removeRecord(run: RunAddress, checkpointId: CheckpointId): Promise<void> {
    const metadata = metadataName(checkpointLocation(run, checkpointId))
    const names = await this.#blobs.list(runPrefix(run))
    if (names.includes(metadata)) {
      // Its segments may go next, and tell nothing of ids then.
      const lasting = names.filter((name) => name !== metadata && !name.startsWith(sharedPrefix(run)))
      await this.#rememberIds(run, highestId(names), lasting)
    }
    // Also if it is gone from sight: its removal may not be durable yet.
    await this.#blobs.delete(metadata)
  }

  /** Removes a segment that no checkpoint refers to, or will. */
  removeSegment(blob: string): Promise<void> {
    return this.#blobs.delete(blob)
  }

  /**
   * Removes the segments that no checkpoint of the run refers to: what a crash left. Only before the run goes on, or
   * after it ended. Removes nothing while a record is damaged: it is not known what that one refers to.
   */
  async sweep(run: RunAddress): Promise<void> {
    const { found, refused } = await this.#readAll(runPrefix(run))
    if (refused.length > 0) return
    const needed = new Set(found.flatMap(({ record }) => stretchesOf(record).map((one) => one.blob)))
    const names = await this.#blobs.list(runPrefix(run))
    const orphans = names.filter((name) => name.startsWith(sharedPrefix(run)) && !needed.has(name))
    const left = names.filter((name) => !orphans.includes(name))
    await this.#rememberIds(run, highestId(names), left)
    for (const orphan of orphans) await this.#blobs.delete(orphan)
  }

  /**
   * Removes what is left of a run that ended with nothing to go on from. The newest that one could go on from goes
   * last of these: at whatever moment a crash comes, nobody goes on from an older one in its place.
   */
  async forgetRun(run: RunAddress): Promise<void> {
    const names = await this.#blobs.list(runPrefix(run))
    const byStart = names.toSorted((a, b) => {
      const [idA, idB] = [startId(a), startId(b)]
      return idA === idB ? 0 : idA - idB
    })
    for (const name of byStart) await this.#blobs.delete(name)
  }

  /** What to call a name of this store in messages and to users. */
  pathOf(name: string): string {
    return `${this.#blobs.location}/${name}`
  }

  /** Where nothing that is `left` tells that ids went as far as `highest`, a marker does. */
  async #rememberIds(run: RunAddress, highest: number, left: readonly string[]): Promise<void> {
    if (highestId(left) >= highest) return
    await this.#blobs.putIfAbsent(idMarker(run, highest), new Uint8Array())
    for (const name of left) if (name.startsWith(idMarkers(run))) await this.#blobs.delete(name)
  }

  async #readAll(prefix: string): Promise<{ found: StoredCheckpoint[]; refused: RefusedCheckpoint[] }> {
    const found: StoredCheckpoint[] = []
    const refused: RefusedCheckpoint[] = []
    for (const name of (await this.#blobs.list(prefix)).filter(isMetadata)) {
      const location = normalLocation(name)
      try {
        found.push({ location, record: await this.#loadRecord(location) })
      } catch (cause) {
        if (!(cause instanceof UserError)) throw cause
        refused.push({ run: runOf(location), id: idInName(name) ?? Infinity, cause })
      }
    }
    return { found: found.toSorted(byAge), refused }
  }

  async #loadRecord(location: string): Promise<CheckpointRecord> {
    const path = this.pathOf(metadataName(location))
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
}

function runOf(location: string): string {
  return location.slice(0, location.lastIndexOf('/'))
}

function highestId(names: readonly string[]): number {
  return names.reduce((highest, name) => Math.max(highest, idInName(name) ?? 0), 0)
}

/** Of a name that one could go on from: its checkpoint's id. The rest comes after. */
function startId(name: string): number {
  const base = /\/attempts\/\d+-(\d+)$/.exec(name)?.[1]
  if (base !== undefined) return Number(base)
  return isMetadata(name) ? (idInName(name) ?? 0) : Number.POSITIVE_INFINITY
}

function isMetadata(name: string): boolean {
  return name.endsWith(`/${METADATA_NAME}`)
}

function byAge({ record: a }: StoredCheckpoint, { record: b }: StoredCheckpoint): number {
  return a.completedAtMs - b.completedAtMs || a.checkpointId - b.checkpointId
}
