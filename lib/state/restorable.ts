import { UserError } from '../model/faults.ts'
import type {
  KeyedBackendOptions,
  RestoredSegment,
  StateDescription,
  UnknownStatePolicy,
} from './keyed-backend.ts'
import { SegmentReader } from './segment/segment-reader.ts'

export interface Restorable {
  /** Oldest first. */
  readonly readers: readonly SegmentReader[]
  /** Whether the segments hold state that the operator no longer declares. */
  readonly dropsState: boolean
}

/**
 * Opens `segments` and checks that the operator can take them.
 * @throws UserError listing every state that it cannot.
 */
export function openRestorable(
  segments: readonly RestoredSegment[],
  options: KeyedBackendOptions,
  declared: readonly StateDescription[],
  onUnknownState: UnknownStatePolicy,
): Restorable {
  const readers = segments.map((segment) => new SegmentReader(segment))
  const problems = new Set<string>()
  let dropsState = false
  for (const { name: segment, header } of readers) {
    if (header.operatorUid !== options.operatorUid) {
      problems.add(
        `State segment ${segment}: expected state of operator '${options.operatorUid}', got '${header.operatorUid}'`,
      )
    }
    if (header.maxParallelism !== options.maxParallelism) {
      problems.add(
        `Operator '${options.operatorUid}': expected maximum parallelism ${header.maxParallelism}, at which its ` +
          `state was written, got ${options.maxParallelism}; it cannot change for an operator with state`,
      )
    }
    for (const found of header.states) {
      const expected = declared.find((state) => state.name === found.name)
      if (expected === undefined && onUnknownState === 'drop') dropsState = true
      else if (expected === undefined || !isCompatible(found, expected)) {
        problems.add(
          `Operator '${options.operatorUid}', state '${found.name}': found ${describe(found)} in the checkpoint, ` +
            `expected ${expected === undefined ? 'none: the operator declares no such state' : describe(expected)}`,
        )
      }
    }
  }
  if (problems.size > 0) throw new UserError([...problems])
  return { readers, dropsState }
}

function isCompatible(found: StateDescription, expected: StateDescription): boolean {
  return found.kind === expected.kind && found.ttl === expected.ttl
}

function describe(state: StateDescription): string {
  return `${state.kind} state ${state.ttl ? 'with' : 'without'} TTL`
}
