import { nameProblem } from '../model/names.ts'
import { MAX_PARALLELISM_MAX } from '../model/key-groups.ts'
import type { JobConfig } from '../stream/config.ts'
import { DEAD_LETTERS_TAG } from '../stream/source.ts'
import type { StreamGraph, StreamNode } from '../stream/operator-spec.ts'
import { resolveParallelism, resolvePartitioning } from './parallelism.ts'
import { isKeyed, labelOf, parallelismMax, sharesState, sideOutputProblem } from './operator-traits.ts'
import { resourceProblems } from './resources.ts'
import { findCycle } from './topology.ts'

type GraphConfig = Pick<JobConfig, 'parallelism' | 'maxParallelism'> &
  Partial<Pick<JobConfig, 'poisonRecords'>>

/** Everything that is wrong with a graph; empty if it can be planned. The graph is taken as data, however it was built. */
export function graphProblems(graph: StreamGraph, config: GraphConfig): readonly string[] {
  return [
    ...structureProblems(graph),
    ...uidProblems(graph),
    ...graph.nodes.flatMap((node) => [
      ...operatorProblems(node, config),
      ...parallelismProblems(node, config),
      ...resourceProblems(node.resources).map((problem) => `operator ${labelOf(node)}: ${problem}`),
    ]),
  ]
}

function structureProblems({ nodes }: StreamGraph): readonly string[] {
  const problems: string[] = []
  if (!nodes.some(isSource)) problems.push('the job has no source: add env.source(…)')
  const known = new Set(nodes)
  const foreign = nodes.flatMap((node) =>
    node.inputs.filter(({ from }) => !known.has(from)).map(({ from }) => [from, node] as const),
  )
  for (const [from, node] of foreign) {
    problems.push(`operator ${labelOf(node)} reads from ${labelOf(from)}, which is not part of this job`)
  }
  if (foreign.length > 0) return problems
  const cycle = findCycle(nodes)
  if (cycle !== undefined) {
    problems.push(
      `the job has a cycle: ${[...cycle, cycle[0]!].map(labelOf).join(' -> ')}; streams cannot feed back`,
    )
  }
  const reachable = reachableFromSources(nodes)
  for (const node of nodes) {
    if (!reachable.has(node))
      problems.push(`operator ${labelOf(node)} gets no records: no source leads to it`)
  }
  return [...problems, ...deadEnds(nodes)]
}

const isSource = (node: StreamNode) => node.spec.type === 'source'

function reachableFromSources(nodes: readonly StreamNode[]): ReadonlySet<StreamNode> {
  const reachable = new Set(nodes.filter(isSource))
  for (let before = -1; before !== reachable.size;) {
    before = reachable.size
    for (const node of nodes) {
      if (node.inputs.some(({ from }) => reachable.has(from))) reachable.add(node)
    }
  }
  return reachable
}

/** Streams that nothing consumes. A function may have side outputs alone; a source's records must go somewhere. */
function deadEnds(nodes: readonly StreamNode[]): readonly string[] {
  const edges = nodes.flatMap((node) => node.inputs)
  const consumed = new Set(
    edges.filter((edge) => edge.tagId === undefined || !isSource(edge.from)).map((edge) => edge.from),
  )
  return nodes
    .filter((node) => node.spec.type !== 'sink' && !consumed.has(node))
    .map((node) => `stream ${labelOf(node)} goes nowhere: add .sinkTo(…) to it, or remove it`)
}

function uidProblems({ nodes }: StreamGraph): readonly string[] {
  const counts = new Map<string, number>()
  for (const { uid } of nodes) if (uid !== undefined) counts.set(uid, (counts.get(uid) ?? 0) + 1)
  return [...counts].flatMap(([uid, count]) => {
    const invalid = nameProblem(uid)
    return [
      ...(invalid === undefined ? [] : [`uid ${JSON.stringify(uid)}: ${invalid}`]),
      ...(count === 1
        ? []
        : [`uid '${uid}' names ${count} operators: each needs its own, as its state is found by it`]),
    ]
  })
}

function operatorProblems(node: StreamNode, config: GraphConfig): readonly string[] {
  const problems: string[] = []
  if (isKeyed(node.spec) && node.keySelector === undefined) {
    problems.push(
      `operator ${labelOf(node)} works on a keyed stream, but has no key selector: put .keyBy(…) before it`,
    )
  }
  if (!isKeyed(node.spec) && node.inputs.some(({ partitioning }) => partitioning === 'hash')) {
    problems.push(`operator ${labelOf(node)} is given a keyed stream, but does not work on one`)
  }
  if (isSource(node) && node.inputs.length > 0) {
    problems.push(`source ${labelOf(node)} has an input; sources have none`)
  }
  for (const { from, tagId } of node.inputs) {
    if (from.spec.type === 'sink' && tagId !== DEAD_LETTERS_TAG)
      problems.push(`operator ${labelOf(node)} reads from sink ${labelOf(from)}; sinks have no output`)
    const reason = tagId === undefined ? undefined : sideOutputProblem(from.spec, tagId, config)
    if (reason !== undefined) {
      problems.push(
        `operator ${labelOf(node)} takes side output '${tagId}' of ${labelOf(from)}, which cannot have it: ${reason}`,
      )
    }
  }
  return problems
}

const inRange = (value: number) => Number.isInteger(value) && value >= 1 && value <= MAX_PARALLELISM_MAX

function parallelismProblems(node: StreamNode, config: GraphConfig): readonly string[] {
  const problems: string[] = []
  const complain = (what: string, expected: string, found: number) =>
    problems.push(`operator ${labelOf(node)}: ${what}: expected ${expected}, got ${found}`)
  const range = `a whole number from 1 to ${MAX_PARALLELISM_MAX}`

  const parallelism = resolveParallelism(node, config)
  const maxParallelism = node.maxParallelism ?? config.maxParallelism
  const limit = parallelismMax(node.spec)
  if (!inRange(maxParallelism)) complain('maxParallelism', range, maxParallelism)
  if (!inRange(parallelism)) complain('parallelism', range, parallelism)
  else if (parallelism > maxParallelism)
    complain('parallelism', `at most its maxParallelism ${maxParallelism}`, parallelism)
  else if (limit !== undefined && parallelism > limit) {
    complain('parallelism', `at most ${limit}, which is all that its ${node.spec.type} allows`, parallelism)
  }
  if (parallelism > 1 && sharesState(node.spec)) {
    problems.push(
      `operator ${labelOf(node)}: its ${parallelism} subtasks would share one function, whose state is each one's own; ` +
        'give what makes the function, () => ({ … }), or parallelism 1',
    )
  }
  for (const edge of node.inputs) {
    const above = resolveParallelism(edge.from, config)
    if (resolvePartitioning(edge, node, config) === 'forward' && above !== parallelism) {
      problems.push(
        `forward() from ${labelOf(edge.from)} to ${labelOf(node)}: expected the same parallelism at both ends, got ` +
          `${above} and ${parallelism}; use rebalance() or set them alike`,
      )
    }
  }
  return problems
}
