import { hashOfKey } from '../../model/key-hash.ts'
import type { RecordGroup, Refusal } from './record-group.ts'

/** A record that is accepted, or refused for good. */
export interface EdgeRecord {
  readonly id: string
  readonly body: string
  readonly refusal: string | undefined
  /** Where all of it is, if `body` is cut. */
  readonly rawAt?: string | undefined
}

/** Where a group is to go. */
export interface RoutedGroup {
  readonly partition: number
  readonly group: RecordGroup
}

/**
 * Bytes of records in one message at most: with ids and what packing adds, well below what a message may carry. One record
 * is never longer (RECORD_BYTES_LIMIT).
 */
export const GROUP_BYTES_MAX = 600_000
/** Bytes of packing for each record. */
const RECORD_OVERHEAD_BYTES = 16

/** The partition that whatever is known by `identity` goes to. */
export function partitionOf(identity: string, partitions: number): number {
  return hashOfKey(identity) % partitions
}

/** Cuts records, each of which knows its partition, into groups; in order within each partition. */
export function groupRecords(
  records: readonly (EdgeRecord & { readonly partition: number })[],
  receivedAtMs: number,
): RoutedGroup[] {
  const byPartition = new Map<number, EdgeRecord[]>()
  for (const record of records) {
    const own = byPartition.get(record.partition)
    if (own === undefined) byPartition.set(record.partition, [record])
    else own.push(record)
  }
  return [...byPartition].flatMap(([partition, own]) =>
    cut(own, ({ id, body }) => Buffer.byteLength(id) + Buffer.byteLength(body)).map(([part]) => ({
      partition,
      group: {
        receivedAtMs,
        ids: part.map(({ id }) => id),
        bodies: part.map(({ body }) => body),
        refusals: part.flatMap(({ refusal, rawAt }, index): Refusal[] => {
          if (refusal === undefined) return []
          return [rawAt === undefined ? [index, refusal] : [index, refusal, rawAt]]
        }),
      },
    })),
  )
}

/** Cuts the records of a request, which are known by its key and their numbers, into groups, in order. */
export function groupRequest(
  bodies: readonly string[],
  key: string,
  partitions: number,
  receivedAtMs: number,
): RoutedGroup[] {
  const partition = partitionOf(key, partitions)
  return cut(bodies, (body) => Buffer.byteLength(body)).map(([part, first]) => ({
    partition,
    group: { receivedAtMs, ids: { key, first }, bodies: part, refusals: [] },
  }))
}

/** Parts of at most GROUP_BYTES_MAX, each with the index of its first item. */
function cut<T>(
  items: readonly T[],
  bytesOf: (item: T) => number,
): (readonly [part: readonly T[], first: number])[] {
  const parts: (readonly [readonly T[], number])[] = []
  let first = 0
  let bytes = 0
  for (const [index, item] of items.entries()) {
    const own = bytesOf(item) + RECORD_OVERHEAD_BYTES
    if (index > first && bytes + own > GROUP_BYTES_MAX) {
      parts.push([items.slice(first, index), first])
      first = index
      bytes = 0
    }
    bytes += own
  }
  if (first < items.length) parts.push([items.slice(first), first])
  return parts
}
