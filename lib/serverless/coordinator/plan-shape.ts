import type { JobPlan } from '../../graph/plan.ts'
import type { TaskId } from '../../model/ids.ts'
import { taskId } from '../../model/ids.ts'
import type { JobRuntime } from '../runtime.ts'
import { changedSettings } from '../task-settings.ts'
import type { KeyedOperator, PlanShape, RunImage } from './image.ts'

export function shapeOf(plan: JobPlan): PlanShape {
  return {
    fingerprint: plan.fingerprint,
    vertices: plan.vertices.map(({ id, parallelism, operators }) => ({
      id,
      parallelism,
      operatorUids: operators.map(({ uid }) => uid),
    })),
    edges: plan.edges.map((edge) => {
      const { sourceVertex, sourceOperator, tagId, targetVertex, targetUid, inputIndex, partitioning } = edge
      const sourceUid = plan.vertices[sourceVertex]!.operators[sourceOperator]!.uid
      return { sourceVertex, sourceUid, tagId, targetVertex, targetUid, inputIndex, partitioning }
    }),
  }
}

/** Tasks of the one can go on with the logs of the other. Edges follow from the rest. */
export function sameShape(a: PlanShape, b: PlanShape): boolean {
  return a.fingerprint === b.fingerprint && JSON.stringify(a.vertices) === JSON.stringify(b.vertices)
}

/** Sinks first: whoever is begun finds those he sends to begun already. */
export function tasksSinksFirst({ vertices }: PlanShape): TaskId[] {
  return vertices
    .toReversed()
    .flatMap(({ id, parallelism }) =>
      Array.from({ length: parallelism }, (_, subtask) => taskId(id, subtask)),
    )
}

export function parallelismOf({ vertices }: PlanShape): Record<string, number> {
  return Object.fromEntries(vertices.map(({ id, parallelism }) => [id, parallelism]))
}

/** Operators that can have rows. */
export function keyedOperators(plan: JobPlan): KeyedOperator[] {
  return plan.vertices.flatMap(({ operators, maxParallelism }) =>
    operators
      .filter(({ keySelector }) => keySelector !== undefined)
      .map(({ uid }) => ({ uid, maxParallelism })),
  )
}

/** Why the code that runs here cannot go on with a run; undefined: it can. */
export function mismatch(
  { shape, settings }: Pick<RunImage, 'shape' | 'settings'>,
  { plan, config }: Pick<JobRuntime, 'plan' | 'config'>,
): string | undefined {
  const own = shapeOf(plan)
  const changed = changedSettings(settings, config)
  if (sameShape(shape, own) && changed.length === 0) return undefined
  const differs =
    changed.length > 0
      ? `settings differ: ${changed.join(', ')}`
      : shape.fingerprint === own.fingerprint
        ? 'chains or parallelism differ'
        : 'operators, their uids, state, partitioning or maximum parallelism differ'
  return (
    `the deployed code is not that of the run (${differs}). Before the next deployment stop the job with a savepoint; ` +
    'now start it again, from its last checkpoint or a savepoint'
  )
}
