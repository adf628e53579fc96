import type { CheckpointRecord } from '../../checkpoint/checkpoint-record.ts'
import { dealInFlight, edgeOfChannel } from '../../checkpoint/deal-in-flight.ts'
import type { ChannelAddress, InFlightElement, InFlightRun } from '../../checkpoint/in-flight-elements.ts'
import type { CompatibilityOptions } from '../../checkpoint/restore-plan.ts'
import type { JobEdge, JobPlan, JobVertex } from '../../graph/plan.ts'
import { taskActor } from '../../model/actors.ts'
import { UserError } from '../../model/faults.ts'
import { taskId, type TaskId } from '../../model/ids.ts'
import type { Stashed } from '../protocol.ts'
import type { RunsByTask } from './under-way.ts'

/**
 * Gives what was under way at `record` to the tasks of `plan`, which take it before anything on their channels.
 * @throws UserError if they would come out of order, or are for operators that are gone.
 */
export function dealtStashes(
  record: CheckpointRecord,
  plan: JobPlan,
  runs: RunsByTask,
  options: CompatibilityOptions,
): ReadonlyMap<TaskId, readonly Stashed[]> {
  const problems = outOfOrder(record, plan, runs)
  if (problems.length > 0) throw new UserError(problems)
  const runsOf = (vertexId: string, subtask: number): readonly InFlightRun[] =>
    runs.get(taskId(vertexId, subtask)) ?? []
  const dealt = dealInFlight(record, plan, runsOf, options)
  return stashesOf(plan, dealt.runs)
}

/** What each task of `plan` takes before anything on its channels. */
export function stashesOf(plan: JobPlan, runs: RunsByTask): ReadonlyMap<TaskId, readonly Stashed[]> {
  const stashes = new Map<TaskId, Stashed[]>()
  for (const vertex of plan.vertices) {
    for (let subtask = 0; subtask < vertex.parallelism; subtask++) {
      const task = taskId(vertex.id, subtask)
      stashes.set(
        task,
        (runs.get(task) ?? []).flatMap(({ elements, ...address }) =>
          // One by one: of what a turn leaves, it writes again what it began with.
          elements.flatMap((element) => stashed(plan, vertex, subtask, address, element) ?? []),
        ),
      )
    }
  }
  return stashes
}

/** On a channel into the task, so that it comes before what follows on it; and where there is none any more, within the chain. */
function stashed(
  plan: JobPlan,
  vertex: JobVertex,
  subtask: number,
  address: ChannelAddress,
  element: InFlightElement,
): Stashed | undefined {
  const edge = edgeOfChannel(plan, vertex, address)
  if (edge === undefined) return element.kind === 'records' ? { at: address, elements: [element] } : undefined
  const { id, parallelism } = plan.vertices[edge.sourceVertex]!
  const sender = edge.partitioning === 'forward' ? subtask : address.sender % parallelism
  return { from: taskActor(taskId(id, sender)), edge: edge.index, elements: [element] }
}

/**
 * Where one subtask hands on to one, all that comes of a record stays in order. At another parallelism, there or further up,
 * what follows may go another way, and would overtake what was under way here.
 */
function outOfOrder(record: CheckpointRecord, plan: JobPlan, runs: RunsByTask): string[] {
  const problems = new Map<string, string>()
  for (const run of [...runs.values()].flat()) {
    const { sourceUid, targetUid, elements } = run
    if (!elements.some(({ kind }) => kind === 'records')) continue
    const pair = `${sourceUid} -> ${targetUid}`
    if (!problems.has(pair) && mayOvertake(record, plan, run)) {
      const were = parallelismIn(record, targetUid)
      problems.set(
        pair,
        `checkpoint ${record.checkpointId} is unaligned, and records were under way from '${sourceUid}' to ` +
          `'${targetUid}', each of whose subtasks gives its records to the one of the same number. Start both, and what feeds ` +
          `them, at the parallelism that they had (here ${were}); then stop with a savepoint, which can be started from at ` +
          'any other',
      )
    }
  }
  return [...problems.values()]
}

function mayOvertake(record: CheckpointRecord, plan: JobPlan, run: InFlightRun): boolean {
  const target = vertexOf(plan, run.targetUid)
  if (target === undefined) return false
  const edge = edgeOfChannel(plan, target, run)
  const goesByKey = target.operators.some(
    ({ uid, keySelector }) => uid === run.targetUid && keySelector !== undefined,
  )
  const isJoined = edge === undefined ? !goesByKey : isOneToOne(plan, edge)
  return (
    isJoined &&
    wasOneToOne(record, run.sourceUid, run.targetUid) &&
    !comesAsBefore(record, plan, run.targetUid)
  )
}

/** Whether all that comes to an operator from subtasks of the same number goes there by the same ones as before. */
function comesAsBefore(record: CheckpointRecord, plan: JobPlan, uid: string): boolean {
  const vertex = vertexOf(plan, uid)
  if (vertex === undefined) return true
  if (
    vertex.operators.some(
      (one) => (parallelismIn(record, one.uid) ?? vertex.parallelism) !== vertex.parallelism,
    )
  )
    return false
  return vertex.inputEdges
    .map((index) => plan.edges[index]!)
    .filter((edge) => isOneToOne(plan, edge))
    .every((edge) => {
      const source = plan.vertices[edge.sourceVertex]!.operators[edge.sourceOperator]!.uid
      return !wasOneToOne(record, source, vertex.id) || comesAsBefore(record, plan, source)
    })
}

/** Or may have been: the partitioning of an edge at another parallelism does not tell. */
function isOneToOne({ vertices }: JobPlan, { partitioning, sourceVertex, targetVertex }: JobEdge): boolean {
  if (partitioning === 'rebalance')
    return vertices[sourceVertex]!.parallelism !== vertices[targetVertex]!.parallelism
  return partitioning === 'forward'
}

function wasOneToOne(record: CheckpointRecord, source: string, target: string): boolean {
  return parallelismIn(record, source) === parallelismIn(record, target)
}

function parallelismIn({ operators }: CheckpointRecord, uid: string): number | undefined {
  return operators.find((one) => one.uid === uid)?.parallelism
}

function vertexOf({ vertices }: JobPlan, uid: string): JobVertex | undefined {
  return vertices.find(({ operators }) => operators.some((one) => one.uid === uid))
}
