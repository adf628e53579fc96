import type {
  CheckpointRecord,
  OperatorSnapshot,
  VertexSnapshot,
} from '../../lib/checkpoint/checkpoint-record.ts'
import type { OpenedCheckpoint } from '../../lib/embedded/open-checkpoint.ts'
import { decodeValue } from '../../lib/state/codec.ts'
import type { StateDescription } from '../../lib/state/keyed-backend.ts'
import { describeSegment } from '../../lib/state/segment/describe-segment.ts'
import { mergeSegments } from '../../lib/state/segment/merge-segments.ts'

/** What a checkpoint or savepoint holds. */
export interface CheckpointReport {
  readonly path: string
  readonly record: Omit<CheckpointRecord, 'vertices' | 'operators'>
  readonly vertices: readonly VertexReport[]
  readonly operators: readonly OperatorReport[]
}

export interface VertexReport {
  readonly id: string
  readonly parallelism: number
  /** The least over its subtasks. */
  readonly watermarkMs: number
  readonly finishedSubtasks: number
}

export interface OperatorReport {
  readonly uid: string
  readonly name: string
  readonly parallelism: number
  readonly maxParallelism: number
  readonly states: readonly StateReport[]
  readonly keys: number
  readonly rows: number
  readonly segments: number
  readonly bytes: number
  readonly operatorState: readonly OperatorStateReport[]
}

export interface StateReport extends StateDescription {
  /** Rows that large maps and lists have of their own. */
  readonly buckets: number
}

export interface OperatorStateReport {
  readonly name: string
  readonly redistribution: 'split' | 'union' | 'broadcast'
  readonly bytes: number
  readonly items: readonly OperatorStateItem[]
}

export interface OperatorStateItem {
  readonly subtask: number
  readonly value: unknown
}

/** Under this name a source keeps its splits, with their positions. */
export const SPLITS_STATE = 'millrace.splits'

/** Reads everything that the checkpoint holds. Its checksums have been verified when it was opened. */
export async function checkpointReport(opened: OpenedCheckpoint): Promise<CheckpointReport> {
  const { vertices, operators, ...record } = opened.record
  const reports: OperatorReport[] = []
  for (const operator of operators) reports.push(await operatorReport(operator, opened))
  return { path: opened.path, record, vertices: vertices.map(vertexReport), operators: reports }
}

function vertexReport({ id, parallelism, subtasks }: VertexSnapshot): VertexReport {
  return {
    id,
    parallelism,
    watermarkMs: Math.min(...subtasks.map(({ watermarkMs }) => watermarkMs)),
    finishedSubtasks: subtasks.filter(({ finished }) => finished).length,
  }
}

async function operatorReport(operator: OperatorSnapshot, opened: OpenedCheckpoint): Promise<OperatorReport> {
  const { uid, name, parallelism, maxParallelism, states, segments } = operator
  const stretches = await Promise.all(
    segments.map(async ({ blob, offsetBytes, lengthBytes }) => ({
      name: blob,
      bytes: (await opened.readBlob(blob)).subarray(offsetBytes, offsetBytes + lengthBytes),
    })),
  )
  // A key may have a row in several segments, of which the last one counts.
  const summary =
    stretches.length === 0
      ? undefined
      : describeSegment({ name: uid, bytes: mergeSegments(stretches, { dropTombstones: true }) })
  return {
    uid,
    name,
    parallelism,
    maxParallelism,
    states: states.map((state) => ({ ...state, buckets: summary?.buckets[state.name] ?? 0 })),
    keys: summary?.keys ?? 0,
    rows: summary?.rows ?? 0,
    segments: segments.length,
    bytes: segments.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0),
    operatorState: operatorStateReports(operator),
  }
}

function operatorStateReports({ operatorState }: OperatorSnapshot): OperatorStateReport[] {
  const names = [...new Set(operatorState.flatMap((ofSubtask) => Object.keys(ofSubtask)))]
  return names.map((name) => {
    const lists = operatorState.flatMap((ofSubtask, subtask) => {
      const list = ofSubtask[name]
      return list === undefined ? [] : [{ subtask, ...list }]
    })
    return {
      name,
      redistribution: lists[0]!.redistribution,
      bytes: lists.flatMap(({ items }) => items).reduce((sum, item) => sum + item.length, 0),
      items: lists.flatMap(({ subtask, items }) =>
        items.map((item) => ({ subtask, value: decodeValue(item) })),
      ),
    }
  })
}
