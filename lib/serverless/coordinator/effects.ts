import { checkpointLocation, metadataName } from '../../checkpoint/checkpoint-paths.ts'
import type { FailureCause } from '../../checkpoint/failure-reasons.ts'
import { messageOf, unreachable, UserError } from '../../model/faults.ts'
import { taskActor } from '../../model/actors.ts'
import { BlobStoreError } from '../../ports/blob-store.ts'
import type { StepWorld } from '../actor/behaviour.ts'
import { appendFence, sortOf } from '../actor/log-entry.ts'
import { pack } from '../actor/packing.ts'
import type { OvertakeOrder } from '../protocol.ts'
import type { JobRuntime } from '../runtime.ts'
import { savepointDirectory } from '../savepoint-place.ts'
import { beginTasks } from './begin-tasks.ts'
import { COORDINATOR_LIMITS } from './coordinator-limits.ts'
import { hear } from './hear.ts'
import type { Effect, KeyedOperator } from './image.ts'
import { keepInFlight } from './in-flight-copies.ts'
import { publish } from './job-status-record.ts'
import { nameOf } from './restore-source.ts'
import { storeRecord } from './store-record.ts'
import { sweep } from './sweep.ts'
import {
  allTasks,
  change,
  changeRun,
  nudgeAll,
  orderTasks,
  remove,
  tell,
  type CoordinatorTurn,
} from './turn.ts'

type EffectOf<Type extends Effect['type']> = Extract<Effect, { type: Type }>

/**
 * Does what an earlier turn decided, and hears what came of it. All of it may have been done before, by somebody whose
 * turn was never committed. Resolves to what is left of it, if anything.
 */
export async function perform(
  turn: CoordinatorTurn,
  effect: Effect,
  world: StepWorld,
): Promise<Effect | undefined> {
  const { runtime } = turn
  switch (effect.type) {
    case 'deploy':
      await deploy(turn, effect)
      return undefined
    case 'overtake':
      return overtake(turn, effect)
    case 'store':
      return store(turn, effect, world)
    case 'copy-in-flight':
      await keepInFlight(turn, effect)
      return undefined
    case 'remove-checkpoint': {
      const run = { jobName: runtime.plan.jobName, runId: effect.runId }
      await runtime.blobs.delete(metadataName(checkpointLocation(run, effect.checkpointId)))
      return undefined
    }
    case 'remove-directory':
      await removeDirectory(runtime, effect.directory)
      return undefined
    case 'fence':
      await fence(runtime, effect, turn.nowMs)
      return undefined
    case 'drop-rows':
      return dropRows(runtime, effect, world)
    case 'schedule':
      await (effect.on ? runtime.schedule.enable() : runtime.schedule.disable())
      change(turn, { isScheduleOn: effect.on })
      return undefined
    case 'sweep':
      await sweep(turn, world)
      return undefined
    case 'publish':
      await publish(runtime, turn.committed, turn.nowMs)
      return undefined
    default:
      return unreachable(effect)
  }
}

async function deploy(turn: CoordinatorTurn, effect: EffectOf<'deploy'>): Promise<void> {
  const { attempt, begin, restoredFrom } = effect
  const { run } = turn.image
  if (run === undefined) return
  try {
    await beginTasks(effect, run, turn.runtime, turn.nowMs)
  } catch (cause) {
    if (!(cause instanceof UserError)) throw cause
    return hear(turn, { type: 'task-failed', attempt, task: undefined, cause: mistake(cause) })
  }
  changeRun(turn, { deployedAttempt: attempt })
  const { coordinator } = turn.image
  if (coordinator.attempt !== attempt || coordinator.deployment !== 'deploying') return
  tell(turn, { type: 'deployed', attempt, restoredFrom })
  if (begin.type === 'import') {
    change(turn, { awaited: allTasks(turn) })
    return nudgeAll(turn)
  }
  startTasks(turn)
}

/** Every task has its genesis, and its state: they go. */
export function startTasks(turn: CoordinatorTurn): void {
  orderTasks(turn, allTasks(turn), () => ({ type: 'start' }))
  hear(turn, { type: 'deployed', attempt: turn.image.coordinator.attempt })
}

/** One that is over by now, or not wanted any more, is taken for stale by whom it reaches. */
async function overtake(turn: CoordinatorTurn, effect: EffectOf<'overtake'>): Promise<undefined> {
  const { attempt, checkpointId, triggeredAtMs } = effect
  const order: OvertakeOrder = { type: 'overtake', attempt, checkpointId, triggeredAtMs }
  const version = sortOf({ attempt, position: checkpointId })
  const body = pack(order)
  await Promise.all(
    allTasks(turn).map((task) => turn.runtime.log.putOrder(taskActor(task), { version, body })),
  )
  nudgeAll(turn)
}

async function store(
  turn: CoordinatorTurn,
  effect: EffectOf<'store'>,
  world: StepWorld,
): Promise<Effect | undefined> {
  const { checkpointId } = effect
  const { coordinator, run } = turn.image
  const pending = coordinator.pending.find((one) => one.checkpointId === checkpointId)
  if (pending === undefined || run === undefined) return undefined
  let location: string | undefined
  try {
    location = await storeRecord(pending, coordinator, run, turn.runtime, () => world.remainingMs())
  } catch (cause) {
    // A store that is out of reach, full or forbidden fails the checkpoint, and the tolerable number decides on the job.
    if (!(cause instanceof UserError) && !(cause instanceof BlobStoreError)) throw cause
    hear(turn, { type: 'store-failed', checkpointId, message: messageOf(cause) })
    return undefined
  }
  if (location === undefined) return effect
  hear(turn, { type: 'stored', checkpointId, location })
  if (pending.target !== undefined) removeCopies(turn, checkpointId, pending.target)
  return undefined
}

/** They were copied from there to where the user wants them. */
function removeCopies(turn: CoordinatorTurn, checkpointId: number, target: string): void {
  const { run } = turn.image
  if (run === undefined) return
  const directory = savepointDirectory({ jobName: turn.runtime.plan.jobName, runId: run.runId }, checkpointId)
  if (directory !== nameOf(turn.runtime.blobs, target)) remove(turn, { type: 'remove-directory', directory })
}

async function removeDirectory({ blobs }: JobRuntime, directory: string): Promise<void> {
  // The record first: at no moment is there a savepoint that lacks something.
  await blobs.delete(metadataName(directory))
  for (const name of await blobs.list(`${directory}/`)) await blobs.delete(name)
}

async function fence(
  runtime: JobRuntime,
  { attempt, tasks }: EffectOf<'fence'>,
  nowMs: number,
): Promise<void> {
  await Promise.all(tasks.map((task) => appendFence(runtime.log, taskActor(task), attempt, nowMs)))
}

async function dropRows(
  { rows }: JobRuntime,
  effect: EffectOf<'drop-rows'>,
  world: StepWorld,
): Promise<Effect | undefined> {
  const { namespace, keyed } = effect
  const partitions = partitionsOf(keyed)
  let { done } = effect
  do {
    const next = partitions.slice(done, done + COORDINATOR_LIMITS.dropAtOnce)
    await Promise.all(next.map((one) => rows.drop({ namespace, ...one })))
    done += next.length
  } while (done < partitions.length && world.remainingMs() > 0)
  return done < partitions.length ? { ...effect, done } : undefined
}

function partitionsOf(keyed: readonly KeyedOperator[]): { operatorUid: string; keyGroup: number }[] {
  return keyed.flatMap(({ uid, maxParallelism }) =>
    Array.from({ length: maxParallelism }, (_, keyGroup) => ({ operatorUid: uid, keyGroup })),
  )
}

function mistake({ message }: UserError): FailureCause {
  return { message, isUserMistake: true }
}
