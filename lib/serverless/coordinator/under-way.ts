import type { LogPositions } from '../../checkpoint/checkpoint-record.ts'
import { inFlightFrom } from '../../checkpoint/in-flight.ts'
import type { ChannelAddress, InFlightRun } from '../../checkpoint/in-flight-elements.ts'
import { inParallel } from '../../connectors/in-parallel.ts'
import { taskActor } from '../../model/actors.ts'
import { assert, UserError } from '../../model/faults.ts'
import { taskId, type TaskId } from '../../model/ids.ts'
import type { BlobStore } from '../../ports/blob-store.ts'
import { StaleView } from '../actor/behaviour.ts'
import { BrokenChain, type History } from '../actor/history.ts'
import { readHistory } from '../actor/read-history.ts'
import type { InFlightStretch } from '../protocol.ts'
import type { JobRuntime } from '../runtime.ts'
import { emptyKeyedImage, encodeKeyed } from '../state/keyed-image.ts'
import { sentOn, type PayloadUnderWay } from '../task/in-flight.ts'
import {
  applyTaskDelta,
  beginTask,
  decodeTaskState,
  encodeTaskState,
  initialTaskState,
  overtaken,
  type StateWiring,
  type TaskDelta,
  type TaskState,
} from '../task/task-state.ts'
import { inputChannels, channelNumbers } from '../task/task-wiring.ts'
import type { PlanShape } from './image.ts'

/** Tasks whose logs are read at once. */
const LOGS_AT_ONCE = 4
const NO_KEYED_STATE = encodeKeyed(emptyKeyedImage)

/** What was under way to each task; in order. Plain data. */
export type RunsByTask = ReadonlyMap<TaskId, readonly InFlightRun[]>

/**
 * What was under way at an unaligned checkpoint, as the logs of the tasks that took it have it: for each task what it had
 * taken already and waited there, then what was on its channels.
 * @throws UserError if some of it is not in the logs any more.
 */
export async function underWayAt(
  checkpointId: number,
  logs: LogPositions,
  shape: PlanShape,
  runtime: Pick<JobRuntime, 'log' | 'blobs'>,
): Promise<RunsByTask> {
  const members = membersOf(shape)
  const waiting = new Map<TaskId, InFlightRun[]>()
  const sent = new Map<TaskId, { readonly to: TaskId; readonly run: InFlightRun }[]>()
  await inParallel(members, LOGS_AT_ONCE, async ({ task, subtask, wiring, channels }) => {
    const history = await historyOf(task, wiring, runtime)
    const { attempt, position } = logs[task]!
    const state = history.stateOf({ attempt, position })
    if (state === undefined) throw notInLog(task)
    const stash = overtaken(state, checkpointId, wiring)
    waiting.set(
      task,
      stash.map(({ elements, ...place }) => {
        if (place.at !== undefined) return { ...place.at, elements }
        const channel = channels.find(({ from, edge }) => from === place.from && edge === place.edge)
        assert(channel !== undefined, `${task} has a channel from ${place.from} on edge ${place.edge}`)
        return { ...addressOf(shape, place.edge, channel.sender), elements }
      }),
    )
    const own = sent.get(task) ?? []
    sent.set(task, own)
    for (const stretch of inFlightFrom(logs, task)) {
      for (const { edge, elements } of await payloadsOf(history, task, stretch, checkpointId, runtime.blobs))
        own.push({ to: stretch.to, run: { ...addressOf(shape, edge, subtask), elements } })
    }
  })
  const onChannels = members.flatMap(({ task }) => sent.get(task) ?? [])
  return new Map(
    members.map(({ task }) => {
      const arriving = onChannels.filter(({ to }) => to === task).map(({ run }) => run)
      return [task, [...(waiting.get(task) ?? []), ...arriving]]
    }),
  )
}

interface Member {
  readonly task: TaskId
  readonly subtask: number
  readonly channels: ReturnType<typeof inputChannels>
  readonly wiring: StateWiring
}

function membersOf(shape: PlanShape): Member[] {
  return shape.vertices.flatMap(({ id, parallelism }, vertex) =>
    Array.from({ length: parallelism }, (_, subtask) => {
      const channels = inputChannels(shape, vertex, subtask)
      const isSource = shape.edges.every(({ targetVertex }) => targetVertex !== vertex)
      return {
        task: taskId(id, subtask),
        subtask,
        channels,
        wiring: { isSource, channelOf: channelNumbers(channels) },
      }
    }),
  )
}

/** Of a task's log without its keyed state, of which there may be much. */
async function historyOf(
  task: TaskId,
  wiring: StateWiring,
  runtime: Pick<JobRuntime, 'log' | 'blobs'>,
): Promise<History<TaskState, TaskDelta>> {
  for (let tries = 0; ; tries++) {
    try {
      return await readHistory<TaskState, TaskDelta>(
        taskActor(task),
        {
          initial: initialTaskState,
          begin: (base, genesis, place) => beginTask(base, genesis, place, wiring),
          apply: (state, { keyed: _, ...delta }, place) => applyTaskDelta(state, delta, place),
          encode: encodeTaskState,
          decode: (encoded) => decodeTaskState({ ...(encoded as object), keyed: NO_KEYED_STATE }),
        },
        runtime,
      )
    } catch (cause) {
      // Somebody folded it meanwhile: what is there now begins later.
      if (cause instanceof StaleView && tries === 0) continue
      if (cause instanceof StaleView || cause instanceof BrokenChain) throw notInLog(task)
      throw cause
    }
  }
}

async function payloadsOf(
  history: History<TaskState, TaskDelta>,
  task: TaskId,
  stretch: InFlightStretch,
  checkpointId: number,
  blobs: BlobStore,
): Promise<readonly PayloadUnderWay[]> {
  try {
    return await sentOn(history, taskActor(task), stretch, checkpointId, blobs)
  } catch (cause) {
    throw cause instanceof StaleView ? notInLog(task) : cause
  }
}

function notInLog(task: TaskId): UserError {
  return new UserError(
    `${task}: what it was at the checkpoint is not in its log any more. Start from a newer checkpoint or from a savepoint`,
  )
}

function addressOf({ edges }: PlanShape, edge: number, sender: number): ChannelAddress {
  const known = edges[edge]
  assert(known !== undefined, `edge ${edge} is one of the job as it was`)
  const { sourceUid, tagId, targetUid, inputIndex } = known
  return { sourceUid, tagId, targetUid, inputIndex, sender }
}
