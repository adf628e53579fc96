import murmurhash from 'murmurhash'
import { asOperatorUid, type OperatorUid } from '../model/ids.ts'
import { NAME_CHARS_MAX, nameProblem } from '../model/names.ts'
import type { StreamEdge, StreamNode } from '../stream/operator-spec.ts'

/**
 * Gives every node its uid. Those without one get the uid of what feeds them, their type, and a number that tells
 * apart operators of one type with the same input: `readings.map-1`. So an operator added elsewhere changes none.
 * @param order in topological order.
 */
export function assignUids(order: readonly StreamNode[]): ReadonlyMap<StreamNode, OperatorUid> {
  const uids = new Map<StreamNode, OperatorUid>()
  const taken = new Set(order.map((node) => node.uid))
  for (const node of order) {
    const uid = node.uid ?? derivedUid(node, uids, taken)
    taken.add(uid)
    uids.set(node, asOperatorUid(uid))
  }
  return uids
}

function derivedUid(
  node: StreamNode,
  uids: ReadonlyMap<StreamNode, string>,
  taken: ReadonlySet<string | undefined>,
): string {
  const outputName = ({ from, tagId }: StreamEdge) =>
    tagId === undefined ? uids.get(from)! : `${uids.get(from)!}:${tagId}`
  const path = `${node.inputs.map(outputName).join('+')}.${node.spec.type}`
  // Leaves room for the number.
  const fits = nameProblem(path) === undefined && path.length < NAME_CHARS_MAX - 10
  const stem = fits ? path : `${node.spec.type}.${murmurhash.v3(path, 0).toString(16)}`
  let count = 1
  while (taken.has(`${stem}-${count}`)) count++
  return `${stem}-${count}`
}
