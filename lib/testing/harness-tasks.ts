import type { JobEdge, JobPlan, JobVertex } from '../graph/plan.ts'
import type { Element } from '../model/elements.ts'
import { assert, messageOf } from '../model/faults.ts'
import { taskId } from '../model/ids.ts'
import type { Outside } from '../ports/outside.ts'
import type { KeyedStateBackendFactory } from '../state/keyed-backend.ts'
import type { SplitSource } from '../stream/source.ts'
import type { TaskSnapshot } from '../task/task-snapshot.ts'
import type { TaskRestore } from '../task/task-spec.ts'
import { Task } from '../task/task.ts'
import type { ManualClock } from './manual-clock.ts'

export interface HarnessTasksParts {
  readonly plan: JobPlan
  readonly attempt: number
  readonly clock: ManualClock
  readonly mode: 'exactly-once' | 'at-least-once'
  readonly autoWatermarkIntervalMs: number
  readonly stateBackends: KeyedStateBackendFactory
  readonly outside?: Outside | undefined
  readonly restoreOf: (vertex: JobVertex, subtaskIndex: number) => TaskRestore
}

interface HarnessTask {
  readonly task: Task
  readonly inputs: readonly Element[][]
}

/** The tasks of a plan, run by hand: one at a time, in topological order, until none has anything left to do. */
export class HarnessTasks {
  readonly #parts: HarnessTasksParts
  /** By edge, then sender, then receiver. */
  readonly #channels: readonly Element[][][][]
  readonly #tasks: readonly HarnessTask[]
  readonly #snapshots = new Map<string, TaskSnapshot>()
  readonly #splits = new Map<string, Promise<readonly unknown[]>>()
  #broken: string | undefined

  constructor(parts: HarnessTasksParts) {
    this.#parts = parts
    const { plan } = parts
    this.#channels = plan.edges.map((edge) => {
      const targets = plan.vertices[edge.targetVertex]!.parallelism
      return Array.from({ length: plan.vertices[edge.sourceVertex]!.parallelism }, () =>
        Array.from({ length: targets }, () => []),
      )
    })
    this.#tasks = plan.vertices.flatMap((vertex) =>
      Array.from({ length: vertex.parallelism }, (_, subtask) => this.#make(vertex, subtask)),
    )
  }

  /** In topological order. */
  get tasks(): readonly Task[] {
    return this.#tasks.map(({ task }) => task)
  }

  /** Sinks first, as a runtime opens them. */
  async open(): Promise<void> {
    await this.#guarded(async () => {
      for (const { task } of this.#tasks.toReversed()) await task.open()
      await this.#settle()
    })
  }

  /** Does `action` as one batch of each of `tasks`, then all that follows from it. */
  async run(tasks: readonly Task[], action: (task: Task) => unknown): Promise<void> {
    await this.#guarded(async () => {
      for (const task of tasks) {
        task.beginBatch()
        task.onProcessingTime()
        await action(task)
        await task.endBatch()
      }
      await this.#settle()
    })
  }

  /** Moves the clock to `targetMs`, stopping wherever a timer is due. */
  async advanceTo(targetMs: number): Promise<void> {
    const { clock } = this.#parts
    for (;;) {
      const dueMs = Math.min(
        ...this.tasks.map((task) => task.nextProcessingTime() ?? Number.POSITIVE_INFINITY),
      )
      if (dueMs > targetMs) break
      clock.advanceTo(Math.max(dueMs, clock.now()))
      await this.run(
        this.tasks.filter((task) => (task.nextProcessingTime() ?? Number.POSITIVE_INFINITY) <= clock.now()),
        () => {},
      )
    }
    clock.advanceTo(targetMs)
  }

  /** Sends barrier `checkpointId` through all tasks. */
  async checkpoint(checkpointId: number): Promise<(vertex: JobVertex, subtaskIndex: number) => TaskSnapshot> {
    this.#snapshots.clear()
    await this.run(
      this.tasks.filter((task) => task.spec.inputChannels === 0),
      (task) => task.injectBarrier(checkpointId, this.#parts.clock.now()),
    )
    const snapshots = new Map(this.#snapshots)
    return (vertex, subtaskIndex) => {
      const snapshot = snapshots.get(taskId(vertex.id, subtaskIndex))
      assert(
        snapshot?.checkpointId === checkpointId,
        `${vertex.id}#${subtaskIndex} takes checkpoint ${checkpointId}`,
      )
      return snapshot
    }
  }

  /** Closes every task, whatever the others do. What closing throws is thrown, unless the tasks had failed before. */
  async close(): Promise<void> {
    const failures: unknown[] = []
    for (const { task } of this.#tasks) await task.close().catch((cause: unknown) => failures.push(cause))
    const failedBefore = this.#broken !== undefined
    this.#broken ??= 'it is closed'
    if (failures.length > 0 && !failedBefore) throw failures[0]
  }

  async #settle(): Promise<void> {
    for (const one of this.#tasks) {
      if (this.#next(one) === undefined) continue
      one.task.beginBatch()
      one.task.onProcessingTime()
      for (let channel = this.#next(one); channel !== undefined; channel = this.#next(one)) {
        await one.task.accept(channel, one.inputs[channel]!.shift()!)
      }
      await one.task.endBatch()
    }
  }

  /** A channel that has something that may be taken. */
  #next({ task, inputs }: HarnessTask): number | undefined {
    const channel = inputs.findIndex((elements, index) => elements.length > 0 && !task.isBlocked(index))
    return channel < 0 ? undefined : channel
  }

  /** A task that threw is in no state to go on. */
  async #guarded(action: () => Promise<void>): Promise<void> {
    if (this.#broken !== undefined) {
      throw new Error(
        `This harness does nothing any more: ${this.#broken}. Make another one, from a snapshot if need be.`,
      )
    }
    try {
      await action()
    } catch (cause) {
      this.#broken = `it failed with '${messageOf(cause)}'`
      throw cause
    }
  }

  #make(vertex: JobVertex, subtaskIndex: number): HarnessTask {
    const { plan, attempt, mode, autoWatermarkIntervalMs, stateBackends, outside, restoreOf, clock } =
      this.#parts
    const id = taskId(vertex.id, subtaskIndex)
    const inputs = vertex.inputEdges.flatMap((edge) => this.#channelsInto(plan.edges[edge]!, subtaskIndex))
    const task = new Task(
      {
        taskId: id,
        jobName: plan.jobName,
        runId: 'harness',
        attempt,
        vertex,
        subtaskIndex,
        inputChannels: inputs.length,
        mode,
        autoWatermarkIntervalMs,
        outputs: vertex.outputEdges.map((index) => {
          const edge = plan.edges[index]!
          const target = plan.vertices[edge.targetVertex]!
          return { edge, targetParallelism: target.parallelism, targetMaxParallelism: target.maxParallelism }
        }),
      },
      restoreOf(vertex, subtaskIndex),
      {
        now: () => clock.now(),
        send: (edge, target, element) => this.#channels[edge]![subtaskIndex]![target]!.push(element),
        onSnapshot: (snapshot) => this.#snapshots.set(id, snapshot),
        onInputEnded: () => {},
        wakeUp: () => {},
        warn: () => {},
        enumerateSplits: (uid, source) => this.#enumerate(uid, source, vertex.parallelism),
        stateBackends,
        outside,
      },
    )
    return { task, inputs }
  }

  #channelsInto(edge: JobEdge, subtaskIndex: number): Element[][] {
    const ofEdge = this.#channels[edge.index]!
    const senders = edge.partitioning === 'forward' ? [ofEdge[subtaskIndex]!] : ofEdge
    return senders.map((ofSender) => ofSender[subtaskIndex]!)
  }

  #enumerate(
    uid: string,
    source: SplitSource<unknown, unknown>,
    parallelism: number,
  ): Promise<readonly unknown[]> {
    const listing = this.#splits.get(uid) ?? Promise.resolve(source.enumerateSplits({ parallelism }))
    this.#splits.set(uid, listing)
    return listing
  }
}
