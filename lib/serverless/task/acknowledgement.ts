import type { ChannelCounts } from '../../checkpoint/checkpoint-record.ts'
import type { TaskAck } from '../../checkpoint/task-ack.ts'
import type { JobVertex } from '../../graph/plan.ts'
import { stateSpecOf } from '../../operators/state-spec.ts'
import { describeStates } from '../../state/describe-states.ts'
import type { TaskSnapshot } from '../../task/task-snapshot.ts'

/** What the turn of a barrier adds to the task's own snapshot. */
export interface BarrierTurn {
  /** Where its turn stands in the log: what comes after it is not part of the checkpoint. */
  readonly position: number
  /** Something was done since the last barrier. */
  readonly active: boolean
  /** That it changed. */
  readonly rows: number
  /** Undefined where checkpoints are aligned: nothing is under way at a barrier. */
  readonly channels: ChannelCounts | undefined
}

/** A checkpoint of a task is a place in its log: no segments, and no bytes of its own. */
export function acknowledgement(
  { watermarkMs, finished, operators, alignmentMs }: TaskSnapshot,
  vertex: JobVertex,
  { position, active, rows, channels }: BarrierTurn,
): TaskAck {
  return {
    watermarkMs,
    finished,
    operators: operators.map(({ uid, operatorState }, index) => {
      const { name, spec } = vertex.operators[index]!
      return {
        uid,
        name,
        maxParallelism: vertex.maxParallelism,
        states: describeStates(stateSpecOf(spec) ?? {}),
        segments: [],
        operatorState,
      }
    }),
    figures: { alignmentMs, durationMs: 0, bytes: 0, fullBytes: 0, records: rows },
    position,
    active,
    ...(channels !== undefined && { channels }),
  }
}
