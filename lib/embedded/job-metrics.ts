import type { JobPlan } from '../graph/plan.ts'
import type { JobMaster } from './job-master.ts'
import type { JobMetrics, OperatorFigures } from './job-handle.ts'

/** The counts of a job's operators, over all subtasks, and where it stands. */
export function collectMetrics(plan: JobPlan, master: JobMaster): JobMetrics {
  const { status, attempt, completed } = master.coordinator
  const last = completed.at(-1)
  return {
    status,
    attempt,
    restarts: master.restarts,
    operators: plan.vertices.flatMap((vertex) =>
      vertex.operators.map((_, index) => figuresOf(plan, vertex.index, index, master)),
    ),
    lastCheckpoint:
      last === undefined ? undefined : { checkpointId: last.checkpointId, figures: last.figures },
  }
}

function figuresOf(
  plan: JobPlan,
  vertexIndex: number,
  operatorIndex: number,
  master: JobMaster,
): OperatorFigures {
  const vertex = plan.vertices[vertexIndex]!
  const { uid, name } = vertex.operators[operatorIndex]!
  const tasks = master.attempt?.allTasks.filter((task) => task.spec.vertex.index === vertexIndex) ?? []
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
