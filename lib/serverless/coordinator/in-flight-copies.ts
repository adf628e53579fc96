import type { CheckpointRecord, LogPositions } from '../../checkpoint/checkpoint-record.ts'
import { checkpointLocation } from '../../checkpoint/checkpoint-paths.ts'
import { mayHaveInFlight } from '../../checkpoint/in-flight.ts'
import { decodeRuns, type InFlightRun } from '../../checkpoint/in-flight-elements.ts'
import { readSegment } from '../../checkpoint/segment-store.ts'
import { UserError } from '../../model/faults.ts'
import { taskId, type CheckpointId, type TaskId } from '../../model/ids.ts'
import { sha256 } from '../../node/sha256.ts'
import type { BlobStore } from '../../ports/blob-store.ts'
import { StaleView } from '../actor/behaviour.ts'
import { LOG_LIMITS } from '../actor/limits.ts'
import { loadNamed, storeNamed } from '../actor/named-blob.ts'
import { pack, unpack } from '../actor/packing.ts'
import type { CoordinatorImage, Effect, InFlightCopy, Lineage } from './image.ts'
import { locationOf, stretchInStore } from './restore-source.ts'
import { change, warn, type CoordinatorTurn } from './turn.ts'
import { underWayAt, type RunsByTask } from './under-way.ts'

const copyName = (directory: string): string => `${directory}/in-flight`

/** Whether an object is a copy of what was under way at the checkpoint of `directory`. */
export function isCopy(name: string, directory: string): boolean {
  return name.startsWith(`${copyName(directory)}-`)
}

/**
 * Copies what was under way at an unaligned checkpoint out of the logs of the tasks that took it: logs last for weeks, and
 * those of another shape of the job take their place. Done again, it finds the same object there.
 * @throws UserError if some of it is not in the logs any more.
 */
export async function copyInFlight(
  turn: CoordinatorTurn,
  { runId, shape }: Pick<Lineage, 'runId' | 'shape'>,
  checkpointId: CheckpointId,
  logs: LogPositions,
): Promise<InFlightCopy> {
  const { plan, blobs } = turn.runtime
  const runs = await underWayAt(checkpointId, logs, shape, turn.runtime)
  const isEmpty = [...runs.values()].every(({ length }) => length === 0)
  const directory = checkpointLocation({ jobName: plan.jobName, runId }, checkpointId)
  const blob = isEmpty ? undefined : await storeNamed(blobs, copyName(directory), pack([...runs]))
  const copy: InFlightCopy = { runId, checkpointId, blob }
  remember(turn, copy)
  return copy
}

function remember(turn: CoordinatorTurn, copy: InFlightCopy): void {
  const isOther = ({ runId, checkpointId }: InFlightCopy): boolean =>
    runId !== copy.runId || checkpointId !== copy.checkpointId
  change(turn, { inFlightCopies: [...turn.image.inFlightCopies.filter(isOther), copy] })
}

/** Copies it for a job at its end; where that cannot be, what was under way is left to the logs, and the job is told. */
export async function keepInFlight(
  turn: CoordinatorTurn,
  { checkpointId, deadlineMs }: Extract<Effect, { type: 'copy-in-flight' }>,
): Promise<void> {
  const { coordinator, lineage } = turn.image
  const logs = coordinator.completed.find((one) => one.checkpointId === checkpointId)?.logs
  if (logs === undefined || lineage === undefined) return
  try {
    if (turn.nowMs >= deadlineMs) throw new UserError('there was no more time')
    await copyInFlight(turn, lineage, checkpointId, logs)
  } catch (cause) {
    if (!(cause instanceof UserError)) throw cause
    leaveInFlight(turn, checkpointId, cause.message)
  }
}

export function leaveInFlight(turn: CoordinatorTurn, checkpointId: CheckpointId, reason: string): void {
  const { lineage } = turn.image
  if (lineage === undefined) return
  remember(turn, { runId: lineage.runId, checkpointId, blob: undefined, failed: true })
  const days = LOG_LIMITS.retentionMs / 86_400_000
  warn(
    turn,
    `checkpoint ${checkpointId}: what was under way between tasks is not copied: ${reason}. The job can be started from it ` +
      `for ${days} days`,
  )
}

/** Checkpoints that a job at its end keeps, and whose copy has not been tried. */
export function uncopied({ coordinator, lineage, inFlightCopies }: CoordinatorImage): CheckpointId[] {
  if (lineage === undefined) return []
  return coordinator.completed
    .filter(({ logs, attempt }) => logs !== undefined && attempt >= lineage.since && mayHaveInFlight(logs))
    .map(({ checkpointId }) => checkpointId)
    .filter((id) => !inFlightCopies.some((one) => one.runId === lineage.runId && one.checkpointId === id))
}

/** @throws UserError if the object is gone. */
export async function loadCopy(blobs: BlobStore, copy: InFlightCopy | undefined): Promise<RunsByTask> {
  if (copy?.blob === undefined) return new Map()
  try {
    return new Map(unpack(await loadNamed(blobs, copy.blob)) as [TaskId, InFlightRun[]][])
  } catch (cause) {
    if (!(cause instanceof StaleView)) throw cause
    throw new UserError(
      `${locationOf(blobs, copy.blob)}: what was under way at the checkpoint is missing. Start from another checkpoint ` +
        'or from a savepoint',
    )
  }
}

/**
 * What a checkpoint that was taken in one process holds of what was under way.
 * @throws UserError if some of it is missing or damaged.
 */
export async function importedRuns(
  blobs: BlobStore,
  directory: string,
  record: CheckpointRecord,
): Promise<RunsByTask> {
  const runs = new Map<TaskId, InFlightRun[]>()
  for (const { id, subtasks } of record.vertices) {
    for (const [subtask, { inFlight }] of subtasks.entries()) {
      if (inFlight === undefined) continue
      const bytes = await readSegment(blobs, sha256, stretchInStore(directory, record, inFlight))
      runs.set(taskId(id, subtask), decodeRuns(bytes))
    }
  }
  return runs
}
