import type { IngestedRecord } from '../../ports/ingest-log.ts'

/** Records on their way into a log, and in it: plain data. Never empty. */
export interface RecordGroup {
  readonly receivedAtMs: number
  /** One for each record; or of those that one request brought, `<key>-<number>`, counted from `first`. */
  readonly ids: readonly string[] | { readonly key: string; readonly first: number }
  readonly bodies: readonly string[]
  readonly refusals: readonly Refusal[]
}

/** Of the record `index`; `rawAt`: where all of it is, if its body was cut. */
export type Refusal = readonly [index: number, reason: string, rawAt?: string]

/** Longer ids would fill the logs. Characters. */
export const ID_CHARS_MAX = 256

export function recordsOf(group: RecordGroup): IngestedRecord[] {
  const { receivedAtMs, bodies } = group
  const refusals = new Map(group.refusals.map((refusal) => [refusal[0], refusal]))
  return bodies.map((body, index) => {
    const [, refusal, rawAt] = refusals.get(index) ?? []
    return { id: idOf(group, index), body, refusal, rawAt, receivedAtMs }
  })
}

export function idOf({ ids }: RecordGroup, index: number): string {
  return isListed(ids) ? ids[index]! : requestRecordId(ids.key, ids.first + index)
}

/** The id of record `number` of the request with this key. */
export function requestRecordId(key: string, number: number): string {
  return `${key}-${number}`
}

/**
 * What repeats of the group are known by: each record by its own id, or all together by that of the first, where they
 * came in one request that is repeated as a whole.
 */
export function identitiesOf(group: RecordGroup): readonly string[] {
  return isListed(group.ids) ? group.ids : [idOf(group, 0)]
}

/** What the group is known by as a whole: another that has the same holds the same records. */
export function namesOf(group: RecordGroup): readonly (string | number)[] {
  return [idOf(group, 0), group.bodies.length, ...identitiesOf(group)]
}

/** The group without what was seen before, and without repeats within it; undefined if nothing is left. */
export function withoutRepeats(
  group: RecordGroup,
  isKnown: (identity: string) => boolean,
): RecordGroup | undefined {
  const { ids, bodies, refusals } = group
  if (!isListed(ids)) return isKnown(idOf(group, 0)) ? undefined : group
  const seen = new Set<string>()
  const kept: number[] = []
  for (const [index, id] of ids.entries()) {
    if (isKnown(id) || seen.has(id)) continue
    seen.add(id)
    kept.push(index)
  }
  if (kept.length === bodies.length) return group
  if (kept.length === 0) return undefined
  const places = new Map(kept.map((index, at) => [index, at]))
  return {
    ...group,
    ids: kept.map((index) => ids[index]!),
    bodies: kept.map((index) => bodies[index]!),
    refusals: refusals.flatMap(([index, ...why]) =>
      places.has(index) ? [[places.get(index)!, ...why] as const] : [],
    ),
  }
}

/** About how many bytes the group takes. */
export function bytesOf({ ids, bodies, refusals }: RecordGroup): number {
  const texts = [
    ...(isListed(ids) ? ids : [ids.key]),
    ...bodies,
    ...refusals.flatMap(([, reason, rawAt = '']) => [reason, rawAt]),
  ]
  return texts.reduce((sum, text) => sum + textBytes(text), 0)
}

/** Bytes of a text in MessagePack. */
function textBytes(text: string): number {
  return Buffer.byteLength(text) + 5
}

function isListed(ids: RecordGroup['ids']): ids is readonly string[] {
  return Array.isArray(ids)
}
