import murmurhash from 'murmurhash'
import { NAME_CHARS_MAX } from '../model/names.ts'
import type { JobConfig } from '../stream/config.ts'
import type { StreamGraph, StreamNode } from '../stream/operator-spec.ts'
import type { Sink } from '../stream/sink.ts'
import { DEAD_LETTERS_TAG, type DeadLetter } from '../stream/source.ts'
import { resolveParallelism } from './parallelism.ts'
import { topologicalOrder } from './topology.ts'
import { assignUids } from './uids.ts'
import { planJob, type PlanConfig } from './plan-job.ts'
import type { ChainedOperator, JobPlan } from './plan.ts'

const SUFFIX = '.dead-letters'

/** The uid of the sink that takes an operator's dead letters where no stream does: its state is found by it. */
export function deadLetterSinkUid(operatorUid: string): string {
  const uid = `${operatorUid}${SUFFIX}`
  if (uid.length <= NAME_CHARS_MAX) return uid
  const hash = murmurhash.v3(operatorUid, 0).toString(16)
  return `${operatorUid.slice(0, NAME_CHARS_MAX - SUFFIX.length - hash.length - 1)}.${hash}${SUFFIX}`
}

/**
 * The plan of a job in which no dead letter is lost: those that no stream takes go to a sink that `sinkOf` makes, for each
 * operator that may have any.
 * @throws UserError with all that is wrong with the graph.
 */
export function planWithDeadLetters(
  graph: StreamGraph,
  config: PlanConfig,
  sinkOf: (operatorUid: string) => Sink<DeadLetter>,
): JobPlan {
  const plan = planJob(graph, config)
  if (plan.unconsumedDeadLetters.length === 0) return plan
  const uids = assignUids(topologicalOrder(graph.nodes))
  const sinks = plan.unconsumedDeadLetters.map((uid, index): StreamNode => {
    const from = graph.nodes.find((node) => uids.get(node) === uid)!
    return sinkNode(graph.nodes.length + index, uid, from, sinkOf(uid), config)
  })
  return planJob({ ...graph, nodes: [...graph.nodes, ...sinks] }, config)
}

/** Of a plan that {@link planWithDeadLetters} made: operators whose dead letters such a sink takes. In the order of the plan. */
export function operatorsWithDeadLetterSink({ vertices }: JobPlan): readonly ChainedOperator[] {
  const operators = vertices.flatMap((vertex) => vertex.operators)
  const uids = new Set<string>(operators.map(({ uid }) => uid))
  return operators.filter(({ uid }) => uids.has(deadLetterSinkUid(uid)))
}

/** As parallel as the operator, so that it runs in its task. */
function sinkNode(
  id: number,
  uid: string,
  from: StreamNode,
  sink: Sink<DeadLetter>,
  config: Pick<JobConfig, 'parallelism'>,
): StreamNode {
  return {
    id,
    uid: deadLetterSinkUid(uid),
    name: `${uid} dead letters`,
    spec: { type: 'sink', sink },
    inputs: [{ from, tagId: DEAD_LETTERS_TAG, partitioning: 'default', inputIndex: 0 }],
    keySelector: undefined,
    parallelism: resolveParallelism(from, config),
    maxParallelism: from.maxParallelism,
    chaining: 'always',
    resources: undefined,
  }
}
