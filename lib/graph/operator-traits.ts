import { functionOf, type CheckpointedFunction, type PerSubtask } from '../stream/functions.ts'
import type { JobConfig } from '../stream/config.ts'
import type { OperatorSpec, OperatorType, StreamNode } from '../stream/operator-spec.ts'
import { DEAD_LETTERS_TAG } from '../stream/source.ts'
import type { OperatorStateSpec, StateSpec } from '../stream/state.ts'

/** Ids of side outputs that begin so are Millrace's own. */
const RESERVED_TAG_PREFIX = 'millrace.'

const KEYED: Readonly<Record<OperatorType, boolean>> = {
  source: false,
  timestamps: false,
  map: false,
  'flat-map': false,
  filter: false,
  process: false,
  'keyed-process': true,
  'keyed-map': true,
  'keyed-flat-map': true,
  'keyed-filter': true,
  'flat-map-with-state': true,
  reduce: true,
  window: true,
  sink: false,
}

/** Whether the operator works on a keyed stream. */
export function isKeyed(spec: OperatorSpec): boolean {
  return KEYED[spec.type]
}

function canMakeDeadLetters(spec: OperatorSpec): boolean {
  return spec.type === 'source' && spec.source.type === 'splits'
}

/** Whether a function of the user's is called for each record that the operator is given. */
function callsForRecords(spec: OperatorSpec): boolean {
  return spec.type !== 'source' && (spec.type !== 'sink' || spec.sink.type === 'function')
}

/** Whether the operator is a source that may find records it cannot parse. */
export function refusesRecords(spec: OperatorSpec): boolean {
  return spec.type === 'source' && spec.source.type === 'splits' && spec.source.refusesRecords === true
}

/** The most subtasks that the operator's source or sink can have; undefined: any number. */
export function parallelismMax(spec: OperatorSpec): number | undefined {
  if (spec.type === 'source') return spec.source.parallelismMax
  if (spec.type === 'sink') return spec.sink.parallelismMax
  return undefined
}

/** Whether records that functions throw at are set aside. */
export function setsPoisonAside({ poisonRecords }: Partial<Pick<JobConfig, 'poisonRecords'>>): boolean {
  return poisonRecords?.deadLetterAfter !== undefined
}

/**
 * Whether records of `node`, or what it gives to those of `nodes` that read it by key, may become dead letters because a
 * function threw at them.
 */
export function canBePoisoned(node: StreamNode, nodes: readonly StreamNode[]): boolean {
  if (callsForRecords(node.spec)) return true
  return nodes.some((other) => isKeyed(other.spec) && other.inputs.some(({ from }) => from === node))
}

/** Why an operator of this kind has no side output `tagId`; undefined if it can have one. */
export function sideOutputProblem(
  spec: OperatorSpec,
  tagId: string,
  config: Partial<Pick<JobConfig, 'poisonRecords'>>,
): string | undefined {
  if (tagId === DEAD_LETTERS_TAG && spec.type !== 'source' && callsForRecords(spec)) {
    if (setsPoisonAside(config)) return undefined
    return 'operators other than sources have dead letters only where poisonRecords.deadLetterAfter says when'
  }
  switch (spec.type) {
    case 'source':
      if (!canMakeDeadLetters(spec) && !(tagId === DEAD_LETTERS_TAG && setsPoisonAside(config)))
        return 'a source function makes no dead letters'
      return tagId === DEAD_LETTERS_TAG ? undefined : 'the side output of a source is its dead letters'
    case 'process':
    case 'keyed-process':
    case 'keyed-map':
    case 'keyed-flat-map':
    case 'keyed-filter':
      if (!tagId.startsWith(RESERVED_TAG_PREFIX)) return undefined
      return `tags that begin with '${RESERVED_TAG_PREFIX}' are reserved`
    case 'window':
      if (tagId === spec.lateTagId) return undefined
      return 'a window emits its late records alone, to the tag given to sideOutputLateData'
    default:
      return `only process functions, rich functions on keyed streams, windows and sources have side outputs`
  }
}

export interface DeclaredState {
  readonly name: string
  readonly kind: string
}

/** The states that the user declared on the operator, by name in order. */
export function declaredStates(spec: OperatorSpec): readonly DeclaredState[] {
  const states: StateSpec | OperatorStateSpec = stateSpec(spec) ?? {}
  return Object.entries(states)
    .map(([name, state]) => ({
      name,
      kind: state.kind === 'operator-list' ? `operator-list (${state.redistribution})` : state.kind,
    }))
    .toSorted((a, b) => compareText(a.name, b.name))
}

function stateSpec(spec: OperatorSpec): StateSpec | OperatorStateSpec | undefined {
  switch (spec.type) {
    case 'keyed-process':
    case 'keyed-map':
    case 'keyed-flat-map':
    case 'keyed-filter':
      return spec.fn.state
    default: {
      const fn = checkpointedFunction(spec)
      return fn && functionOf(fn).operatorState
    }
  }
}

/** The user function that may have operator state; undefined for operators of other kinds. */
function checkpointedFunction(
  spec: OperatorSpec,
): PerSubtask<CheckpointedFunction<OperatorStateSpec>> | undefined {
  switch (spec.type) {
    case 'process':
      return spec.fn
    case 'source':
      return spec.source.type === 'function' ? spec.source.fn : undefined
    case 'sink':
      return spec.sink.type === 'function' ? spec.sink.fn : undefined
    default:
      return undefined
  }
}

/** Whether subtasks would share one function, although it has state of its own to save and restore. */
export function sharesState(spec: OperatorSpec): boolean {
  const fn = checkpointedFunction(spec)
  if (fn === undefined || typeof fn === 'function') return false
  return fn.snapshotState !== undefined || fn.initializeState !== undefined
}

/** By code units: the same everywhere, unlike a locale's order. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** What a message calls the operator. */
export function labelOf(node: StreamNode): string {
  return `'${node.uid ?? node.name}'`
}
