import { UserError } from '../model/faults.ts'
import { rangesOverlap, type KeyGroupRange } from '../model/key-groups.ts'
import type { KeyGroup } from '../model/ids.ts'
import type { BlobStore } from '../ports/blob-store.ts'
import type { RestoredSegment } from '../state/keyed-backend.ts'
import type { CheckpointRecord, OperatorSnapshot, SegmentHandle } from './checkpoint-record.ts'
import { METADATA_NAME, pathPart } from './checkpoint-paths.ts'
import { decodeMetadata, encodeMetadata, type Sha256 } from './metadata-codec.ts'
import { verifySegments } from './segment-store.ts'

/** One segment that stands for `segments`, oldest first: later rows win, and nothing removed is left. */
export type MergeAll = (segments: readonly RestoredSegment[]) => {
  readonly bytes: Uint8Array
  readonly rows: number
}

export interface SavepointParts {
  /** The record of kind savepoint, referring to the run's own segments. */
  readonly record: CheckpointRecord
  readonly readSegment: (handle: SegmentHandle) => Promise<Uint8Array>
  readonly merge: MergeAll
  readonly sha256: Sha256
  /** Where the savepoint goes: a store of its own. */
  readonly target: BlobStore
  /** Name of its directory in there; see {@link savepointName}. */
  readonly directory: string
}

/** `savepoint-<job>-<short id>`. `unique` is a few characters that no other savepoint of the job has. */
export function savepointName(jobName: string, unique: string): string {
  return `savepoint-${pathPart(jobName)}-${unique}`
}

/**
 * Copies everything that `record` needs into one directory: a file per operator and range of key groups, then the
 * record, which makes it complete. It refers to nothing outside; the directory may be moved as a whole. Where it fails
 * it takes back what it wrote.
 */
export async function writeSavepoint(parts: SavepointParts): Promise<CheckpointRecord> {
  const copy = new Copy(parts)
  try {
    return await copy.run()
  } catch (cause) {
    await copy.takeBack()
    throw cause
  }
}

/**
 * The savepoint (or checkpoint copied by hand) in a store opened at its own directory: segment names are relative to it.
 * @throws UserError naming what is missing or damaged.
 */
export async function loadSavepoint(blobs: BlobStore, sha256: Sha256): Promise<CheckpointRecord> {
  const path = `${blobs.location}/${METADATA_NAME}`
  const bytes = await blobs.get(METADATA_NAME)
  if (bytes === undefined) throw new UserError(`${path}: expected a savepoint, found none`)
  const record = decodeMetadata(bytes, path, sha256)
  await verifySegments(blobs, sha256, record)
  return record
}

class Copy {
  readonly #parts: SavepointParts
  readonly #written: string[] = []

  constructor(parts: SavepointParts) {
    this.#parts = parts
  }

  async run(): Promise<CheckpointRecord> {
    const { record, sha256 } = this.#parts
    const operators: OperatorSnapshot[] = []
    for (const operator of record.operators) operators.push(await this.#operator(operator, operators.length))
    const savepoint: CheckpointRecord = { ...record, kind: 'savepoint', operators }
    await this.#put(METADATA_NAME, encodeMetadata(savepoint, sha256))
    return savepoint
  }

  async takeBack(): Promise<void> {
    for (const name of this.#written) await this.#parts.target.delete(name).catch(() => undefined)
  }

  async #operator(operator: OperatorSnapshot, index: number): Promise<OperatorSnapshot> {
    const { readSegment, merge, sha256 } = this.#parts
    const segments: SegmentHandle[] = []
    for (const { keyGroups, members } of rangesOf(operator.segments)) {
      const sources: RestoredSegment[] = []
      for (const handle of members)
        sources.push({ name: handle.blob, bytes: await readSegment(handle), keyGroups: handle.keyGroups })
      const { bytes, rows } = merge(sources)
      if (rows === 0) continue
      // The index keeps uids apart where the file system does not tell capitals from small letters.
      const blob = `${index}-${pathPart(operator.uid)}-${keyGroups.first}-${keyGroups.last}`
      await this.#put(blob, bytes)
      segments.push({
        blob,
        offsetBytes: 0,
        lengthBytes: bytes.length,
        sha256: sha256(bytes),
        rows,
        keyGroups,
      })
    }
    return { ...operator, segments }
  }

  async #put(name: string, bytes: Uint8Array): Promise<void> {
    const { target, directory } = this.#parts
    const full = `${directory}/${name}`
    if ((await target.putIfAbsent(full, bytes)) === 'exists') {
      throw new UserError(
        `${target.location}/${full}: expected a free place for a savepoint, found a file there`,
      )
    }
    this.#written.push(full)
  }
}

/**
 * Segments whose key groups overlap have to be merged together, in order of age; the ranges that come of it are
 * disjoint: one for each subtask that has state, or finer.
 */
function rangesOf(
  segments: readonly SegmentHandle[],
): { keyGroups: KeyGroupRange; members: SegmentHandle[] }[] {
  let ranges: { keyGroups: KeyGroupRange; members: Set<SegmentHandle> }[] = []
  for (const segment of segments) {
    const joined = ranges.filter(({ keyGroups }) => rangesOverlap(keyGroups, segment.keyGroups))
    const all = [...joined.map(({ keyGroups }) => keyGroups), segment.keyGroups]
    const keyGroups = {
      first: Math.min(...all.map(({ first }) => first)) as KeyGroup,
      last: Math.max(...all.map(({ last }) => last)) as KeyGroup,
    }
    const members = new Set([...joined.flatMap((range) => [...range.members]), segment])
    ranges = [...ranges.filter((range) => !joined.includes(range)), { keyGroups, members }]
  }
  return ranges
    .toSorted((a, b) => a.keyGroups.first - b.keyGroups.first)
    .map(({ keyGroups, members }) => ({ keyGroups, members: segments.filter((one) => members.has(one)) }))
}
