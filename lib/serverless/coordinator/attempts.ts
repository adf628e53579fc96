import type { CoordinatorCommand } from '../../checkpoint/coordinator-commands.ts'
import type { RestorePoint } from '../../checkpoint/coordinator-state.ts'
import { mayHaveInFlight } from '../../checkpoint/in-flight.ts'
import { assert } from '../../model/faults.ts'
import { asAttempt, type Attempt } from '../../model/ids.ts'
import type { Begin, CoordinatorImage, Lineage, RunImage } from './image.ts'
import { COORDINATOR_LIMITS } from './coordinator-limits.ts'
import { inFlightCopyOf, positionsOf } from './restorable.ts'
import { nameOf } from './restore-source.ts'
import { change, intend, remove, removeCheckpoint, type CoordinatorTurn } from './turn.ts'

/** Decides how the tasks of an attempt come by their state, and intends to begin them. */
export function beginAttempt(
  turn: CoordinatorTurn,
  { attempt, restoreFrom, poisonRecords }: Extract<CoordinatorCommand, { type: 'deploy' }>,
): void {
  const { run } = turn.image
  assert(run !== undefined, 'an attempt is one of a run')
  const begin = beginOf(turn, run, restoreFrom)
  placeOnLineage(turn, run, begin, attempt)
  const { lineage } = turn.image
  intend(turn, {
    type: 'deploy',
    attempt,
    begin,
    namespace: lineage?.namespace ?? '',
    floor: lineage?.floor ?? 0,
    restoredFrom: restoreFrom?.location,
    ...(poisonRecords.length > 0 && { poisonRecords }),
  })
}

function beginOf(turn: CoordinatorTurn, run: RunImage, restoreFrom: RestorePoint | undefined): Begin {
  const { coordinator, lineage } = turn.image
  if (restoreFrom === undefined) return { type: 'nothing' }
  if (restoreFrom.location === run.origin?.point.location) return run.origin.begin
  const { completed, lastSavepoint, committedSavepoint, settings } = coordinator
  const known = [...completed, lastSavepoint, committedSavepoint].find(
    (one) => one?.checkpointId === restoreFrom.checkpointId,
  )
  // Nothing but commits follows a final one: rows stay as they are, and logs keep its position.
  const isKept = settings.checkpointing.intervalMs !== undefined || known?.purpose === 'final'
  const isOnLogs = known?.logs !== undefined && lineage !== undefined && known.attempt >= lineage.since
  if (isKept && isOnLogs) {
    const { checkpointId } = known
    const inFlight = inFlightCopyOf(turn.image, lineage.runId, checkpointId)
    return { type: 'base', logs: known.logs, checkpointId, inFlight }
  }
  if (restoreFrom.kind === 'savepoint')
    return { type: 'import', directory: nameOf(turn.runtime.blobs, restoreFrom.location) }
  return {
    type: 'refused',
    message:
      `checkpoint ${restoreFrom.checkpointId} cannot be gone back to: without periodic checkpoints ` +
      '(execution.checkpointing.interval) nothing of earlier positions is kept. Start from a savepoint',
  }
}

/** From nothing and from a savepoint a new line of state begins; at another parallelism new logs, on the same rows. */
function placeOnLineage(turn: CoordinatorTurn, run: RunImage, begin: Begin, attempt: Attempt): void {
  const { lineage, coordinator } = turn.image
  const { runId, shape, keyed } = run
  switch (begin.type) {
    case 'base':
    case 'refused':
      return
    case 'rescale': {
      assert(lineage !== undefined, 'a rescaled job has a line of state')
      const isKnown = (uid: string): boolean => lineage.keyed.some((one) => one.uid === uid)
      const added = keyed.filter(({ uid }) => !isKnown(uid))
      const moved = {
        ...lineage,
        since: attempt,
        floor: begin.floor,
        shape,
        keyed: [...lineage.keyed, ...added],
      }
      return change(turn, { lineage: moved, restorable: undefined })
    }
    case 'nothing':
    case 'import': {
      if (lineage !== undefined) leave(turn, lineage)
      forgetCompleted(turn, runId)
      const writesFreely = coordinator.settings.checkpointing.intervalMs === undefined
      const fresh: Lineage = {
        runId,
        namespace: `${runId}-${attempt}`,
        since: attempt,
        floor: 0,
        shape,
        keyed,
        hasRows: begin.type === 'import' || writesFreely,
        retained: [],
        materialized: undefined,
      }
      return change(turn, { lineage: fresh, restorable: undefined })
    }
  }
}

/**
 * What is complete is of the line that is left. Where that happens within a run, positions are not kept: it is the final checkpoint,
 * and a savepoint was taken since.
 */
function forgetCompleted(turn: CoordinatorTurn, runId: string): void {
  const { coordinator } = turn.image
  if (coordinator.completed.length === 0) return
  for (const { checkpointId } of coordinator.completed) removeCheckpoint(turn, runId, checkpointId)
  change(turn, { coordinator: { ...coordinator, completed: [] } })
}

/**
 * The tasks' logs do not lead back to this line any more: what is kept of it, until the new one has a checkpoint, is the
 * one that all rows were brought up to.
 */
export function leave(turn: CoordinatorTurn, lineage: Lineage): void {
  const { retained, materialized, since, floor } = lineage
  const kept = retained.find(({ checkpointId }) => materialized?.checkpointId === checkpointId)
  // What was under way at an unaligned one is in the logs, unless it was copied.
  const isCopied =
    kept?.logs === undefined ||
    !mayHaveInFlight(kept.logs) ||
    inFlightCopyOf(turn.image, lineage.runId, kept.checkpointId) !== undefined
  const isWhole =
    kept !== undefined && isCopied && (kept.attempt < since || materialized?.missing.length === 0)
  if (!isWhole) return giveUp(turn, lineage)
  giveUp(turn, { ...lineage, hasRows: false, retained: retained.filter((one) => one !== kept) })
  const { attempt } = turn.image.coordinator
  const positions = Object.values(positionsOf(kept, lineage) ?? {})
  const left: Lineage = {
    ...lineage,
    since: asAttempt(attempt + 1),
    floor: Math.max(floor, ...positions),
    retained: [kept],
  }
  const former = [...turn.image.former, left]
  for (const surplus of former.slice(0, -COORDINATOR_LIMITS.formerMax)) giveUp(turn, surplus)
  change(turn, { former: former.slice(-COORDINATOR_LIMITS.formerMax) })
}

/** Removes whatever a lineage has. */
export function giveUp(turn: CoordinatorTurn, { runId, namespace, keyed, hasRows, retained }: Lineage): void {
  for (const { checkpointId } of retained) removeCheckpoint(turn, runId, checkpointId)
  if (hasRows) remove(turn, { type: 'drop-rows', namespace, keyed, done: 0 })
}

/** The newest of what this job can be started from; nothing that is older than what is committed. */
export function latestPoint(image: CoordinatorImage): RestorePoint | undefined {
  const newest = pointsOf(image).at(-1)
  const { committedId } = image.coordinator
  return newest === undefined || newest.checkpointId < (committedId ?? 0) ? undefined : newest
}

/** Everything that this job can be started from; oldest first. */
export function pointsOf({ coordinator, former, earlierSavepoint }: CoordinatorImage): RestorePoint[] {
  const { completed, lastSavepoint, committedSavepoint, initialRestorePoint } = coordinator
  const all = [
    ...former.flatMap(({ retained }) => retained),
    earlierSavepoint,
    ...completed,
    lastSavepoint,
    committedSavepoint,
    initialRestorePoint,
  ]
  const once = new Map(all.flatMap((one) => (one === undefined ? [] : [[one.location, one]])))
  return [...once.values()].toSorted((a, b) => a.checkpointId - b.checkpointId)
}
