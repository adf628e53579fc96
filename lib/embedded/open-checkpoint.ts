import { dirname, resolve } from 'node:path'
import type { CheckpointRecord } from '../checkpoint/checkpoint-record.ts'
import { CheckpointStorage } from '../checkpoint/checkpoint-storage.ts'
import { METADATA_NAME, normalLocation } from '../checkpoint/checkpoint-paths.ts'
import { decodeMetadata } from '../checkpoint/metadata-codec.ts'
import { loadSavepoint } from '../checkpoint/savepoint.ts'
import { UserError } from '../model/faults.ts'
import type { BlobStore } from '../ports/blob-store.ts'
import { DiskBlobStore } from './disk-blob-store.ts'
import { nodeFiles, type DiskFiles } from './disk-files.ts'
import { sha256 } from '../node/sha256.ts'

/** A checkpoint or savepoint, found whole, and the store that it lies in. */
export interface OpenedCheckpoint {
  readonly record: CheckpointRecord
  /** Its directory. */
  readonly path: string
  readBlob(name: string): Promise<Uint8Array>
}

/** Directories between a checkpoints directory and a checkpoint: `<job>/<run>/chk-<n>`. */
const CHECKPOINT_DEPTH = 3

/**
 * Reads the checkpoint or savepoint in the directory `path` (or its `_metadata`), and checks every segment.
 * @throws UserError saying what is missing or damaged.
 */
export async function openCheckpoint(path: string, files: DiskFiles = nodeFiles): Promise<OpenedCheckpoint> {
  const directory = resolve(normalLocation(path))
  const own = await DiskBlobStore.open(directory, files)
  const bytes = await own.get(METADATA_NAME)
  if (bytes === undefined) {
    throw new UserError(
      `${path}: expected the directory of a checkpoint or savepoint, found no ${METADATA_NAME} in it. ` +
        'Give the path of a chk-<n> or savepoint directory, or `latest`',
    )
  }
  const { kind } = decodeMetadata(bytes, `${directory}/${METADATA_NAME}`, sha256)
  if (kind === 'savepoint') {
    return { record: await loadSavepoint(own, sha256), path: directory, readBlob: (name) => read(own, name) }
  }
  let root = directory
  for (let depth = 0; depth < CHECKPOINT_DEPTH; depth++) root = dirname(root)
  const store = await DiskBlobStore.open(root, files)
  const record = await new CheckpointStorage(store, sha256).load(directory.slice(root.length + 1))
  return { record, path: directory, readBlob: (name) => read(store, name) }
}

async function read(store: BlobStore, name: string): Promise<Uint8Array> {
  const bytes = await store.get(name)
  if (bytes === undefined)
    throw new UserError(`${store.location}/${name}: a segment of the checkpoint is missing`)
  return bytes
}

/** As {@link openCheckpoint}, for the checkpoints of a run that keeps them in memory. */
export async function openInMemory(location: string, blobs: BlobStore): Promise<OpenedCheckpoint> {
  const record = await new CheckpointStorage(blobs, sha256).load(location.slice(blobs.location.length + 1))
  return { record, path: location, readBlob: (name) => read(blobs, name) }
}
