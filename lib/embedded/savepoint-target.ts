import { join } from 'node:path'
import type { CheckpointRecord, SegmentHandle } from '../checkpoint/checkpoint-record.ts'
import { savepointName, writeSavepoint } from '../checkpoint/savepoint.ts'
import type { Random } from '../ports/random.ts'
import { mergeSegments } from '../state/segment/merge-segments.ts'
import { SegmentReader } from '../state/segment/segment-reader.ts'
import type { RestoredSegment } from '../state/keyed-backend.ts'
import { DiskBlobStore } from './disk-blob-store.ts'
import type { DiskFiles } from './disk-files.ts'
import { sha256 } from '../node/sha256.ts'

/** Writes a savepoint below `directory`, in a directory of its own; resolves to its path. */
export async function writeSavepointTo(
  directory: string,
  record: CheckpointRecord,
  readSegment: (handle: SegmentHandle) => Promise<Uint8Array>,
  { random, files }: { readonly random: Random; readonly files: DiskFiles },
): Promise<string> {
  const target = await DiskBlobStore.open(directory, files)
  const unique = Math.floor(random.next() * 2 ** 32)
    .toString(16)
    .padStart(8, '0')
  const name = savepointName(record.jobName, unique)
  await writeSavepoint({ record, readSegment, merge, sha256, target, directory: name })
  return join(target.location, name)
}

function merge(segments: readonly RestoredSegment[]): { bytes: Uint8Array; rows: number } {
  const bytes = mergeSegments(segments, { dropTombstones: true })
  const { header } = new SegmentReader({ name: 'merged', bytes })
  return { bytes, rows: header.blocks.reduce((sum, [, , rows]) => sum + rows, 0) }
}
