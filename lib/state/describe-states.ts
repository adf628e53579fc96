import type { StateSpec } from '../stream/state.ts'
import type { StateDescription } from './keyed-backend.ts'

/** What checkpoints say of the states that an operator declares, in the order of declaration. */
export function describeStates(spec: StateSpec): StateDescription[] {
  return Object.entries(spec).map(([name, { kind, ttl }]) => ({ name, kind, ttl: ttl !== undefined }))
}
