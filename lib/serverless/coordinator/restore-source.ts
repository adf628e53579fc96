import type { CheckpointRecord, Stretch } from '../../checkpoint/checkpoint-record.ts'
import { metadataName, normalLocation } from '../../checkpoint/checkpoint-paths.ts'
import { decodeMetadata } from '../../checkpoint/metadata-codec.ts'
import { UserError } from '../../model/faults.ts'
import type { BlobStore } from '../../ports/blob-store.ts'
import { sha256 } from '../../node/sha256.ts'

/** Directories between a checkpoint and what its segments are named relative to: `<job>/<run>/chk-<n>`. */
const CHECKPOINT_DEPTH = 3

/** The name in this job's store of what a user calls by its location: with the store's own, or relative to it. */
export function nameOf(blobs: BlobStore, location: string): string {
  const normal = normalLocation(location)
  const root = `${blobs.location}/`
  return normal.startsWith(root) ? normal.slice(root.length) : normal
}

export function locationOf(blobs: BlobStore, name: string): string {
  return `${blobs.location}/${name}`
}

/** Whether `name` is one that a store takes, and leads nowhere else. */
export function isPlainName(name: string): boolean {
  const parts = name.split('/')
  return name !== '' && parts.every((part) => !['', '.', '..'].includes(part) && !/[:\\\0]/.test(part))
}

/**
 * The record of the checkpoint or savepoint in the directory `name`. Its segments are checked by the tasks that read them.
 * @throws UserError saying what is missing or damaged.
 */
export async function loadRecord(blobs: BlobStore, name: string): Promise<CheckpointRecord> {
  const path = locationOf(blobs, metadataName(name))
  const bytes = isPlainName(name) ? await blobs.get(metadataName(name)) : undefined
  if (bytes === undefined) {
    throw new UserError(
      `${path}: expected a checkpoint or savepoint, found none. Expected \`latest\` or the location of one within ` +
        `${blobs.location}: savepoints from elsewhere are to be copied there first`,
    )
  }
  return decodeMetadata(bytes, path, sha256)
}

/** As the store that holds it names its blobs; what a record says is relative to its place. */
export function stretchInStore<Handle extends Stretch>(
  directory: string,
  { kind }: CheckpointRecord,
  handle: Handle,
): Handle {
  const parts = directory.split('/')
  const root = kind === 'savepoint' ? parts : parts.slice(0, Math.max(0, parts.length - CHECKPOINT_DEPTH))
  return { ...handle, blob: [...root, handle.blob].join('/') }
}
