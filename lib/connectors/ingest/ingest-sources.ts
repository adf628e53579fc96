import type { JobPlan } from '../../graph/plan.ts'
import type { IngestSpec } from '../../stream/ingest.ts'

/** A source of a job whose records come in at the runtime's front door. */
export interface IngestSource {
  readonly uid: string
  readonly spec: IngestSpec
  /** Of the chain that it heads. */
  readonly vertexId: string
  readonly parallelism: number
}

/** In the order of the plan. */
export function ingestSourcesOf(plan: JobPlan): readonly IngestSource[] {
  return plan.vertices.flatMap(({ id, parallelism, operators }) =>
    operators.flatMap(({ uid, spec }) => {
      if (spec.type !== 'source' || spec.source.type !== 'splits') return []
      const { ingest } = spec.source
      return ingest === undefined ? [] : [{ uid, spec: ingest, vertexId: id, parallelism }]
    }),
  )
}
