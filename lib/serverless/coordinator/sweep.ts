import { idInName, jobPrefix, metadataName } from '../../checkpoint/checkpoint-paths.ts'
import { ingestSourcesOf } from '../../connectors/ingest/ingest-sources.ts'
import { COORDINATOR, ingestActor, taskActor } from '../../model/actors.ts'
import { messageOf, UserError } from '../../model/faults.ts'
import { taskId, type ActorId } from '../../model/ids.ts'
import { BlobStoreError } from '../../ports/blob-store.ts'
import type { StepWorld } from '../actor/behaviour.ts'
import { removeOldHeads } from '../actor/head-store.ts'
import type { JobRuntime } from '../runtime.ts'
import type { CoordinatorImage } from './image.ts'
import { isCopy } from './in-flight-copies.ts'
import { loadRecord } from './restore-source.ts'
import type { CoordinatorTurn } from './turn.ts'

/**
 * Removes what nothing refers to any more: records of checkpoints, and copies of what was under way at them, that somebody wrote
 * late, after they were removed or had failed; and objects of heads whose writer died before he could remove them. What it removes is of no use to anybody ever
 * again, so it does no harm if it comes late itself. What cannot be removed, or not in the time that there is, is left to the next
 * visit: nothing waits for it, and other effects do not wait behind it.
 */
export async function sweep({ committed, runtime }: CoordinatorTurn, world: StepWorld): Promise<void> {
  const isTimeLeft = (): boolean => world.remainingMs() > 0
  try {
    const isDone =
      (await removeOldRecords(committed, runtime, isTimeLeft)) &&
      (await removeOldHeads(runtime, actorsOf(runtime), isTimeLeft))
    if (!isDone) leave(runtime, 'there was no more time')
  } catch (cause) {
    if (!(cause instanceof BlobStoreError)) throw cause
    leave(runtime, messageOf(cause))
  }
}

function leave({ observe }: JobRuntime, why: string): void {
  observe.event({
    type: 'warning',
    message: `what is of no use any more is left to the next visit: ${why}`,
  })
}

/** False: there was not the time for all of them. */
async function removeOldRecords(
  image: CoordinatorImage,
  { blobs, plan }: JobRuntime,
  isTimeLeft: () => boolean,
): Promise<boolean> {
  if (!isTimeLeft()) return false
  const isOld = oldCheckpoints(image)
  for (const name of await blobs.list(jobPrefix(plan.jobName))) {
    const id = idInName(name)
    if (id === undefined || !isOld(id)) continue
    const directory = name.slice(0, name.lastIndexOf('/'))
    const isOfWhatWasUnderWay = isCopy(name, directory)
    if (!directory.endsWith(`/chk-${id}`)) continue
    if (!isOfWhatWasUnderWay && name !== metadataName(directory)) continue
    if (!isTimeLeft()) return false
    // Functions alone write copies.
    if (isOfWhatWasUnderWay || (await isOfFunctions(blobs, directory))) await blobs.delete(name)
  }
  return true
}

/** Ids that were given, and are neither under way nor kept: they never will be. */
function oldCheckpoints({ coordinator, lineage, former }: CoordinatorImage): (id: number) => boolean {
  const { pending, completed, condemned, nextCheckpointId } = coordinator
  const retained = [lineage, ...former].flatMap((one) => one?.retained ?? [])
  const inUse = new Set<number>([
    ...condemned,
    ...[...pending, ...completed, ...retained].map(({ checkpointId }) => checkpointId),
  ])
  return (id) => id < nextCheckpointId && !inUse.has(id)
}

/** Those of a job in one process may have been put here to start from. */
async function isOfFunctions(blobs: JobRuntime['blobs'], directory: string): Promise<boolean> {
  try {
    return (await loadRecord(blobs, directory)).logs !== undefined
  } catch (cause) {
    if (cause instanceof UserError) return false
    throw cause
  }
}

/** Those of the code that runs here, at whatever parallelism it ran: at another one, any operator may begin a chain. */
function actorsOf({ plan }: JobRuntime): ActorId[] {
  const tasks = plan.vertices.flatMap(({ operators, maxParallelism }) =>
    operators.flatMap(({ uid }) =>
      Array.from({ length: maxParallelism }, (_, subtask) => taskActor(taskId(uid, subtask))),
    ),
  )
  const partitions = ingestSourcesOf(plan).flatMap(({ uid, spec }) =>
    Array.from({ length: spec.partitions }, (_, partition) => ingestActor(uid, partition)),
  )
  return [COORDINATOR, ...tasks, ...partitions]
}
