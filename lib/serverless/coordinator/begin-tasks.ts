import { inFlightFrom } from '../../checkpoint/in-flight.ts'
import { planRestore, type TaskRestorePlan } from '../../checkpoint/restore-plan.ts'
import type { CheckpointRecord } from '../../checkpoint/checkpoint-record.ts'
import { taskActor } from '../../model/actors.ts'
import { MIN_WATERMARK } from '../../model/elements.ts'
import { assert, UserError } from '../../model/faults.ts'
import { taskId, type TaskId } from '../../model/ids.ts'
import type { PoisonRecord } from '../../model/poison-records.ts'
import { redistributeOperatorState } from '../../state/operator-state.ts'
import type { Genesis } from '../actor/behaviour.ts'
import { appendGenesis } from '../actor/log-entry.ts'
import type { TaskGenesis, TaskGenesisRestore } from '../protocol.ts'
import type { JobRuntime } from '../runtime.ts'
import type { Effect, RunImage } from './image.ts'
import { mismatch, parallelismOf } from './plan-shape.ts'
import { loadRecord, segmentInStore } from './restore-source.ts'

type Deployment = Extract<Effect, { type: 'deploy' }>

/**
 * Writes the genesis of every task, sinks first. Done again it finds them there.
 * @throws UserError if that cannot be: nothing was written then.
 */
export async function beginTasks(
  deployment: Deployment,
  run: RunImage,
  runtime: JobRuntime,
  nowMs: number,
): Promise<void> {
  const { begin } = deployment
  const misfit = mismatch(run.shape, runtime.plan)
  if (misfit !== undefined) throw new UserError(misfit)
  if (begin.type === 'refused') throw new UserError(begin.message)
  const restoreOf = await restores(deployment, run, runtime)
  for (const { id, parallelism, operatorUids } of run.shape.vertices.toReversed()) {
    const poison = deployment.poisonRecords?.filter((one) => operatorUids.includes(one.operatorUid)) ?? []
    const tasks = Array.from({ length: parallelism }, (_, subtask) => taskId(id, subtask))
    await Promise.all(
      tasks.map((task) => {
        const base = begin.type === 'base' ? begin.logs[task] : undefined
        assert(begin.type !== 'base' || base !== undefined, `${task} has a position to go on from`)
        const genesis = genesisOf(deployment, run, task, restoreOf(task), poison)
        const position = (base?.position ?? deployment.floor) + 1
        return appendGenesis(runtime.log, taskActor(task), position, genesis, nowMs, runtime.blobs)
      }),
    )
  }
}

function genesisOf(
  { attempt, namespace, begin }: Deployment,
  { runId, firstRunId, shape }: RunImage,
  task: TaskId,
  restore: TaskGenesisRestore | undefined,
  poisonRecords: readonly PoisonRecord[],
): Genesis {
  const content: TaskGenesis = {
    runId,
    lineage: firstRunId,
    fingerprint: shape.fingerprint,
    parallelism: parallelismOf(shape),
    namespace,
    ...(begin.type === 'base' && {
      checkpointId: begin.checkpointId,
      inFlight: inFlightFrom(begin.logs, task),
    }),
    restore,
    ...(poisonRecords.length > 0 && { poisonRecords }),
  }
  const base = begin.type === 'base' ? begin.logs[task] : undefined
  return { attempt, base: base && { attempt: base.attempt, position: base.position }, content }
}

type RestoreOf = (task: TaskId) => TaskGenesisRestore | undefined

async function restores(
  { begin, floor }: Deployment,
  { allowNonRestoredState }: RunImage,
  { plan, blobs }: JobRuntime,
): Promise<RestoreOf> {
  if (begin.type !== 'rescale' && begin.type !== 'import') return () => undefined
  const record = await loadRecord(blobs, begin.directory)
  const options = { allowNonRestoredState, redistribute: redistributeOperatorState }
  const { tasks } = planRestore(record, plan, options)
  // Rows of the namespace are where they are; those of a savepoint are brought in.
  const directory = begin.type === 'import' ? begin.directory : undefined
  return (task) => ({
    ...carried(tasks.get(task), record, directory),
    positionFloor: floor,
    allowNonRestoredState,
  })
}

function carried(
  plan: TaskRestorePlan | undefined,
  record: CheckpointRecord,
  directory: string | undefined,
): Pick<TaskGenesisRestore, 'watermarkMs' | 'inputEnded' | 'operatorState' | 'segments'> {
  const operators = [...(plan?.operators ?? [])]
  return {
    watermarkMs: plan?.watermarkMs ?? MIN_WATERMARK,
    inputEnded: plan?.finished ?? false,
    operatorState: operators.map(([uid, { operatorState }]) => [uid, operatorState]),
    segments:
      directory === undefined
        ? []
        : operators
            .filter(([, { segments }]) => segments.length > 0)
            .map(([uid, { segments }]) => [
              uid,
              segments.map((handle) => segmentInStore(directory, record, handle)),
            ]),
  }
}
