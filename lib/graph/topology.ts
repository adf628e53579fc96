import TinyQueue from 'tinyqueue'
import type { StreamNode } from '../stream/operator-spec.ts'

/**
 * The nodes such that each comes after all that feed it, else in the order of building. Nodes on a cycle, and those
 * after one, are left out.
 */
export function topologicalOrder(nodes: readonly StreamNode[]): readonly StreamNode[] {
  const consumers = new Map<StreamNode, StreamNode[]>()
  const missing = new Map<StreamNode, number>()
  for (const node of nodes) {
    missing.set(node, node.inputs.length)
    for (const { from } of node.inputs) {
      const list = consumers.get(from)
      if (list === undefined) consumers.set(from, [node])
      else list.push(node)
    }
  }
  const ready = new TinyQueue(
    nodes.filter((node) => node.inputs.length === 0),
    (a, b) => a.id - b.id,
  )
  const order: StreamNode[] = []
  for (let node = ready.pop(); node !== undefined; node = ready.pop()) {
    order.push(node)
    for (const consumer of consumers.get(node) ?? []) {
      const left = missing.get(consumer)! - 1
      missing.set(consumer, left)
      if (left === 0) ready.push(consumer)
    }
  }
  return order
}

/** The nodes of some cycle, in the order of the edges; undefined if there is none. */
export function findCycle(nodes: readonly StreamNode[]): readonly StreamNode[] | undefined {
  const ordered = new Set(topologicalOrder(nodes))
  // Every node left over has an input that is left over too: going up from one must come round.
  let node = nodes.find((candidate) => !ordered.has(candidate))
  const path: StreamNode[] = []
  while (node !== undefined) {
    const start = path.indexOf(node)
    if (start >= 0) return [node, ...path.slice(start + 1).toReversed()]
    path.push(node)
    node = node.inputs.find(({ from }) => !ordered.has(from))?.from
  }
  return undefined
}
