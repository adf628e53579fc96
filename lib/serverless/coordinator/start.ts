import { mayHaveInFlight } from '../../checkpoint/in-flight.ts'
import { needsFinalCommit, tasksOf } from '../../checkpoint/coordinated-tasks.ts'
import { newCoordinator } from '../../checkpoint/coordinator.ts'
import type { CheckpointRecord } from '../../checkpoint/checkpoint-record.ts'
import type {
  CompletedCheckpoint,
  CoordinatorSettings,
  RestorePoint,
} from '../../checkpoint/coordinator-state.ts'
import { checkCompatibility, type CompatibilityOptions } from '../../checkpoint/restore-plan.ts'
import { UserError } from '../../model/faults.ts'
import { asAttempt, asCheckpointId, asRunId } from '../../model/ids.ts'
import type { JobConfig } from '../../stream/config.ts'
import type { JobRuntime } from '../runtime.ts'
import { taskSettingsOf } from '../task-settings.ts'
import { latestPoint, leave, pointsOf } from './attempts.ts'
import { COORDINATOR_LIMITS } from './coordinator-limits.ts'
import { dealtStashes } from './dealt-stashes.ts'
import { hear } from './hear.ts'
import type { Begin, CoordinatorImage, Lineage, Origin } from './image.ts'
import { copyInFlight, importedRuns, loadCopy } from './in-flight-copies.ts'
import { keyedOperators, sameShape, shapeOf } from './plan-shape.ts'
import { loadRecord, locationOf, nameOf } from './restore-source.ts'
import { inFlightCopyOf } from './restorable.ts'
import { change, intend, removeCheckpoint, type CoordinatorTurn } from './turn.ts'

export interface StartRequest {
  readonly from: string | undefined
  readonly allowNonRestoredState: boolean
}

/** What a run begins from, found to be there and to fit. */
interface StartPoint {
  readonly origin: Origin
  /** The line of state that it lies on; undefined where the run begins one of its own. */
  readonly lineage: Lineage | undefined
  readonly retained: readonly CompletedCheckpoint[]
}

export function settingsOf({ checkpointing, restart, poisonRecords }: JobConfig): CoordinatorSettings {
  const { intervalMs } = checkpointing
  const rounded =
    intervalMs === undefined ? undefined : Math.max(intervalMs, COORDINATOR_LIMITS.intervalMsMin)
  return {
    checkpointing: { ...checkpointing, intervalMs: rounded },
    restart,
    deadLetterAfter: poisonRecords.deadLetterAfter,
    pauseWhenIdle: true,
  }
}

/**
 * Begins a run of the code that runs here.
 * @throws UserError with every reason why it cannot begin from there: nothing has changed then.
 */
export async function start(turn: CoordinatorTurn, request: StartRequest): Promise<void> {
  const point = await startPoint(turn, request)
  const { image, runtime, nowMs } = turn
  const { plan } = runtime
  const before = image.coordinator
  const runId = point?.lineage?.runId ?? newRunId(runtime, nowMs)
  if (point !== undefined) takeOver(turn, point)
  change(turn, {
    coordinator: newCoordinator(settingsOf(runtime.config)),
    earlierSavepoint: newest([image.earlierSavepoint, before.lastSavepoint]),
    // At its end it is tried again.
    inFlightCopies: turn.image.inFlightCopies.filter(({ failed }) => failed === undefined),
    awaited: [],
    startAsked: true,
    run: {
      runId,
      firstRunId: image.run?.firstRunId ?? runId,
      shape: shapeOf(plan),
      settings: taskSettingsOf(runtime.config),
      keyed: keyedOperators(plan),
      origin: point?.origin,
      allowNonRestoredState: request.allowNonRestoredState,
      startedAtMs: nowMs,
      attemptsBefore: before.attempt,
      deployedAttempt: asAttempt(0),
      ended: false,
      lastStatus: 'CREATED',
    },
  })
  const usedId = Math.max(before.nextCheckpointId - 1, point?.origin.point.checkpointId ?? 0)
  hear(turn, {
    type: 'start',
    tasks: tasksOf(plan),
    needsFinalCommit: needsFinalCommit(plan),
    restoreFrom: point?.origin.point,
    lastAttempt: before.attempt,
    nextCheckpointId: asCheckpointId(usedId + 1),
    retained: point?.retained ?? [],
  })
  intend(turn, { type: 'publish' })
}

/** The run goes on with the line of its checkpoint. What lies beyond that on it can never be gone back to. */
function takeOver(turn: CoordinatorTurn, { lineage, retained }: StartPoint): void {
  if (lineage === undefined) return
  const { image } = turn
  for (const { checkpointId } of lineage.retained) {
    if (retained.some((one) => one.checkpointId === checkpointId)) continue
    removeCheckpoint(turn, lineage.runId, checkpointId)
  }
  if (image.lineage !== lineage) {
    if (image.lineage !== undefined) leave(turn, image.lineage)
    const former = turn.image.former.filter((one) => one !== lineage)
    change(turn, { former, restorable: undefined })
  }
  change(turn, { lineage: { ...lineage, retained } })
}

async function startPoint(turn: CoordinatorTurn, request: StartRequest): Promise<StartPoint | undefined> {
  const { image, runtime } = turn
  const { from, allowNonRestoredState } = request
  if (from === undefined) return undefined
  const { blobs, plan } = runtime
  const name = from === 'latest' ? latestName(image, runtime) : nameOf(blobs, from)
  const record = await loadRecord(blobs, name)
  const problems = checkCompatibility(record, plan, { allowNonRestoredState })
  const { checkpointId, kind } = record
  const point: RestorePoint = { checkpointId, kind, location: locationOf(blobs, name) }
  if (record.logs === undefined) {
    if (problems.length > 0) throw new UserError(problems)
    // Looked at before anything has changed.
    dealtStashes(record, plan, await importedRuns(blobs, name, record), request)
    return { origin: { point, begin: { type: 'import', directory: name } }, lineage: undefined, retained: [] }
  }
  const lineage = lineagesOf(image).find(
    (one) => one.runId === record.runId && one.retained.some((other) => other.checkpointId === checkpointId),
  )
  if (lineage === undefined) problems.push(notRetained(image, point))
  else problems.push(...obstacles(lineage, record, runtime))
  if (lineage === undefined || problems.length > 0) throw new UserError(problems)
  const begin = await beginOn(turn, lineage, record, name, request)
  const retained = lineage.retained.filter((one) => one.checkpointId <= checkpointId)
  return { origin: { point, begin }, lineage, retained }
}

function latestName(image: CoordinatorImage, { blobs }: JobRuntime): string {
  const point = latestPoint(image)
  if (point !== undefined) return nameOf(blobs, point.location)
  const older = pointsOf(image).at(-1)
  if (older === undefined) {
    throw new UserError(
      'latest: expected a retained checkpoint or a savepoint of this job, found none. Leave it out to begin from nothing',
    )
  }
  throw new UserError(
    `latest: the newest that is kept, ${older.location}, is older than what the job has committed since. To begin from it ` +
      'all the same, which may give again what it gave already, name its location',
  )
}

function lineagesOf({ lineage, former }: CoordinatorImage): Lineage[] {
  return [...(lineage === undefined ? [] : [lineage]), ...former]
}

function notRetained(image: CoordinatorImage, { location }: RestorePoint): string {
  const known = pointsOf(image).map((one) => one.location)
  const choice = known.length === 0 ? 'There is nothing else to start from' : `There are ${known.join(', ')}`
  return (
    `${location}: expected a checkpoint that is retained, but the job has gone on since, and the state of this one is ` +
    `overwritten. ${choice}`
  )
}

/** Why the tasks cannot begin from this checkpoint of their own line. */
function obstacles(lineage: Lineage, record: CheckpointRecord, { config, plan }: JobRuntime): string[] {
  const { checkpointId } = record
  if (config.checkpointing.intervalMs === undefined) {
    return [
      `checkpoint ${checkpointId}: a start from a checkpoint needs periodic checkpoints ` +
        '(execution.checkpointing.interval), or its state is overwritten at once. Turn them on, or start from a savepoint',
    ]
  }
  if (goesOnWithLogs(lineage, record, shapeOf(plan))) return []
  const oldest = lineage.retained[0]
  const how = 'at another parallelism, or with operators chained otherwise,'
  const remedy = 'Start it as it was, take a savepoint, and start from that'
  if (oldest !== undefined && oldest.checkpointId !== checkpointId) {
    return [
      `checkpoint ${checkpointId}: a start ${how} needs the oldest checkpoint retained, ${oldest.location}: rows are kept ` +
        `as of that one. ${remedy}`,
    ]
  }
  const { materialized } = lineage
  const missing = materialized?.checkpointId === checkpointId ? materialized.missing : undefined
  if (missing?.length === 0 || record.attempt < lineage.since) return []
  const who =
    missing === undefined
      ? 'its tasks have'
      : `${missing.join(', ')} ${missing.length === 1 ? 'has' : 'have'}`
  return [
    `checkpoint ${checkpointId}: a start ${how} reads rows alone, and ${who} not brought all rows up to it when the job ` +
      `ended. ${remedy}`,
  ]
}

function goesOnWithLogs(
  lineage: Lineage,
  record: CheckpointRecord,
  shape: ReturnType<typeof shapeOf>,
): boolean {
  return record.attempt >= lineage.since && sameShape(lineage.shape, shape)
}

async function beginOn(
  turn: CoordinatorTurn,
  lineage: Lineage,
  record: CheckpointRecord,
  directory: string,
  options: CompatibilityOptions,
): Promise<Begin> {
  const { plan, blobs } = turn.runtime
  const { logs = {}, checkpointId } = record
  const copy = inFlightCopyOf(turn.image, lineage.runId, checkpointId)
  if (goesOnWithLogs(lineage, record, shapeOf(plan)))
    return { type: 'base', logs, checkpointId, inFlight: copy }
  const isOnLogs = record.attempt >= lineage.since
  const positions = Object.values(logs).map(({ position }) => position)
  const floor = isOnLogs ? Math.max(lineage.floor, ...positions) : lineage.floor
  const needsCopy = copy === undefined && mayHaveInFlight(logs)
  if (needsCopy && !isOnLogs) {
    throw new UserError(
      `checkpoint ${checkpointId}: what was under way between tasks is neither in their logs nor copied. Start from a savepoint`,
    )
  }
  const inFlight = needsCopy ? await copyInFlight(turn, lineage, checkpointId, logs) : copy
  dealtStashes(record, plan, await loadCopy(blobs, inFlight), options)
  return { type: 'rescale', directory, floor, inFlight }
}

function newest(points: readonly (RestorePoint | undefined)[]): RestorePoint | undefined {
  const known = points.filter((one) => one !== undefined)
  const last = known.toSorted((a, b) => a.checkpointId - b.checkpointId).at(-1)
  if (last === undefined) return undefined
  const { checkpointId, kind, location } = last
  return { checkpointId, kind, location }
}

/** Sorts by time of start; unlike that of any other run. */
function newRunId({ random }: JobRuntime, nowMs: number): string {
  const part = Math.floor(random.next() * 36 ** 4)
    .toString(36)
    .padStart(4, '0')
  return asRunId(`${nowMs.toString(36)}-${part}`)
}
