import { assert } from '../model/faults.ts'
import { CHECKPOINT_FORMAT_VERSION } from './checkpoint-record.ts'
import type {
  CheckpointRecord,
  LogPositions,
  OperatorSnapshot,
  Stretch,
  VertexSnapshot,
} from './checkpoint-record.ts'
import { logsOf } from './completed-checkpoints.ts'
import type { CoordinatedTask, PendingCheckpoint } from './coordinator-state.ts'
import type { OperatorAck, TaskAck } from './task-ack.ts'

/** What a record says of its job. */
export interface RecordContext {
  readonly jobName: string
  readonly runId: string
  readonly planFingerprint: string
  /** As in `start`. */
  readonly tasks: readonly CoordinatedTask[]
}

/**
 * The record of a checkpoint that every task acknowledged. The same acknowledgements give the same record. A savepoint
 * refers to no log: it is whole by itself.
 */
export function assembleRecord(pending: PendingCheckpoint, context: RecordContext): CheckpointRecord {
  const vertexIds = [...new Set(context.tasks.map((task) => task.vertexId))]
  const positions = pending.kind === 'checkpoint' ? logsOf(pending) : undefined
  const vertices = vertexIds.map((id) => {
    const tasks = context.tasks.filter((task) => task.vertexId === id)
    const inOrder = tasks.toSorted((a, b) => a.subtaskIndex - b.subtaskIndex)
    return { id, acks: inOrder.map(({ task }) => ackOf(pending, task)) }
  })
  return {
    formatVersion: CHECKPOINT_FORMAT_VERSION,
    kind: pending.kind,
    jobName: context.jobName,
    runId: context.runId,
    checkpointId: pending.checkpointId,
    attempt: pending.attempt,
    triggeredAtMs: pending.triggeredAtMs,
    completedAtMs: pending.acknowledgedAtMs ?? pending.triggeredAtMs,
    planFingerprint: context.planFingerprint,
    vertices: vertices.map(({ id, acks }) => vertexOf(id, acks)),
    operators: vertices.flatMap(({ id, acks }) => operatorsOf(id, acks)),
    ...(positions === undefined ? {} : { logs: sorted(positions, context.tasks) }),
  }
}

function sorted(logs: LogPositions, tasks: readonly CoordinatedTask[]): LogPositions {
  return Object.fromEntries(tasks.map(({ task }) => [task, logs[task]!]))
}

function ackOf(pending: PendingCheckpoint, task: CoordinatedTask['task']): TaskAck {
  const ack = pending.acks[task]
  assert(ack !== undefined, `checkpoint ${pending.checkpointId} has the acknowledgement of ${task}`)
  return ack
}

function vertexOf(id: string, acks: readonly TaskAck[]): VertexSnapshot {
  const subtasks = acks.map(({ watermarkMs, finished, inFlight }) => ({
    watermarkMs,
    finished,
    ...(inFlight === undefined ? {} : { inFlight }),
  }))
  return { id, parallelism: acks.length, subtasks }
}

function operatorsOf(vertexId: string, acks: readonly TaskAck[]): OperatorSnapshot[] {
  const chain = acks[0]!.operators
  return chain.map((first, index) => {
    const subtasks = acks.map((ack) => ack.operators[index])
    for (const own of subtasks) {
      const alike = own?.uid === first.uid && own.maxParallelism === first.maxParallelism
      assert(alike, `all subtasks of ${vertexId} have the same operators`)
    }
    return operatorOf(first, subtasks as OperatorAck[])
  })
}

/** The segments of different subtasks share no key groups, so that their order among each other does not matter. */
function operatorOf(first: OperatorAck, subtasks: readonly OperatorAck[]): OperatorSnapshot {
  return {
    uid: first.uid,
    name: first.name,
    parallelism: subtasks.length,
    maxParallelism: first.maxParallelism,
    states: first.states,
    segments: subtasks.flatMap((own) => own.segments),
    operatorState: subtasks.map((own) => own.operatorState),
  }
}

export function segmentKey(segment: Stretch): string {
  return `${segment.blob}@${segment.offsetBytes}+${segment.lengthBytes}`
}
