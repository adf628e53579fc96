import type { ChainedOperator, JobPlan } from '../lib/graph/plan.ts'
import type { JobConfig } from '../lib/stream/config.ts'

/** Beside the folder that has the job's name and holds its checkpoints; objects in some of them expire. */
const RESERVED_NAMES = new Set(['log', 'heads', 'rows', 'savepoints', 'dead-letters'])

/** What of a job cannot run on functions: one line each, naming the operator and what to do. */
export function unsupportedOnAws(plan: JobPlan, config: JobConfig): readonly string[] {
  const problems = plan.vertices.flatMap((vertex) => vertex.operators).flatMap(operatorProblems)
  if (RESERVED_NAMES.has(config.name)) {
    problems.push(
      `name: expected a name other than ${[...RESERVED_NAMES].join(', ')}, which are folders of every job's bucket, got ` +
        `'${config.name}'`,
    )
  }
  if (config.stateBackend.type === 'lmdb') {
    problems.push(
      "stateBackend: expected a backend that does not name this machine's disk, got 'lmdb'; on AWS keyed state is in " +
        'DynamoDB whatever the backend says, so leave the option out of the job and give it where you run it locally',
    )
  }
  return problems
}

function operatorProblems({ uid, spec }: ChainedOperator): string[] {
  if (spec.type === 'source' && spec.source.type === 'splits' && spec.source.machineBound !== undefined) {
    return [
      `source '${uid}' (${spec.source.kind}): expected a source that functions can read, got one that works with ` +
        `${spec.source.machineBound}; use an HTTP or SQS source`,
    ]
  }
  if (spec.type === 'sink' && spec.sink.type !== 'function' && spec.sink.machineBound !== undefined) {
    return [
      `sink '${uid}' (${spec.sink.kind}): expected a sink that functions can write, got one that works with ` +
        `${spec.sink.machineBound}; use an S3, SQS, DynamoDB or HTTP sink`,
    ]
  }
  return []
}
