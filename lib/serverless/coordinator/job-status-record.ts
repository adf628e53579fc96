import type { LogPositions } from '../../checkpoint/checkpoint-record.ts'
import type {
  CheckpointFigures,
  CompletedCheckpoint,
  RestorePoint,
} from '../../checkpoint/coordinator-state.ts'
import type { FailureCause } from '../../checkpoint/failure-reasons.ts'
import type { JobStatus } from '../../checkpoint/job-status.ts'
import type { ActorId, TaskId } from '../../model/ids.ts'
import { assert } from '../../model/faults.ts'
import type { TurnLog } from '../../ports/turn-log.ts'
import type { JobRuntime } from '../runtime.ts'
import { latestPoint } from './attempts.ts'
import { COORDINATOR_LIMITS } from './coordinator-limits.ts'
import {
  shownStatus,
  type Answered,
  type CoordinatorImage,
  type JobAnswer,
  type PlanShape,
  type Warned,
} from './image.ts'

const JOB_STATUS_VERSION = 1

/**
 * What a job shows to those outside, as of one committed turn of its coordinator: a command line reads it without waking
 * anything.
 */
export interface JobStatusRecord {
  readonly version: number
  readonly jobName: string
  readonly status: JobStatus
  /** Undefined before the first run. */
  readonly runId: string | undefined
  /** Counts over all runs. */
  readonly attempt: number
  /** Of this run. */
  readonly restarts: number
  readonly startedAtMs: number | undefined
  readonly updatedAtMs: number
  readonly cause: FailureCause | undefined
  /** When the next attempt begins, where one is waited for. */
  readonly restartAtMs: number | undefined
  /** Nothing is done: no periodic checkpoints are triggered, and the safety schedule is off. */
  readonly idle: boolean
  readonly restoredFrom: RestorePoint | undefined
  /** Completed and retained, oldest first. */
  readonly checkpoints: readonly ShownCheckpoint[]
  readonly lastSavepoint: ShownCheckpoint | undefined
  /** Where the tasks' barriers of the last checkpoint are in their logs. */
  readonly positions: LogPositions | undefined
  /** What `latest` means now. */
  readonly latest: RestorePoint | undefined
  /** Tasks whose rows were not brought up to the checkpoint kept: no start at another parallelism from it. */
  readonly unmaterialized: readonly TaskId[]
  readonly shape: PlanShape | undefined
  /** What failed nothing, and should be looked at; the latest last. Undefined, from older code: none is known. */
  readonly warnings?: readonly Warned[]
  /** By request. */
  readonly answers: Readonly<Record<string, JobAnswer & { readonly atMs: number }>>
}

export interface ShownCheckpoint extends RestorePoint {
  readonly triggeredAtMs: number
  readonly completedAtMs: number
  readonly figures: CheckpointFigures
}

/** Not an actor: where in the log's table the record is, as a head. */
const JOB_STATUS = 'status' as ActorId
const VERSION_DIGITS = 16

/** Replaces the record, unless a later one is there. */
export async function publish(
  { log, plan }: JobRuntime,
  image: CoordinatorImage,
  nowMs: number,
): Promise<void> {
  const version = String(image.published).padStart(VERSION_DIGITS, '0')
  const body = new TextEncoder().encode(JSON.stringify(recordOf(plan.jobName, image, nowMs)))
  await log.putHead(JOB_STATUS, { version, body })
}

/** The record of the job whose log this is; undefined if its coordinator never had a turn. */
export async function readJobStatus(log: TurnLog): Promise<JobStatusRecord | undefined> {
  const head = await log.head(JOB_STATUS)
  if (head === undefined) return undefined
  const record = JSON.parse(new TextDecoder().decode(head.body)) as JobStatusRecord
  assert(
    record.version === JOB_STATUS_VERSION,
    `a job's status has version ${JOB_STATUS_VERSION}, not ${record.version}: use the Millrace that it is deployed with`,
  )
  return record
}

function recordOf(jobName: string, image: CoordinatorImage, nowMs: number): JobStatusRecord {
  const { coordinator, run, lineage, settling } = image
  const { completed, lastSavepoint, attempt } = coordinator
  return {
    version: JOB_STATUS_VERSION,
    jobName,
    status: shownStatus(image),
    runId: run?.runId,
    attempt,
    restarts: run === undefined ? 0 : Math.max(0, attempt - run.attemptsBefore - 1),
    startedAtMs: run?.startedAtMs,
    updatedAtMs: nowMs,
    cause: coordinator.cause === undefined ? undefined : shortened(coordinator.cause),
    restartAtMs: coordinator.restartAtMs,
    idle: coordinator.idle,
    restoredFrom: run?.origin?.point,
    checkpoints: completed.map(shown),
    lastSavepoint: lastSavepoint === undefined ? undefined : shown(lastSavepoint),
    positions: completed.at(-1)?.logs,
    latest: latestPoint(image),
    unmaterialized: settling?.missing ?? lineage?.materialized?.missing ?? [],
    shape: run?.shape,
    warnings: image.warnings.map(({ atMs, message }) => ({ atMs, message: short(message) })),
    answers: Object.fromEntries(image.answers.map(shownAnswer)),
  }
}

function shown({
  checkpointId,
  kind,
  location,
  triggeredAtMs,
  completedAtMs,
  figures,
}: CompletedCheckpoint): ShownCheckpoint {
  return { checkpointId, kind, location, triggeredAtMs, completedAtMs, figures }
}

function shownAnswer({ requestId, atMs, answer }: Answered): [string, JobAnswer & { readonly atMs: number }] {
  const told = 'message' in answer ? { ...answer, message: short(answer.message) } : answer
  return [requestId, { ...told, atMs }]
}

function shortened(cause: FailureCause): FailureCause {
  const { message, stack, key } = cause
  return {
    ...cause,
    message: short(message),
    ...(stack === undefined ? {} : { stack: short(stack) }),
    ...(key === undefined ? {} : { key: short(key) }),
  }
}

function short(text: string): string {
  const { textCharsMax } = COORDINATOR_LIMITS
  return text.length <= textCharsMax ? text : `${text.slice(0, textCharsMax)} …`
}
