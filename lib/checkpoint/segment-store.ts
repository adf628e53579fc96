import { UserError } from '../model/faults.ts'
import type { BlobStore } from '../ports/blob-store.ts'
import { stretchesOf, type CheckpointRecord, type Stretch } from './checkpoint-record.ts'
import { segmentKey } from './assemble-record.ts'
import type { Sha256 } from './metadata-codec.ts'

/**
 * The stretch that `handle` names, checked against its length and digest.
 * @throws UserError naming the blob, where it is missing, too short or damaged.
 */
export async function readSegment(blobs: BlobStore, sha256: Sha256, handle: Stretch): Promise<Uint8Array> {
  return checkedStretch(await blobs.get(handle.blob), `${blobs.location}/${handle.blob}`, sha256, handle)
}

/** Reads every segment of the record once, and keeps none: nothing of it may be used unless all of it can be. */
export async function verifySegments(
  blobs: BlobStore,
  sha256: Sha256,
  record: CheckpointRecord,
): Promise<void> {
  const once = new Map(stretchesOf(record).map((handle) => [segmentKey(handle), handle]))
  const problems: string[] = []
  for (const handle of once.values()) {
    try {
      await readSegment(blobs, sha256, handle)
    } catch (cause) {
      if (!(cause instanceof UserError)) throw cause
      problems.push(...cause.problems)
    }
  }
  if (problems.length > 0) throw new UserError(problems)
}

function checkedStretch(
  blob: Uint8Array | undefined,
  path: string,
  sha256: Sha256,
  { offsetBytes, lengthBytes, sha256: expected }: Stretch,
): Uint8Array {
  if (blob === undefined) throw new UserError(`${path}: a segment of the checkpoint is missing. ${REMEDY}`)
  const end = offsetBytes + lengthBytes
  if (blob.length < end) {
    throw new UserError(`${path}: truncated: expected at least ${end} bytes, got ${blob.length}. ${REMEDY}`)
  }
  const stretch = blob.subarray(offsetBytes, end)
  const found = sha256(stretch)
  if (found !== expected) {
    throw new UserError(`${path}: damaged: expected SHA-256 ${expected}, got ${found}. ${REMEDY}`)
  }
  return stretch
}

const REMEDY = 'Restore from another checkpoint or savepoint.'
