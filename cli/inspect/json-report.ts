import { jsonWatermark } from '../run/json-events.ts'
import { SPLITS_STATE, type CheckpointReport } from './checkpoint-report.ts'

/** A report as JSON data; docs/cli.md documents it. Fields are added, never renamed or removed. */
export interface JsonReport {
  readonly format: 1
  readonly path: string
  readonly verified: true
  readonly kind: 'checkpoint' | 'savepoint'
  readonly checkpointId: number
  readonly jobName: string
  readonly runId: string
  readonly attempt: number
  readonly triggeredAtMs: number
  readonly completedAtMs: number
  readonly planFingerprint: string
  readonly bytes: number
  readonly vertices: readonly {
    readonly id: string
    readonly parallelism: number
    readonly watermarkMs: number | 'end' | null
    readonly finishedSubtasks: number
  }[]
  readonly operators: readonly {
    readonly uid: string
    readonly name: string
    readonly parallelism: number
    readonly maxParallelism: number
    readonly states: readonly {
      readonly name: string
      readonly kind: string
      readonly ttl: boolean
      readonly buckets: number
    }[]
    readonly keys: number
    readonly rows: number
    readonly segments: number
    readonly bytes: number
    /** Of a source: its splits with their positions. */
    readonly positions: readonly JsonItem[]
    readonly operatorState: readonly {
      readonly name: string
      readonly redistribution: string
      readonly bytes: number
      readonly items: readonly JsonItem[]
    }[]
  }[]
}

interface JsonItem {
  readonly subtask: number
  readonly value: unknown
}

export function jsonReport({ path, record, vertices, operators }: CheckpointReport): JsonReport {
  const { kind, checkpointId, jobName, runId, attempt, triggeredAtMs, completedAtMs, planFingerprint } =
    record
  return {
    format: 1,
    path,
    verified: true,
    kind,
    checkpointId,
    jobName,
    runId,
    attempt,
    triggeredAtMs,
    completedAtMs,
    planFingerprint,
    bytes: operators.reduce((sum, operator) => sum + operator.bytes, 0),
    vertices: vertices.map((vertex) => ({ ...vertex, watermarkMs: jsonWatermark(vertex.watermarkMs) })),
    operators: operators.map(({ operatorState, ...operator }) => {
      const lists = operatorState.map((list) => ({
        ...list,
        items: list.items.map(({ subtask, value }) => ({ subtask, value: jsonValue(value) })),
      }))
      return {
        ...operator,
        positions: lists.filter(({ name }) => name === SPLITS_STATE).flatMap(({ items }) => items),
        operatorState: lists.filter(({ name }) => name !== SPLITS_STATE),
      }
    }),
  }
}

/** What state may hold and JSON may not: bigints and infinities as text, maps as pairs, bytes in base64. */
function jsonValue(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  if (value === undefined) return null
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString()
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (value instanceof Map) return [...value].map((entry) => entry.map(jsonValue))
  if (value instanceof Set) return [...value].map(jsonValue)
  if (Array.isArray(value)) return value.map(jsonValue)
  return Object.fromEntries(Object.entries(value).map(([field, one]) => [field, jsonValue(one)]))
}
