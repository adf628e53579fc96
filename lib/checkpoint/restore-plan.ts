import type { ChainedOperator, JobPlan, JobVertex } from '../graph/plan.ts'
import { MIN_WATERMARK } from '../model/elements.ts'
import { UserError } from '../model/faults.ts'
import { taskId, type TaskId } from '../model/ids.ts'
import { intersection, keyGroupRange, rangesOverlap } from '../model/key-groups.ts'
import { stateSpecOf } from '../operators/state-spec.ts'
import type { UnknownStatePolicy } from '../state/keyed-backend.ts'
import type { OperatorStateSnapshot } from '../state/operator-state.ts'
import type { CheckpointRecord, OperatorSnapshot, SegmentHandle } from './checkpoint-record.ts'

export interface CompatibilityOptions {
  /** State that nothing in the job claims is left out, instead of being refused. */
  readonly allowNonRestoredState: boolean
}

export interface RestoreOptions extends CompatibilityOptions {
  /** Deals the operator state of the old subtasks to the new ones; one entry for each new subtask. */
  readonly redistribute: (
    perOldSubtask: readonly OperatorStateSnapshot[],
    newParallelism: number,
  ) => readonly OperatorStateSnapshot[]
}

/** What each task of a job begins with. */
export interface RestorePlan {
  readonly tasks: ReadonlyMap<TaskId, TaskRestorePlan>
  readonly unknownState: UnknownStatePolicy
}

export interface TaskRestorePlan {
  /** The lowest of the chain's old subtasks, and of chains that are part of it now; MIN_WATERMARK where there was no such chain. */
  readonly watermarkMs: number
  /** Whether the input of the old subtask had ended; where it is another task now, that of all of them. */
  readonly finished: boolean
  /** By uid; operators that the record does not know are absent. */
  readonly operators: ReadonlyMap<string, OperatorRestorePlan>
}

export interface OperatorRestorePlan {
  /** Those with rows in this task's key groups, narrowed to them; oldest first. */
  readonly segments: readonly SegmentHandle[]
  readonly operatorState: OperatorStateSnapshot
}

/**
 * Which state of `record` goes to which task of `plan`, at whatever parallelism it has.
 * @throws UserError with everything that {@link checkCompatibility} finds.
 */
export function planRestore(record: CheckpointRecord, plan: JobPlan, options: RestoreOptions): RestorePlan {
  const problems = checkCompatibility(record, plan, options)
  if (problems.length > 0) throw new UserError(problems)
  const tasks = new Map<TaskId, TaskRestorePlan>()
  for (const vertex of plan.vertices) {
    const operators = vertex.operators.flatMap((operator) => {
      const old = record.operators.find((one) => one.uid === operator.uid)
      if (old === undefined) return []
      // Keyed state that nothing claims is left behind, or all checkpoints to come would carry it along.
      const segments = stateSpecOf(operator.spec) === undefined ? [] : old.segments
      const dealt = options.redistribute(old.operatorState, vertex.parallelism)
      return [{ old: { ...old, segments }, dealt }]
    })
    for (let subtask = 0; subtask < vertex.parallelism; subtask++) {
      const own = operators.map(({ old, dealt }): [string, OperatorRestorePlan] => [
        old.uid,
        { segments: segmentsFor(old, vertex, subtask), operatorState: dealt[subtask] ?? {} },
      ])
      tasks.set(taskId(vertex.id, subtask), {
        ...progressOf(record, vertex, subtask),
        operators: new Map(own),
      })
    }
  }
  return { tasks, unknownState: options.allowNonRestoredState ? 'drop' : 'refuse' }
}

/** Why the job of `plan` cannot start from `record`: every reason, with what to do about it. Empty: it can. */
export function checkCompatibility(
  record: CheckpointRecord,
  plan: JobPlan,
  options: CompatibilityOptions,
): string[] {
  const claims = new Map(
    plan.vertices.flatMap((vertex) =>
      vertex.operators.map((operator) => [operator.uid as string, { vertex, operator }]),
    ),
  )
  const problems: string[] = []
  const unclaimed: string[] = []
  for (const old of record.operators) {
    const claim = claims.get(old.uid)
    if (claim === undefined) {
      if (hasState(old, record)) unclaimed.push(`operator '${old.uid}' (${old.name})`)
      continue
    }
    problems.push(...mismatches(old, claim.vertex))
    unclaimed.push(...droppedStates(old, claim.operator, problems))
  }
  if (unclaimed.length > 0 && !options.allowNonRestoredState) {
    problems.push(
      `${record.kind} ${record.checkpointId} of job '${record.jobName}' holds state that nothing in this job claims: ` +
        `${unclaimed.join(', ')}. Give operators the uids that they had, or pass --allow-non-restored-state ` +
        'to start without that state',
    )
  }
  return problems
}

function mismatches(old: OperatorSnapshot, vertex: JobVertex): string[] {
  const isKeyed = old.segments.length > 0 || old.states.length > 0
  if (!isKeyed || old.maxParallelism === vertex.maxParallelism) return []
  return [
    `operator '${old.uid}': expected maximum parallelism ${old.maxParallelism}, as when its keyed state was written, ` +
      `got ${vertex.maxParallelism}. It cannot change; set maxParallelism back`,
  ]
}

/** States of a claimed operator that it declares no more. One that it declares as another kind is a problem of its own. */
function droppedStates(old: OperatorSnapshot, operator: ChainedOperator, problems: string[]): string[] {
  const spec = stateSpecOf(operator.spec)
  if (spec === undefined && old.segments.length > 0) return [`the keyed state of operator '${old.uid}'`]
  const declared = spec ?? {}
  const dropped: string[] = []
  for (const state of old.states) {
    const kind = Object.hasOwn(declared, state.name) ? declared[state.name]!.kind : undefined
    if (kind === undefined) dropped.push(`state '${state.name}' of operator '${old.uid}'`)
    else if (kind !== state.kind) {
      problems.push(
        `operator '${old.uid}', state '${state.name}': expected ${state.kind} state, as it was written, got ${kind}. ` +
          'Declare the new one under another name',
      )
    }
  }
  return dropped
}

/** Keyed state that is in rows and logs shows in no segment: what was declared is taken to be there. */
function hasState(operator: OperatorSnapshot, { logs }: CheckpointRecord): boolean {
  if (operator.segments.length > 0 || (logs !== undefined && operator.states.length > 0)) return true
  return operator.operatorState.some((own) => Object.values(own).some((list) => list.items.length > 0))
}

/** Each handle is narrowed to the task's own key groups: what it holds of others may be older than what they have. */
function segmentsFor(old: OperatorSnapshot, vertex: JobVertex, subtask: number): SegmentHandle[] {
  const own = keyGroupRange(vertex.maxParallelism, vertex.parallelism, subtask)
  return old.segments
    .filter((segment) => rangesOverlap(segment.keyGroups, own))
    .map((segment) => ({ ...segment, keyGroups: intersection(segment.keyGroups, own) }))
}

function progressOf(
  record: CheckpointRecord,
  vertex: JobVertex,
  subtask: number,
): { watermarkMs: number; finished: boolean } {
  const head = record.vertices.find((one) => one.id === vertex.id)
  if (head === undefined) return { watermarkMs: MIN_WATERMARK, finished: false }
  // What was under way from one chain to the other has not reached the operators of the other.
  const joined = record.vertices.filter(({ id }) => vertex.operators.some(({ uid }) => uid === id))
  const all = joined.flatMap((one) => one.subtasks)
  const isSame = joined.length === 1 && head.parallelism === vertex.parallelism
  return {
    watermarkMs: Math.min(...all.map((one) => one.watermarkMs)),
    finished: isSame ? head.subtasks[subtask]!.finished : all.every((one) => one.finished),
  }
}
