import { inFlightFrom } from '../../checkpoint/in-flight.ts'
import { planRestore, type TaskRestorePlan } from '../../checkpoint/restore-plan.ts'
import type { CheckpointRecord } from '../../checkpoint/checkpoint-record.ts'
import { taskActor } from '../../model/actors.ts'
import { MIN_WATERMARK } from '../../model/elements.ts'
import { assert, unreachable, UserError } from '../../model/faults.ts'
import { taskId, type TaskId } from '../../model/ids.ts'
import type { PoisonRecord } from '../../model/poison-records.ts'
import { redistributeOperatorState } from '../../state/operator-state.ts'
import type { Genesis } from '../actor/behaviour.ts'
import { appendGenesis } from '../actor/log-entry.ts'
import type { TaskGenesis, TaskGenesisRestore } from '../protocol.ts'
import type { JobRuntime } from '../runtime.ts'
import { dealtStashes, stashesOf } from './dealt-stashes.ts'
import type { Effect, RunImage } from './image.ts'
import { importedRuns, loadCopy } from './in-flight-copies.ts'
import { mismatch, parallelismOf } from './plan-shape.ts'
import { loadRecord, stretchInStore } from './restore-source.ts'

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
  const misfit = mismatch(run, runtime)
  if (misfit !== undefined) throw new UserError(misfit)
  if (begin.type === 'refused') throw new UserError(begin.message)
  const beginningOf = await beginnings(deployment, run, runtime)
  for (const { id, parallelism, operatorUids } of run.shape.vertices.toReversed()) {
    const poison = deployment.poisonRecords?.filter((one) => operatorUids.includes(one.operatorUid)) ?? []
    const tasks = Array.from({ length: parallelism }, (_, subtask) => taskId(id, subtask))
    await Promise.all(
      tasks.map((task) => {
        const base = begin.type === 'base' ? begin.logs[task] : undefined
        assert(begin.type !== 'base' || base !== undefined, `${task} has a position to go on from`)
        const genesis = genesisOf(deployment, run, task, beginningOf(task), poison)
        const position = (base?.position ?? deployment.floor) + 1
        return appendGenesis(runtime.log, taskActor(task), position, genesis, nowMs, runtime.blobs)
      }),
    )
  }
}

function genesisOf(
  { attempt, namespace, begin }: Deployment,
  { runId, firstRunId, shape, settings }: RunImage,
  task: TaskId,
  beginning: Beginning,
  poisonRecords: readonly PoisonRecord[],
): Genesis {
  const content: TaskGenesis = {
    runId,
    lineage: firstRunId,
    fingerprint: shape.fingerprint,
    parallelism: parallelismOf(shape),
    namespace,
    settings,
    ...beginning,
    ...(poisonRecords.length > 0 && { poisonRecords }),
  }
  const base = begin.type === 'base' ? begin.logs[task] : undefined
  return { attempt, base: base && { attempt: base.attempt, position: base.position }, content }
}

/** What a task has to begin with. */
type Beginning = Pick<TaskGenesis, 'checkpointId' | 'inFlight' | 'stash' | 'restore'>

async function beginnings(
  { begin, floor }: Deployment,
  { allowNonRestoredState }: RunImage,
  { plan, blobs }: JobRuntime,
): Promise<(task: TaskId) => Beginning> {
  switch (begin.type) {
    case 'nothing':
    case 'refused':
      return () => ({ restore: undefined })
    case 'base': {
      const { checkpointId, logs, inFlight } = begin
      if (inFlight === undefined)
        return (task) => ({ checkpointId, inFlight: inFlightFrom(logs, task), restore: undefined })
      const stashes = stashesOf(plan, await loadCopy(blobs, inFlight))
      return (task) => ({ checkpointId, stash: stashes.get(task), restore: undefined })
    }
    case 'rescale':
    case 'import': {
      const { directory } = begin
      const record = await loadRecord(blobs, directory)
      const options = { allowNonRestoredState, redistribute: redistributeOperatorState }
      const { tasks } = planRestore(record, plan, options)
      const isImport = begin.type === 'import'
      const runs = await (isImport ? importedRuns(blobs, directory, record) : loadCopy(blobs, begin.inFlight))
      const stashes = dealtStashes(record, plan, runs, options)
      // Rows of the namespace are where they are; those of a savepoint are brought in.
      const rowsFrom = isImport ? directory : undefined
      return (task) => ({
        stash: stashes.get(task),
        restore: {
          ...carried(tasks.get(task), record, rowsFrom),
          positionFloor: floor,
          allowNonRestoredState,
        },
      })
    }
    default:
      return unreachable(begin)
  }
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
              segments.map((handle) => stretchInStore(directory, record, handle)),
            ]),
  }
}
