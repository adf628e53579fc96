import type { JobPlan } from '../graph/plan.ts'
import { taskId } from '../model/ids.ts'
import type { CoordinatedTask } from './coordinator-state.ts'

/** The tasks of a plan, as its coordinator knows them. */
export function tasksOf(plan: JobPlan): CoordinatedTask[] {
  return plan.vertices.flatMap((vertex) =>
    Array.from({ length: vertex.parallelism }, (_, subtaskIndex) => ({
      task: taskId(vertex.id, subtaskIndex),
      vertexId: vertex.id,
      subtaskIndex,
      isSource: vertex.inputEdges.length === 0,
    })),
  )
}

/** Whether some sink has transactions, which only a completed checkpoint commits. */
export function needsFinalCommit(plan: JobPlan): boolean {
  return plan.vertices.some((vertex) =>
    vertex.operators.some(({ spec }) => spec.type === 'sink' && spec.sink.type === 'two-phase-commit'),
  )
}
