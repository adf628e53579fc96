import { buildStreamGraph } from '../../../lib/graph/build-stream-graph.ts'
import { planJob, type PlanConfig } from '../../../lib/graph/plan-job.ts'
import type { JobPlan } from '../../../lib/graph/plan.ts'
import { UserError } from '../../../lib/model/faults.ts'
import { defineJob } from '../../../lib/stream/job.ts'
import type { StreamEnvironment } from '../../../lib/stream/environment.ts'
import type { StreamGraph } from '../../../lib/stream/operator-spec.ts'
import { sinkFunction } from '../../../lib/stream/sink.ts'
import type { Source } from '../../../lib/stream/source.ts'

export interface Word {
  readonly text: string
  readonly count: number
}

/** A source that could make dead letters. */
export const words: Source<Word> = {
  type: 'splits',
  refusesRecords: true,
  kind: 'words',
  bounded: true,
  enumerateSplits: () => [],
  createReader: () => ({ open() {}, read: () => 'end', snapshot: () => [] }),
}

export const discard = sinkFunction<unknown>({ invoke() {} })

export const CONFIG: PlanConfig = { name: 'job', parallelism: 2, maxParallelism: 128 }

export function graphOf(build: (env: StreamEnvironment) => void): StreamGraph {
  return buildStreamGraph(defineJob({ name: 'job' }, build))
}

export function planOf(build: (env: StreamEnvironment) => void, config: Partial<PlanConfig> = {}): JobPlan {
  return planJob(graphOf(build), { ...CONFIG, ...config })
}

/** Each vertex as `uid uid …`, head first. */
export function chainsOf(plan: JobPlan): readonly string[] {
  return plan.vertices.map((vertex) => vertex.operators.map((operator) => operator.uid).join(' '))
}

export function problemsOf(run: () => unknown): readonly string[] {
  try {
    run()
  } catch (error) {
    if (error instanceof UserError) return error.problems
    throw error
  }
  return []
}
