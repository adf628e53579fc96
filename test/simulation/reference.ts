import {
  bucketOf,
  cancelsBucket,
  copies,
  counted,
  differing,
  isOdd,
  kept,
  mapped,
  onBranch,
  paired,
  reduced,
  summary,
} from './operations.ts'
import type { Item, Node, Program } from './program.ts'

/** What each sink of the program gets, by its node: computed one record after the other, in arrays, without Millrace. */
export function expectedOutputs({ nodes }: Program): Map<number, readonly Item[]> {
  const streams: (readonly Item[])[] = []
  for (const node of nodes) streams.push(streamOf(node, streams, nodes))
  return new Map(nodes.flatMap((node, index) => (node.type === 'sink' ? [[index, streams[index]!]] : [])))
}

function streamOf(
  node: Node,
  streams: readonly (readonly Item[])[],
  nodes: readonly Node[],
): readonly Item[] {
  switch (node.type) {
    case 'source':
      return node.splits.flat()
    case 'union':
      return node.inputs.flatMap((input, branch) => streams[input]!.map((item) => onBranch(item, branch)))
    case 'map':
      return streams[node.input]!.map(mapped)
    case 'filter':
      return streams[node.input]!.filter(kept)
    case 'flat-map':
      return streams[node.input]!.flatMap(copies)
    case 'broadcast':
      return streams[node.input]!.flatMap((item) => Array.from({ length: node.parallelism! }, () => item))
    case 'rebalance':
    case 'sink':
      return streams[node.input]!
    case 'odd': {
      const buckets = nodes[node.input]!
      return buckets.type === 'buckets' ? streams[buckets.input]!.filter(isOdd) : []
    }
    default:
      return [...groupBy(streams[node.input]!, ({ key }) => key)].flatMap(([key, items]) => {
        return keyed(node, key, items)
      })
  }
}

type KeyedNode = Extract<Node, { size: number }>

function keyed(node: KeyedNode, key: string, items: readonly Item[]): Item[] {
  switch (node.type) {
    case 'reduce': {
      let sum: Item | undefined
      return items.map((item) => (sum = sum === undefined ? item : reduced(sum, item)))
    }
    case 'pairs': {
      let before: Item | undefined
      return items.flatMap((item) => {
        const { result, next } = paired(item, before)
        before = next
        return result
      })
    }
    case 'count':
      return items.map((_, index) => counted(key, index + 1))
    case 'map-with-state':
      return items.map((item, index) => differing(item, items[index - 1]))
    case 'buckets':
    case 'window': {
      const groups = [...groupBy(items, (item) => bucketOf(item, node.size))].toSorted(([a], [b]) => a - b)
      const told = node.type === 'window' ? groups : groups.filter(([, all]) => !all.some(cancelsBucket))
      return told.map(([start, all]) =>
        summary(
          key,
          start,
          node.size,
          all.map(({ v }) => v),
        ),
      )
    }
  }
}

export function groupBy<T, K>(values: readonly T[], keyOf: (value: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>()
  for (const value of values) {
    const key = keyOf(value)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [value])
    else group.push(value)
  }
  return groups
}
