import type { JobEdge, JobPlan, JobVertex } from '../graph/plan.ts'
import { UserError } from '../model/faults.ts'
import { taskId, type TaskId } from '../model/ids.ts'
import { subtaskOfKeyGroup } from '../model/key-groups.ts'
import { keyGroupOf } from '../model/key-hash.ts'
import type { CheckpointRecord } from './checkpoint-record.ts'
import type { ChannelAddress, InFlightElement, InFlightRun } from './in-flight-elements.ts'
import type { CompatibilityOptions } from './restore-plan.ts'

/** What was under way at a checkpoint, by the task of the new attempt that takes it before anything else. */
export interface DealtInFlight {
  readonly runs: ReadonlyMap<TaskId, readonly InFlightRun[]>
  /**
   * The job has changed: what comes next may go other ways than what was under way further down. So that it overtakes
   * nothing, a vertex waits with its part until all after it are through with theirs, and sources wait for all.
   */
  readonly isInStages: boolean
}

/** What was under way to one task of the record. */
interface ReceivedRuns {
  readonly subtask: number
  readonly parallelism: number
  readonly runs: readonly InFlightRun[]
}

/**
 * Gives what was under way to the tasks that it belongs to now. Where nothing has changed, every element goes back to its
 * channel. Otherwise records go by the partitioning of their edge, and watermarks are left out: restored tasks begin with
 * the least watermark of the old ones, which holds whoever sends what.
 * @throws UserError if records were under way to operators that are gone.
 */
export function dealInFlight(
  record: CheckpointRecord,
  plan: JobPlan,
  runsOf: (vertexId: string, subtask: number) => readonly InFlightRun[],
  options: CompatibilityOptions,
): DealtInFlight {
  const received = record.vertices.flatMap(({ id, parallelism }) =>
    Array.from({ length: parallelism }, (_, subtask): ReceivedRuns => {
      return { subtask, parallelism, runs: runsOf(id, subtask) }
    }),
  )
  const isUnchanged = hasSameTasks(record, plan)
  const dealer = new Dealer(plan, isUnchanged)
  for (const one of received) for (const run of one.runs) dealer.deal(run, one)
  if (dealer.unclaimed.size > 0 && !options.allowNonRestoredState) {
    throw new UserError(
      `${record.kind} ${record.checkpointId} of job '${record.jobName}' holds records that were under way to operators ` +
        `that are not in this job: ${[...dealer.unclaimed].map((uid) => `'${uid}'`).join(', ')}. Give operators the ` +
        'uids that they had, or pass --allow-non-restored-state to leave those records out',
    )
  }
  return { runs: dealer.inOrder(), isInStages: !isUnchanged && dealer.dealt.size > 0 }
}

/** Whether every channel of the record is there again, between the tasks that have the state of the old ones. */
function hasSameTasks(record: CheckpointRecord, plan: JobPlan): boolean {
  const { vertices } = record
  if (record.planFingerprint !== plan.fingerprint || vertices.length !== plan.vertices.length) return false
  return plan.vertices.every(({ id, parallelism }) =>
    vertices.some((old) => old.id === id && old.parallelism === parallelism),
  )
}

class Dealer {
  readonly dealt = new Map<TaskId, InFlightRun[]>()
  readonly unclaimed = new Set<string>()
  readonly #plan: JobPlan
  readonly #isUnchanged: boolean
  /** Whose turn it is, by the operator that records are dealt to in turn. */
  readonly #turns = new Map<string, number>()

  constructor(plan: JobPlan, isUnchanged: boolean) {
    this.#plan = plan
    this.#isUnchanged = isUnchanged
  }

  deal(run: InFlightRun, old: ReceivedRuns): void {
    const target = this.#plan.vertices.find((vertex) => positionIn(vertex, run.targetUid) !== -1)
    if (target === undefined) return void this.unclaimed.add(run.targetUid)
    if (this.#isUnchanged) return this.#give(target, old.subtask, run, run.elements)
    for (const element of run.elements) {
      if (element.kind !== 'records') continue
      const chosen = new Map<number, { values: unknown[]; timestamps: number[] }>()
      for (const [index, value] of element.values.entries()) {
        for (const subtask of this.#targetsOf(target, run, old, value)) {
          const batch = chosen.get(subtask) ?? { values: [], timestamps: [] }
          chosen.set(subtask, batch)
          batch.values.push(value)
          batch.timestamps.push(element.timestamps[index]!)
        }
      }
      for (const [subtask, batch] of chosen) this.#give(target, subtask, run, [{ kind: 'records', ...batch }])
    }
  }

  /** What was further down comes first: nothing may overtake it within the task. */
  inOrder(): Map<TaskId, InFlightRun[]> {
    const sorted = new Map<TaskId, InFlightRun[]>()
    for (const vertex of this.#plan.vertices) {
      for (let subtask = 0; subtask < vertex.parallelism; subtask++) {
        const own = this.dealt.get(taskId(vertex.id, subtask))
        if (own === undefined) continue
        const position = (run: InFlightRun): number => positionIn(vertex, run.targetUid)
        const inOrder = own.toSorted((a, b) => position(b) - position(a))
        sorted.set(taskId(vertex.id, subtask), inOrder)
      }
    }
    return sorted
  }

  #targetsOf(target: JobVertex, run: InFlightRun, old: ReceivedRuns, value: unknown): number[] {
    const { parallelism, maxParallelism } = target
    const edge = this.#edgeOf(target, run)
    if (edge?.partitioning === 'hash') {
      const keyGroup = keyGroupOf(edge.keySelector!(value), maxParallelism)
      return [subtaskOfKeyGroup(maxParallelism, parallelism, keyGroup)]
    }
    if (old.parallelism === parallelism) return [old.subtask]
    // Every old task had its copy: each new one takes that of one old task.
    if (edge?.partitioning === 'broadcast')
      return Array.from({ length: parallelism }, (_, i) => i).filter(
        (i) => i % old.parallelism === old.subtask,
      )
    if (edge?.partitioning !== 'rebalance') return [old.subtask % parallelism]
    const turn = this.#turns.get(run.targetUid) ?? 0
    this.#turns.set(run.targetUid, (turn + 1) % parallelism)
    return [turn]
  }

  /** An operator that is keyed is so on each of its inputs. */
  #edgeOf(target: JobVertex, run: InFlightRun): JobEdge | undefined {
    const edge = edgeOfChannel(this.#plan, target, run)
    if (edge !== undefined || target.id !== run.targetUid) return edge
    return target.inputEdges
      .map((index) => this.#plan.edges[index]!)
      .find(({ partitioning }) => partitioning === 'hash')
  }

  #give(target: JobVertex, subtask: number, run: InFlightRun, elements: readonly InFlightElement[]): void {
    const task = taskId(target.id, subtask)
    const own = this.dealt.get(task) ?? []
    this.dealt.set(task, own)
    own.push({ ...run, elements })
  }
}

/** The edge into `target` that a channel was one of; undefined: its sender is gone, or in the same chain now. */
export function edgeOfChannel(
  plan: JobPlan,
  target: JobVertex,
  { sourceUid, tagId, targetUid, inputIndex }: ChannelAddress,
): JobEdge | undefined {
  if (target.id !== targetUid) return undefined
  return target.inputEdges
    .map((index) => plan.edges[index]!)
    .find((edge) => {
      const source = plan.vertices[edge.sourceVertex]!.operators[edge.sourceOperator]!
      return source.uid === sourceUid && edge.tagId === tagId && edge.inputIndex === inputIndex
    })
}

function positionIn(vertex: JobVertex, uid: string): number {
  return vertex.operators.findIndex((operator) => operator.uid === uid)
}
