import type { IQueue } from 'aws-cdk-lib/aws-sqs'

import type { JobPlan } from '../lib/graph/plan.ts'
import { UserError } from '../lib/model/faults.ts'
import { deploymentOf } from '../lib/serverless/deployment.ts'
import type { JobConfig } from '../lib/stream/config.ts'
import { unsupportedOnAws } from './aws-support.ts'
import type { StreamJobProps } from './stream-job-props.ts'

/** A job as it is deployed: checked, with the queues that its sources read. */
export interface DeployablePlan {
  readonly config: JobConfig
  readonly plan: JobPlan
  readonly ingest: {
    /** Uids of HTTP sources. */
    readonly http: readonly string[]
    /** By the uid of an SQS source. */
    readonly queues: ReadonlyMap<string, IQueue>
    /** Ingest partitions of all sources. */
    readonly partitions: number
  }
  /** What runs otherwise than the job says. */
  readonly warnings: readonly string[]
}

/** @throws UserError with all that keeps the job from being deployed. */
export function deployablePlan(props: StreamJobProps): DeployablePlan {
  const { config, plan, changes } = deploymentOf(props.job, props.settings)
  const sources = ingestSources(plan)
  const problems = [
    ...unsupportedOnAws(plan, config),
    ...chainProblems(plan, Object.keys(props.chains ?? {})),
    ...queueProblems(sources, props.queues ?? {}),
  ]
  if (problems.length > 0) throw new UserError(problems.map((problem) => `${config.name}: ${problem}`))
  return {
    config,
    plan,
    ingest: {
      http: sources.filter(({ kind }) => kind === 'http').map(({ uid }) => uid),
      queues: new Map(Object.entries(props.queues ?? {})),
      partitions: sources.reduce((sum, { partitions }) => sum + partitions, 0),
    },
    warnings: changes,
  }
}

interface IngestSource {
  readonly uid: string
  readonly kind: 'http' | 'sqs'
  readonly partitions: number
}

function ingestSources(plan: JobPlan): readonly IngestSource[] {
  return plan.vertices.flatMap((vertex) =>
    vertex.operators.flatMap(({ uid, spec }): IngestSource[] => {
      if (spec.type !== 'source') return []
      const { kind } = spec.source
      return kind === 'http' || kind === 'sqs' ? [{ uid, kind, partitions: vertex.parallelism }] : []
    }),
  )
}

function chainProblems(plan: JobPlan, chains: readonly string[]): readonly string[] {
  const known = plan.vertices.map(({ id }) => id)
  return chains
    .filter((chain) => !known.includes(chain))
    .map((chain) => `chains: expected the first operator of a chain (${known.join(', ')}), got '${chain}'`)
}

function queueProblems(
  sources: readonly IngestSource[],
  queues: Readonly<Record<string, IQueue>>,
): readonly string[] {
  const wanted = sources.filter(({ kind }) => kind === 'sqs').map(({ uid }) => uid)
  return [
    ...wanted
      .filter((uid) => !(uid in queues))
      .map((uid) => `queues: expected the queue that source '${uid}' reads, got none`),
    ...Object.keys(queues)
      .filter((uid) => !wanted.includes(uid))
      .map(
        (uid) =>
          `queues: expected uids of SQS sources (${wanted.join(', ') || 'the job has none'}), got '${uid}'`,
      ),
  ]
}
