import type { JobConfig } from '../stream/config.ts'
import type { Partitioning, StreamEdge, StreamNode } from '../stream/operator-spec.ts'
import { isKeyed, parallelismMax } from './operator-traits.ts'

type DefaultParallelism = Pick<JobConfig, 'parallelism'>

/** The operator's own parallelism, else the job's as far as the operator's source or sink allows it. */
export function resolveParallelism(node: StreamNode, config: DefaultParallelism): number {
  return (
    node.parallelism ?? Math.min(config.parallelism, parallelismMax(node.spec) ?? Number.POSITIVE_INFINITY)
  )
}

/** How records cross the edge into `node`. */
export function resolvePartitioning(
  edge: StreamEdge,
  node: StreamNode,
  config: DefaultParallelism,
): Partitioning {
  if (isKeyed(node.spec)) return 'hash'
  if (edge.partitioning !== 'default') return edge.partitioning
  const alike = resolveParallelism(edge.from, config) === resolveParallelism(node, config)
  return alike ? 'forward' : 'rebalance'
}
