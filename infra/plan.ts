import { Arn, ArnFormat, Stack } from 'aws-cdk-lib'
import { Queue, type IQueue } from 'aws-cdk-lib/aws-sqs'
import type { Construct } from 'constructs'

import { ingestSourcesOf, type IngestSource } from '../lib/connectors/ingest/ingest-sources.ts'
import { operatorsWithDeadLetterSink } from '../lib/graph/dead-letters.ts'
import type { JobPlan, JobVertex } from '../lib/graph/plan.ts'
import { UserError } from '../lib/model/faults.ts'
import { deploymentOf } from '../lib/serverless/deployment.ts'
import type { JobConfig } from '../lib/stream/config.ts'
import type { SinkTarget } from '../lib/stream/sink.ts'
import { unsupportedOnAws } from './aws-support.ts'
import { environmentProblems } from './environment.ts'
import type { StreamJobProps } from './stream-job-props.ts'
import {
  ownChains,
  reservedProblems,
  taskFunctionProblems,
  taskFunctionsOf,
  type TaskFunctions,
} from './task-functions.ts'

/** A job as it is deployed: checked, with what it reads and writes. */
export interface DeployablePlan {
  readonly config: JobConfig
  readonly plan: JobPlan
  readonly ingest: {
    /** Whether records come by HTTP. */
    readonly http: boolean
    /** Uids of all sources. */
    readonly sources: readonly string[]
    /** By the uid of an SQS source. */
    readonly queues: ReadonlyMap<string, IQueue>
    /** Partitions of all sources. */
    readonly partitions: number
  }
  /** Uids of operators whose dead letters no stream takes: they are kept in the bucket. */
  readonly keptDeadLetters: readonly string[]
  readonly taskFunctions: TaskFunctions
  /** What runs otherwise than the job says. */
  readonly warnings: readonly string[]
}

/** @throws UserError with all that keeps the job from being deployed. */
export function deployablePlan(scope: Construct, props: StreamJobProps): DeployablePlan {
  const { config, plan, changes } = deploymentOf(props.job, props.settings)
  const sources = ingestSourcesOf(plan)
  const problems = [
    ...unsupportedOnAws(plan, config),
    ...taskFunctionProblems(plan, props),
    // With none at all, nobody could send anything.
    ...reservedProblems('ingestReservedConcurrency', props.ingestReservedConcurrency, 1),
    ...queueProblems(sources, Object.keys(props.queues ?? {})),
    ...environmentProblems({
      job: config.name,
      chains: ownChains(plan, props).map(({ id }) => id),
      sources: sqsSources(sources).map(({ uid }) => uid),
      settings: props.settings,
    }),
  ]
  if (problems.length > 0) throw new UserError(problems.map((problem) => `${config.name}: ${problem}`))
  return {
    config,
    plan,
    ingest: {
      http: sources.some(({ spec }) => spec.from.type === 'http'),
      sources: sources.map(({ uid }) => uid),
      queues: new Map(sources.flatMap((source) => queueOf(scope, source, props.queues ?? {}))),
      partitions: sources.reduce((sum, { spec }) => sum + spec.partitions, 0),
    },
    keptDeadLetters: operatorsWithDeadLetterSink(plan).map(({ uid }) => uid),
    taskFunctions: taskFunctionsOf(plan, props),
    warnings: changes,
  }
}

/** What the sinks of chains write to, beyond the job. */
export function targetsOf(vertices: readonly JobVertex[]): readonly SinkTarget[] {
  return vertices.flatMap(({ operators }) =>
    operators.flatMap(({ spec }) => {
      if (spec.type !== 'sink' || spec.sink.type === 'function') return []
      return spec.sink.writesTo ?? []
    }),
  )
}

/** The queue of the user's own that a source reads: the one that is given, or else one of the name in the job. */
function queueOf(
  scope: Construct,
  { uid, spec: { from } }: IngestSource,
  given: Readonly<Record<string, IQueue>>,
): readonly (readonly [uid: string, queue: IQueue])[] {
  if (from.type !== 'sqs') return []
  return [[uid, given[uid] ?? Queue.fromQueueArn(scope, `Source-${uid}`, arnOfQueue(scope, from.queue))]]
}

/** Of a queue that is named by its ARN, or by its name in the stack's account and region. */
export function arnOfQueue(scope: Construct, queue: string): string {
  if (queue.startsWith('arn:')) return queue
  const format = { service: 'sqs', resource: queue, arnFormat: ArnFormat.NO_RESOURCE_NAME }
  return Arn.format(format, Stack.of(scope))
}

function sqsSources(sources: readonly IngestSource[]): readonly IngestSource[] {
  return sources.filter(({ spec }) => spec.from.type === 'sqs')
}

function queueProblems(sources: readonly IngestSource[], given: readonly string[]): readonly string[] {
  const known = sqsSources(sources).map(({ uid }) => uid)
  return given
    .filter((uid) => !known.includes(uid))
    .map(
      (uid) =>
        `queues: expected the uid of an SQS source (${known.join(', ') || 'the job has none'}), got '${uid}'`,
    )
}
