import type { JobPlan, JobVertex } from '../graph/plan.ts'
import type { Task } from '../task/task.ts'
import type { OperatorFigures } from './job-handle.ts'

/** The counts of all operators of `plan` in `tasks`, which are not closed. */
export function collectFigures(plan: JobPlan, tasks: readonly Task[]): readonly OperatorFigures[] {
  return plan.vertices.flatMap((vertex) => {
    const ofVertex = tasks.filter((task) => task.spec.vertex.index === vertex.index)
    return vertex.operators.map((_, index) => figuresOf(vertex, index, ofVertex))
  })
}

function figuresOf(vertex: JobVertex, operatorIndex: number, tasks: readonly Task[]): OperatorFigures {
  const { uid, name } = vertex.operators[operatorIndex]!
  const subtasks = tasks.map((task) => task.operatorStates[operatorIndex]!)
  const sum = (
    field: 'numRecordsIn' | 'numRecordsOut' | 'numLateRecordsDropped' | 'numDeadLetters',
  ): number => subtasks.reduce((total, { operator }) => total + operator.metrics[field], 0)
  return {
    uid,
    name,
    vertex: vertex.name,
    parallelism: vertex.parallelism,
    numRecordsIn: sum('numRecordsIn'),
    numRecordsOut: sum('numRecordsOut'),
    numLateRecordsDropped: sum('numLateRecordsDropped'),
    numDeadLetters: sum('numDeadLetters'),
    currentWatermark:
      subtasks.length === 0
        ? Number.NEGATIVE_INFINITY
        : Math.min(...subtasks.map(({ operator }) => operator.metrics.currentWatermark)),
    keys: subtasks.reduce((total, { keyedState }) => total + (keyedState?.stats().keys ?? 0), 0),
  }
}
