import type { JobPlan } from '../graph/plan.ts'
import type { JobMetrics } from './job-handle.ts'
import type { JobMaster } from './job-master.ts'
import { collectFigures } from './operator-figures.ts'

/** The counts of a job's operators, over all subtasks, and where it stands. */
export function collectMetrics(plan: JobPlan, master: JobMaster): JobMetrics {
  const { status, attempt, completed } = master.coordinator
  const last = completed.at(-1)
  return {
    status,
    attempt,
    restarts: master.restarts,
    operators: master.figures ?? collectFigures(plan, []),
    lastCheckpoint:
      last === undefined ? undefined : { checkpointId: last.checkpointId, figures: last.figures },
  }
}
