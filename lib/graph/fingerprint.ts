import murmurhash from 'murmurhash'
import type { StreamNode } from '../stream/operator-spec.ts'
import { compareText, declaredStates } from './operator-traits.ts'

/** What the fingerprint depends on, of one operator. */
export interface FingerprintedOperator {
  readonly uid: string
  readonly node: StreamNode
  readonly maxParallelism: number
  readonly uidOf: (node: StreamNode) => string
}

/**
 * Hash of what a checkpoint must agree with: operators by uid with their types, declared states, maximum parallelism,
 * and the partitioning asked for on each input. Parallelism, names, user code and the order of building do not count.
 */
export function fingerprint(operators: readonly FingerprintedOperator[]): string {
  const text = JSON.stringify(operators.map(describe).toSorted((a, b) => compareText(a[0], b[0])))
  const bytes = new TextEncoder().encode(text)
  return [0, 1].map((seed) => murmurhash.v3(bytes, seed).toString(16).padStart(8, '0')).join('')
}

function describe({
  uid,
  node,
  maxParallelism,
  uidOf,
}: FingerprintedOperator): readonly [string, ...unknown[]] {
  const inputs = node.inputs
    .map((edge) => [edge.inputIndex, uidOf(edge.from), edge.tagId ?? null, edge.partitioning] as const)
    .toSorted((a, b) => compareText(JSON.stringify(a), JSON.stringify(b)))
  const states = declaredStates(node.spec).map(({ name, kind }) => [name, kind])
  return [uid, node.spec.type, maxParallelism, states, inputs]
}
