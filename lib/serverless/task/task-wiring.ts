import type { JobEdge, JobPlan, JobVertex } from '../../graph/plan.ts'
import { taskActor } from '../../model/actors.ts'
import { assert } from '../../model/faults.ts'
import { taskId, type ActorId, type TaskId } from '../../model/ids.ts'
import { keyGroupRange, type KeyGroupRange } from '../../model/key-groups.ts'
import type { Key } from '../../model/keys.ts'

/** Who a task of the plan is joined to. */
export interface TaskWiring {
  readonly task: TaskId
  readonly vertex: JobVertex
  readonly subtaskIndex: number
  readonly isSource: boolean
  /** The key groups that it owns. */
  readonly keyGroups: KeyGroupRange
  /** Set where its head works on a keyed stream: the uid of its state, and the key of a record. */
  readonly keyed: { readonly uid: string; readonly keyOf: (value: unknown) => Key } | undefined
  /** Number of input channels. */
  readonly channels: number
  /** The channel of what `from` sends on `edge`; undefined if there is none. */
  channelOf(from: ActorId, edge: number): number | undefined
  /** Who receives what is sent on an edge to a subtask. */
  receiverOf(edge: number, subtask: number): ActorId
  /** Every task that sends to this one. */
  readonly senders: ReadonlySet<ActorId>
  /** Every task that this one sends to. */
  readonly receivers: ReadonlySet<ActorId>
  /** One task of each vertex that comes anywhere after this one. */
  readonly below: readonly ActorId[]
}

/** What of a plan, or of the shape of one, says who is joined to whom. */
export interface Topology {
  readonly vertices: readonly { readonly id: string; readonly parallelism: number }[]
  readonly edges: readonly Pick<JobEdge, 'sourceVertex' | 'targetVertex' | 'partitioning'>[]
}

/** A channel, as its receiver has it. */
export interface InputChannel {
  readonly edge: number
  readonly from: ActorId
  /** Subtask of the one that sends. */
  readonly sender: number
}

/** The input channels of a task, in order. */
export function inputChannels(
  { vertices, edges }: Topology,
  vertex: number,
  subtaskIndex: number,
): InputChannel[] {
  return edges.flatMap(({ sourceVertex, targetVertex, partitioning }, edge) => {
    if (targetVertex !== vertex) return []
    const { id, parallelism } = vertices[sourceVertex]!
    return Array.from({ length: parallelism }, (_, sender) => sender)
      .filter((sender) => partitioning !== 'forward' || sender === subtaskIndex)
      .map((sender) => ({ edge, from: taskActor(taskId(id, sender)), sender }))
  })
}

/** Numbers channels in order: undefined for what is none of them. */
export function channelNumbers(channels: readonly InputChannel[]): TaskWiring['channelOf'] {
  const numbers = new Map(channels.map(({ from, edge }, number) => [channelKey(from, edge), number]))
  return (from, edge) => numbers.get(channelKey(from, edge))
}

/** Undefined if the plan has no such task: its messages are of another version of the job. */
export function wireTask(plan: JobPlan, task: TaskId): TaskWiring | undefined {
  const at = task.lastIndexOf('#')
  const vertex = plan.vertices.find(({ id }) => id === task.slice(0, at))
  const subtaskIndex = Number(task.slice(at + 1))
  if (vertex === undefined || !(subtaskIndex < vertex.parallelism)) return undefined

  const channels = inputChannels(plan, plan.vertices.indexOf(vertex), subtaskIndex)
  const receivers = new Set<ActorId>()
  for (const index of vertex.outputEdges) {
    const edge = plan.edges[index]!
    const target = plan.vertices[edge.targetVertex]!
    for (let to = 0; to < target.parallelism; to++) {
      if (edge.partitioning === 'forward' && to !== subtaskIndex) continue
      receivers.add(taskActor(taskId(target.id, to)))
    }
  }
  const head = vertex.operators[0]!
  return {
    task,
    vertex,
    subtaskIndex,
    isSource: vertex.inputEdges.length === 0,
    keyGroups: keyGroupRange(vertex.maxParallelism, vertex.parallelism, subtaskIndex),
    keyed: head.keySelector === undefined ? undefined : { uid: head.uid, keyOf: head.keySelector },
    channels: channels.length,
    senders: new Set(channels.map(({ from }) => from)),
    receivers,
    below: verticesBelow(plan, vertex).map(({ id }) => taskActor(taskId(id, 0))),
    channelOf: channelNumbers(channels),
    receiverOf: (edge, subtask) => {
      const target = plan.vertices[plan.edges[edge]!.targetVertex]
      assert(target !== undefined, `edge ${edge} leads somewhere`)
      return taskActor(taskId(target.id, subtask))
    },
  }
}

function verticesBelow({ vertices, edges }: JobPlan, vertex: JobVertex): readonly JobVertex[] {
  const below = new Set<JobVertex>()
  const visit = ({ outputEdges }: JobVertex): void => {
    for (const edge of outputEdges) {
      const target = vertices[edges[edge]!.targetVertex]!
      if (below.has(target)) continue
      below.add(target)
      visit(target)
    }
  }
  visit(vertex)
  return [...below]
}

function channelKey(from: ActorId, edge: number): string {
  return `${edge} ${from}`
}
