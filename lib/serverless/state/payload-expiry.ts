import { decodeValue } from '../../state/codec.ts'
import type { StateDescription } from '../../state/keyed-backend.ts'
import { decodeRow, hasTimers } from '../../state/rows/row-codec.ts'
import { NEVER_MS } from '../../state/segment/format.ts'
import type { RowName } from './row-key.ts'

/**
 * When the last of what a row holds expires, told from its payload (see docs/savepoint-format.md): the store keeps the time
 * for its own use, to the second.
 */
export function payloadExpiresAtMs(
  { state }: RowName,
  payload: Uint8Array,
  states: ReadonlyMap<string, StateDescription>,
): number {
  if (state !== undefined) {
    const description = states.get(state)
    return description?.ttl === true ? latestOf(decodeValue(payload), description) : NEVER_MS
  }
  if (hasTimers(payload) || [...states.values()].every(({ ttl }) => !ttl)) return NEVER_MS
  let latestMs = Number.NEGATIVE_INFINITY
  for (const [name, content] of Object.entries(decodeRow(payload).states)) {
    const description = states.get(name)
    if (description?.ttl !== true) return NEVER_MS
    latestMs = Math.max(latestMs, latestOf(content, description))
  }
  return latestMs
}

/** Of the content of a state with TTL. */
function latestOf(content: unknown, { kind }: StateDescription): number {
  if (!Array.isArray(content)) return (content as { readonly expiresAtMs: number }).expiresAtMs
  // [key, value, expiry, …], [item, expiry, …] or [value, expiry].
  const stride = kind === 'map' ? 3 : 2
  let latestMs = Number.NEGATIVE_INFINITY
  for (let i = stride - 1; i < content.length; i += stride)
    latestMs = Math.max(latestMs, content[i] as number)
  return latestMs
}
