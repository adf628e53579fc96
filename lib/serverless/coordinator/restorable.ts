import type { CompletedCheckpoint } from '../../checkpoint/coordinator-state.ts'
import { inFlightFrom, type InFlight } from '../../checkpoint/in-flight.ts'
import type { CheckpointId, TaskId } from '../../model/ids.ts'
import type { CoordinatorImage, InFlightCopy, Lineage } from './image.ts'
import { change, type CoordinatorTurn } from './turn.ts'

/**
 * Where in the tasks' logs a checkpoint is. Undefined where it is older than they are: then their beginning is where it
 * is, and no row has gone beyond.
 */
export function positionsOf(
  { logs, attempt }: CompletedCheckpoint,
  { since }: Lineage,
): Readonly<Record<TaskId, number>> | undefined {
  if (logs === undefined || attempt < since) return undefined
  return Object.fromEntries(Object.entries(logs).map(([task, { position }]) => [task, position]))
}

/** The log position in `task` that nothing older than is gone back to. */
export function restorableFrom({ restorable, lineage }: CoordinatorImage, task: TaskId): number {
  return restorable?.[task] ?? lineage?.floor ?? 0
}

/** What was under way from `task` at the oldest checkpoint retained, if anything: its log keeps that as well. */
export function inFlightAtOldest(image: CoordinatorImage, task: TaskId): InFlight[] | undefined {
  const { coordinator, lineage } = image
  const oldest = coordinator.completed[0]
  if (oldest?.logs === undefined || lineage === undefined || oldest.attempt < lineage.since) return undefined
  // Later attempts sent all that they sent after this one's end.
  const sameAttempt = coordinator.completed.filter(({ attempt }) => attempt === oldest.attempt)
  const isCopied = ({ checkpointId }: CompletedCheckpoint): boolean =>
    inFlightCopyOf(image, lineage.runId, checkpointId) !== undefined
  if (sameAttempt.every(isCopied)) return undefined
  const inFlight = inFlightFrom(oldest.logs, task)
  return inFlight.length === 0 ? undefined : inFlight
}

/** What was copied of what was under way at a checkpoint; undefined: it is in the logs alone. */
export function inFlightCopyOf(
  { inFlightCopies }: CoordinatorImage,
  runId: string,
  checkpointId: CheckpointId,
): InFlightCopy | undefined {
  const isOfIt = (one: InFlightCopy): boolean => one.runId === runId && one.checkpointId === checkpointId
  return inFlightCopies.find((one) => isOfIt(one) && one.failed === undefined)
}

/**
 * That of the oldest checkpoint retained. It stands still while a savepoint is under way, whose rows are being copied as of
 * a barrier after the one that was the oldest when it was triggered. Tells whether it moved.
 */
export function advanceRestorable(turn: CoordinatorTurn): boolean {
  const { coordinator, lineage, restorable } = turn.image
  const oldest = coordinator.completed[0]
  if (lineage === undefined || oldest === undefined) return false
  if (coordinator.pending.some(({ kind }) => kind === 'savepoint')) return false
  const positions = positionsOf(oldest, lineage)
  if (positions === undefined || same(positions, restorable)) return false
  change(turn, { restorable: positions })
  return true
}

function same(a: Readonly<Record<TaskId, number>>, b: Readonly<Record<TaskId, number>> | undefined): boolean {
  return b !== undefined && Object.entries(a).every(([task, position]) => b[task as TaskId] === position)
}
