import { assert, UserError } from '../model/faults.ts'
import type { OperatorUid } from '../model/ids.ts'
import type { JobConfig } from '../stream/config.ts'
import type { Partitioning, StreamEdge, StreamGraph, StreamNode } from '../stream/operator-spec.ts'
import { DEAD_LETTERS_TAG } from '../stream/source.ts'
import { fingerprint } from './fingerprint.ts'
import { canBePoisoned, refusesRecords, setsPoisonAside } from './operator-traits.ts'
import { resolveParallelism, resolvePartitioning } from './parallelism.ts'
import type { ChainedOperator, JobEdge, JobPlan, JobVertex } from './plan.ts'
import { resourcesOfChain } from './resources.ts'
import { topologicalOrder } from './topology.ts'
import { assignUids } from './uids.ts'
import { graphProblems } from './validate.ts'

export type PlanConfig = Pick<JobConfig, 'name' | 'parallelism' | 'maxParallelism'> &
  Partial<Pick<JobConfig, 'poisonRecords'>>

/** Operators that run together, head first. */
interface Chain {
  readonly index: number
  readonly nodes: StreamNode[]
}

/**
 * Checks the graph, gives every operator its uid and parallelism, and chains operators as Flink does.
 * @throws UserError with all that is wrong with the graph.
 */
export function planJob(graph: StreamGraph, config: PlanConfig): JobPlan {
  const problems = graphProblems(graph, config)
  if (problems.length > 0) throw new UserError(problems)

  const order = topologicalOrder(graph.nodes)
  const uids = assignUids(order)
  const uidOf = (node: StreamNode) => uids.get(node)!
  const maxParallelismOf = (node: StreamNode) => node.maxParallelism ?? config.maxParallelism
  const partitioningOf = (edge: StreamEdge, node: StreamNode) => resolvePartitioning(edge, node, config)

  const chainOf = formChains(order, maxParallelismOf, partitioningOf)
  const chains = [...new Set(chainOf.values())]
  const edges = joinChains(chains, chainOf, partitioningOf, uidOf)

  const vertices = chains.map((chain): JobVertex => {
    const head = chain.nodes[0]!
    return {
      id: uidOf(head),
      index: chain.index,
      name: chainName(chain, head),
      parallelism: resolveParallelism(head, config),
      maxParallelism: maxParallelismOf(head),
      resources: resourcesOfChain(chain.nodes),
      operators: chain.nodes.map((node): ChainedOperator => {
        const input = node === head ? undefined : node.inputs[0]
        return {
          uid: uidOf(node),
          name: node.name,
          spec: node.spec,
          keySelector: node.keySelector,
          parent: input && chain.nodes.indexOf(input.from),
          parentTagId: input?.tagId,
        }
      }),
      inputEdges: edges.filter((edge) => edge.targetVertex === chain.index).map((edge) => edge.index),
      outputEdges: edges.filter((edge) => edge.sourceVertex === chain.index).map((edge) => edge.index),
    }
  })

  return {
    jobName: config.name,
    vertices,
    edges,
    fingerprint: fingerprint(
      order.map((node) => ({ uid: uidOf(node), node, maxParallelism: maxParallelismOf(node), uidOf })),
    ),
    unconsumedDeadLetters: order.filter((node) => hasUnconsumedDeadLetters(node, order, config)).map(uidOf),
  }
}

/** Chains in topological order: a chain comes where its head does, and only its head has inputs from elsewhere. */
function formChains(
  order: readonly StreamNode[],
  maxParallelismOf: (node: StreamNode) => number,
  partitioningOf: (edge: StreamEdge, node: StreamNode) => Partitioning,
): ReadonlyMap<StreamNode, Chain> {
  const chainOf = new Map<StreamNode, Chain>()
  let count = 0
  for (const node of order) {
    const [edge, ...others] = node.inputs
    // A forward edge joins equal parallelisms, which the validation has seen to.
    const joins =
      edge !== undefined &&
      others.length === 0 &&
      partitioningOf(edge, node) === 'forward' &&
      maxParallelismOf(edge.from) === maxParallelismOf(node) &&
      node.chaining === 'always' &&
      edge.from.chaining !== 'never'
    const chain = joins ? chainOf.get(edge.from)! : { index: count++, nodes: [] }
    chain.nodes.push(node)
    chainOf.set(node, chain)
  }
  return chainOf
}

/** The edges between chains, by target. */
function joinChains(
  chains: readonly Chain[],
  chainOf: ReadonlyMap<StreamNode, Chain>,
  partitioningOf: (edge: StreamEdge, node: StreamNode) => Partitioning,
  uidOf: (node: StreamNode) => OperatorUid,
): readonly JobEdge[] {
  const edges: JobEdge[] = []
  for (const chain of chains) {
    const head = chain.nodes[0]!
    for (const edge of head.inputs) {
      const source = chainOf.get(edge.from)!
      assert(source.index < chain.index, 'chains are in topological order')
      const partitioning = partitioningOf(edge, head)
      edges.push({
        index: edges.length,
        sourceVertex: source.index,
        sourceOperator: source.nodes.indexOf(edge.from),
        tagId: edge.tagId,
        targetVertex: chain.index,
        targetUid: uidOf(head),
        inputIndex: edge.inputIndex,
        partitioning,
        keySelector: partitioning === 'hash' ? head.keySelector : undefined,
      })
    }
  }
  return edges
}

/** `words -> count`; where a chain branches, `words -> (count, total)`. */
function chainName(chain: Chain, node: StreamNode): string {
  const next = chain.nodes.filter((other) => other !== chain.nodes[0] && other.inputs[0]!.from === node)
  const names = next.map((other) => chainName(chain, other))
  if (names.length === 0) return node.name
  return `${node.name} -> ${names.length === 1 ? names[0] : `(${names.join(', ')})`}`
}

function hasUnconsumedDeadLetters(
  node: StreamNode,
  nodes: readonly StreamNode[],
  config: PlanConfig,
): boolean {
  const consumed = nodes.some(({ inputs }) =>
    inputs.some((edge) => edge.from === node && edge.tagId === DEAD_LETTERS_TAG),
  )
  return !consumed && (refusesRecords(node.spec) || (setsPoisonAside(config) && canBePoisoned(node, nodes)))
}
