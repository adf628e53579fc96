import { buildStreamGraph } from '../../../lib/graph/build-stream-graph.ts'
import { planJob } from '../../../lib/graph/plan-job.ts'
import type { JobPlan } from '../../../lib/graph/plan.ts'
import { defineJob, sourceFunction, type DataStream } from '../../../lib/index.ts'
import { MIN_WATERMARK, type Element } from '../../../lib/model/elements.ts'
import { asCheckpointId, taskId } from '../../../lib/model/ids.ts'
import { heapBackends } from '../../../lib/state/heap-backend.ts'
import type { TaskRestore } from '../../../lib/task/task-spec.ts'
import type { TaskSnapshot } from '../../../lib/task/task-snapshot.ts'
import { Task } from '../../../lib/task/task.ts'

export const FRESH: TaskRestore = {
  isRestored: false,
  watermarkMs: MIN_WATERMARK,
  inputEnded: false,
  operators: new Map(),
  unknownState: 'refuse',
  ownsSegments: true,
}

export function planOf(build: (stream: DataStream<number>) => void, parallelism = 1): JobPlan {
  const job = defineJob({ name: 'job' }, (env) => {
    build(env.source('source', sourceFunction<number>({ poll: () => 'wait' })))
  })
  return planJob(buildStreamGraph(job), { name: 'job', parallelism, maxParallelism: 128 })
}

/** What a task did, in order: `edge>target element`, `snapshot n`, `ended`. */
export interface TaskUnderTest {
  readonly task: Task
  readonly log: string[]
  readonly snapshots: TaskSnapshot[]
  /** Gives it an element as a batch of its own. */
  readonly give: (channel: number, element: Element) => Promise<void>
}

/** The task of the vertex with `uid` in it, alone, with `channels` inputs. */
export async function taskOf(
  plan: JobPlan,
  uid: string,
  { channels = 1, restore = FRESH, nowMs = (): number => 0 } = {},
): Promise<TaskUnderTest> {
  const vertex = plan.vertices.find((one) => one.operators.some((operator) => operator.uid === uid))!
  const log: string[] = []
  const snapshots: TaskSnapshot[] = []
  const task = new Task(
    {
      taskId: taskId(vertex.id, 0),
      jobName: 'job',
      runId: 'run',
      attempt: 1,
      vertex,
      subtaskIndex: 0,
      inputChannels: channels,
      mode: 'exactly-once',
      autoWatermarkIntervalMs: 0,
      outputs: vertex.outputEdges.map((index) => {
        const edge = plan.edges[index]!
        const target = plan.vertices[edge.targetVertex]!
        return { edge, targetParallelism: target.parallelism, targetMaxParallelism: target.maxParallelism }
      }),
    },
    restore,
    {
      now: nowMs,
      send: (edge, target, element) => log.push(`${edge}>${target} ${textOf(element)}`),
      onSnapshot: (snapshot) => {
        snapshots.push(snapshot)
        log.push(`snapshot ${snapshot.checkpointId}`)
      },
      onInputEnded: () => log.push('ended'),
      wakeUp() {},
      warn() {},
      enumerateSplits: () => Promise.resolve([]),
      stateBackends: heapBackends,
    },
  )
  await task.open()
  return {
    task,
    log,
    snapshots,
    async give(channel, element) {
      task.beginBatch()
      await task.accept(channel, element)
      await task.endBatch()
    },
  }
}

export const records = (...values: readonly number[]): Element => ({
  kind: 'records',
  values,
  timestamps: values.map((value) => value * 10),
})
export const watermark = (timestampMs: number): Element => ({ kind: 'watermark', timestampMs })
export const status = (idle: boolean): Element => ({ kind: 'status', idle })
export const barrier = (id: number, triggeredAtMs = 0): Element => ({
  kind: 'barrier',
  checkpointId: asCheckpointId(id),
  triggeredAtMs,
})
export const end: Element = { kind: 'end' }

function textOf(element: Element): string {
  switch (element.kind) {
    case 'records':
      return element.values.join(',')
    case 'watermark':
      return `watermark ${element.timestampMs}`
    case 'status':
      return element.idle ? 'idle' : 'active'
    case 'barrier':
      return `barrier ${element.checkpointId}`
    case 'end':
      return 'end'
  }
}
