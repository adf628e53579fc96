import type { JobEvent, JobMetrics, JobResult, OperatorFigures } from '../../lib/embedded/job-handle.ts'
import type { StopSignal } from '../exit-codes.ts'
import type { RunSummary } from './summary.ts'

/**
 * A line of `millrace run --json`; docs/cli.md documents it. Fields are added, never renamed or removed.
 * Times are epoch milliseconds.
 */
export type JsonEvent =
  | {
      readonly type: 'started'
      readonly atMs: number
      readonly job: string
      readonly runId: string
      readonly file: string
      readonly version: string
    }
  | JobEvent
  | JsonMetrics
  | {
      readonly type: 'stopping'
      readonly atMs: number
      readonly signal: StopSignal
      readonly atOnce: boolean
    }
  | JsonError
  | JsonResult

export interface JsonMetrics {
  readonly type: 'metrics'
  readonly atMs: number
  readonly status: JobMetrics['status']
  readonly attempt: number
  readonly restarts: number
  readonly operators: readonly JsonOperator[]
  readonly lastCheckpoint: JobMetrics['lastCheckpoint'] | null
}

export interface JsonOperator extends Omit<OperatorFigures, 'currentWatermark'> {
  /** Null before the first, `end` after the last. */
  readonly currentWatermark: number | 'end' | null
}

export interface JsonError {
  readonly type: 'error'
  readonly atMs: number
  readonly exitCode: number
  readonly problems: readonly string[]
}

export interface JsonResult {
  readonly type: 'result'
  readonly atMs: number
  readonly job: string
  readonly status: JobResult['status']
  readonly exitCode: number
  readonly records: number
  readonly durationMs: number
  readonly checkpoints: number
  readonly failedCheckpoints: number
  readonly restarts: number
  readonly lastCheckpoint: JobResult['lastCheckpoint'] | null
  readonly cause: JobResult['cause'] | null
  /** The command that goes on from here. */
  readonly resume: string | null
}

export function jsonLine(event: JsonEvent): string {
  return `${JSON.stringify(event)}\n`
}

export function jsonMetrics(metrics: JobMetrics, atMs: number): JsonMetrics {
  const { status, attempt, restarts, operators, lastCheckpoint } = metrics
  return {
    type: 'metrics',
    atMs,
    status,
    attempt,
    restarts,
    operators: operators.map((operator) => ({
      ...operator,
      currentWatermark: jsonWatermark(operator.currentWatermark),
    })),
    lastCheckpoint: lastCheckpoint ?? null,
  }
}

export function jsonResult(summary: RunSummary, exitCode: number, atMs: number): JsonResult {
  const { jobName, result, recordsRead, durationMs, checkpoints, failedCheckpoints, resume } = summary
  return {
    type: 'result',
    atMs,
    job: jobName,
    status: result.status,
    exitCode,
    records: recordsRead,
    durationMs,
    checkpoints,
    failedCheckpoints,
    restarts: result.restarts,
    lastCheckpoint: result.lastCheckpoint ?? null,
    cause: result.cause ?? null,
    resume: resume ?? null,
  }
}

/** JSON has no infinities. */
export function jsonWatermark(epochMs: number): number | 'end' | null {
  if (epochMs === Number.NEGATIVE_INFINITY) return null
  return epochMs === Number.POSITIVE_INFINITY ? 'end' : epochMs
}
