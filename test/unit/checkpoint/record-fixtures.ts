import { createHash } from 'node:crypto'
import type { CheckpointRecord, SegmentHandle } from '../../../lib/checkpoint/checkpoint-record.ts'
import type { CheckpointStorage } from '../../../lib/checkpoint/checkpoint-storage.ts'
import { asCheckpointId, type KeyGroup } from '../../../lib/model/ids.ts'

export const RUN = { jobName: 'jumps', runId: 'r1' } as const

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

export const text = (value: string): Uint8Array => new TextEncoder().encode(value)

function keyGroups(first: number, last: number): SegmentHandle['keyGroups'] {
  return { first: first as KeyGroup, last: last as KeyGroup }
}

export function handle(blob: string, first = 0, last = 127): SegmentHandle {
  return {
    blob,
    offsetBytes: 0,
    lengthBytes: 3,
    sha256: sha256(text('abc')),
    rows: 1,
    keyGroups: keyGroups(first, last),
  }
}

/** The record of checkpoint `id`: a source, and a keyed operator that consists of `segments`. */
export function recordOf(
  id: number,
  segments: readonly SegmentHandle[] = [],
  changes: Partial<CheckpointRecord> = {},
): CheckpointRecord {
  const subtask = { watermarkMs: 7, finished: false }
  return {
    formatVersion: 1,
    kind: 'checkpoint',
    ...RUN,
    checkpointId: asCheckpointId(id),
    attempt: 1,
    triggeredAtMs: 1_000 * id,
    completedAtMs: 1_000 * id + 5,
    planFingerprint: 'f',
    vertices: [
      { id: 'readings', parallelism: 1, subtasks: [subtask] },
      { id: 'jump', parallelism: 2, subtasks: [subtask, { watermarkMs: -Infinity, finished: true }] },
    ],
    operators: [
      {
        uid: 'readings',
        name: 'readings',
        parallelism: 1,
        maxParallelism: 128,
        states: [],
        segments: [],
        operatorState: [{ splits: { redistribution: 'split', items: [text('0'), text('1')] } }],
      },
      {
        uid: 'jump',
        name: 'jump',
        parallelism: 2,
        maxParallelism: 128,
        segments,
        states: [{ name: 'last', kind: 'value', ttl: true }],
        operatorState: [{}, {}],
      },
    ],
    ...changes,
  }
}

/** Puts a segment into `storage` and gives its handle. */
export async function putSegment(
  storage: CheckpointStorage,
  checkpointId: number,
  content: string,
  runId: string = RUN.runId,
): Promise<SegmentHandle> {
  const owner = { checkpointId: asCheckpointId(checkpointId), task: 'jump#0', uid: 'jump' }
  const place = await storage.putSegment({ ...RUN, runId }, owner, text(content))
  return { ...place, rows: 1, keyGroups: keyGroups(0, 127) }
}
