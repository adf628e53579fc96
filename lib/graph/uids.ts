import murmurhash from 'murmurhash'
import { asOperatorUid, type OperatorUid } from '../model/ids.ts'
import type { StreamEdge, StreamNode } from '../stream/operator-spec.ts'

export const UID_CHARS_MAX = 200

/** What is wrong with a uid; undefined if nothing is. Uids become parts of paths and of keys. */
export function uidProblem(uid: string): string | undefined {
  if (uid.length === 0) return 'expected a name, got empty text'
  if (uid.length > UID_CHARS_MAX) return `expected at most ${UID_CHARS_MAX} characters, got ${uid.length}`
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\u007f/]/.test(uid)) return "expected no '/' and no control characters"
  return undefined
}

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
  const fits = uidProblem(path) === undefined && path.length < UID_CHARS_MAX - 10
  const stem = fits ? path : `${node.spec.type}.${murmurhash.v3(path, 0).toString(16)}`
  let count = 1
  while (taken.has(`${stem}-${count}`)) count++
  return `${stem}-${count}`
}
