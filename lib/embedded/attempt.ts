import type { JobEdge, JobPlan, JobVertex } from '../graph/plan.ts'
import type { Element } from '../model/elements.ts'
import { taskId, type Attempt as AttemptNumber, type TaskId } from '../model/ids.ts'
import type { Clock } from '../ports/clock.ts'
import type { IngestLog } from '../ports/ingest-log.ts'
import type { Outside } from '../ports/outside.ts'
import type { KeyedStateBackendFactory } from '../state/keyed-backend.ts'
import type { JobConfig } from '../stream/config.ts'
import type { SplitSource } from '../stream/source.ts'
import type { TaskSnapshot } from '../task/task-snapshot.ts'
import type { TaskRestore } from '../task/task-spec.ts'
import { Task } from '../task/task.ts'
import { Channel } from './channel.ts'
import type { OperatorFigures } from './job-handle.ts'
import { EventLoop } from './event-loop.ts'
import { collectFigures } from './operator-figures.ts'
import { TaskRunner } from './task-runner.ts'

/** What an attempt tells its job. Nothing is told after `tearDown` has been called. */
export interface AttemptListener {
  /** Resolves when the snapshot is durable, or is known not to be. */
  onSnapshot(task: TaskId, snapshot: TaskSnapshot): Promise<void>
  onInputEnded(task: TaskId): void
  onTaskFailed(task: TaskId, cause: unknown): void
}

export interface AttemptParts {
  readonly plan: JobPlan
  readonly config: JobConfig
  readonly runId: string
  readonly attempt: AttemptNumber
  readonly clock: Clock
  /** Milliseconds since whenever: how long tasks have been running without a pause. */
  readonly uptimeMs: () => number
  readonly stateBackends: KeyedStateBackendFactory
  readonly ingest: IngestLog | undefined
  readonly outside: Outside | undefined
  readonly restoreOf: (vertex: JobVertex, subtaskIndex: number) => TaskRestore
  readonly listener: AttemptListener
}

/** The tasks of one execution of a job, with the channels between them. */
export class JobAttempt {
  private readonly parts: Omit<AttemptParts, 'restoreOf'>
  private readonly eventLoop: EventLoop
  private readonly tasks: Task[] = []
  private readonly runners: TaskRunner[] = []
  /** By vertex, then subtask. */
  private readonly runnerAt: TaskRunner[][] = []
  /** By edge, then sender, then receiver. */
  private readonly channels: Channel[][][] = []
  private readonly splits = new Map<string, Promise<readonly unknown[]>>()
  private live = true
  /** The checkpoint whose barrier the sources stopped at. */
  private stoppedAt: number | undefined
  private restoreOf: AttemptParts['restoreOf'] | undefined
  private lastFigures: readonly OperatorFigures[] | undefined
  private closing: Promise<unknown> | undefined
  private ending: Promise<unknown> | undefined

  constructor(parts: AttemptParts) {
    const { restoreOf, ...rest } = parts
    this.parts = rest
    this.restoreOf = restoreOf
    this.eventLoop = new EventLoop(parts.uptimeMs)
  }

  /** Makes all tasks, opens them (sinks first), and lets them run. Rejects, with everything closed, if that fails. */
  async start(): Promise<void> {
    const { plan } = this.parts
    for (const edge of plan.edges) this.channels[edge.index] = this.wire(edge)
    try {
      for (const vertex of plan.vertices) {
        for (let subtask = 0; subtask < vertex.parallelism; subtask++)
          this.tasks.push(this.makeTask(vertex, subtask, this.restoreOf!(vertex, subtask)))
      }
      // It holds all that was restored.
      this.restoreOf = undefined
      for (const task of this.tasks.toReversed()) await task.open()
    } catch (cause) {
      this.live = false
      this.lastFigures = collectFigures(this.parts.plan, [])
      await this.closeTasks()
      throw cause
    }
    for (const task of this.tasks) {
      const runner = this.makeRunner(task)
      this.runners.push(runner)
      ;(this.runnerAt[task.spec.vertex.index] ??= [])[task.spec.subtaskIndex] = runner
    }
  }

  get number(): AttemptNumber {
    return this.parts.attempt
  }

  get allTasks(): readonly Task[] {
    return this.tasks
  }

  /** The source has something to read. */
  wakeSource(uid: string): void {
    const vertex = this.parts.plan.vertices.find(({ operators }) => operators[0]!.uid === uid)
    for (const runner of this.runnerAt[vertex?.index ?? -1] ?? []) runner?.wakeSource()
  }

  /** Sends barrier `checkpointId` from every source; with `stopSources`, nothing after it. */
  trigger(
    checkpointId: number,
    triggeredAtMs: number,
    options: { stopSources: boolean; drain: boolean },
  ): void {
    if (options.stopSources) this.stoppedAt = checkpointId
    for (const runner of this.sourceRunners()) {
      runner.control(async () => {
        if (options.drain && !runner.task.inputEnded) runner.task.drain()
        // It may have been given up before this source came to it.
        if (options.stopSources && this.stoppedAt === checkpointId) runner.setReading(false)
        await runner.task.injectBarrier(checkpointId, triggeredAtMs)
      })
    }
  }

  notifyComplete(checkpointId: number): void {
    for (const runner of this.runners) runner.control(() => runner.task.checkpointComplete(checkpointId))
  }

  /** Sources that `checkpointId` stopped go on. */
  notifyAborted(checkpointId: number): void {
    for (const runner of this.runners) runner.control(() => runner.task.checkpointAborted(checkpointId))
    if (this.stoppedAt !== checkpointId) return
    this.stoppedAt = undefined
    for (const runner of this.sourceRunners()) runner.setReading(true)
  }

  /** Resolves when every task has carried out what it was ordered before. */
  async afterOrders(): Promise<void> {
    await Promise.all(
      this.runners.map((runner) =>
        Promise.race([new Promise<void>((resolve) => runner.control(resolve)), runner.finished]),
      ),
    )
  }

  /**
   * Ends all tasks after the batch at hand, and closes them; asked again, it waits for that. Resolves to what their
   * closing threw first, if anything.
   */
  tearDown(): Promise<unknown> {
    this.ending ??= this.end()
    return this.ending
  }

  /** Its counts; once it has ended, the last ones. */
  get figures(): readonly OperatorFigures[] {
    return this.lastFigures ?? collectFigures(this.parts.plan, this.tasks)
  }

  private async end(): Promise<unknown> {
    this.live = false
    for (const runner of this.runners) runner.stop()
    await Promise.all(this.runners.map((runner) => runner.finished))
    this.lastFigures = this.figures
    return this.closeTasks()
  }

  private closeTasks(): Promise<unknown> {
    this.closing ??= this.closeEach()
    return this.closing
  }

  private async closeEach(): Promise<unknown> {
    let failure: unknown
    for (const task of this.tasks) {
      try {
        await task.close()
      } catch (cause) {
        failure ??= cause
      }
    }
    return failure
  }

  private wire(edge: JobEdge): Channel[][] {
    const { vertices } = this.parts.plan
    const senders = vertices[edge.sourceVertex]!
    const receivers = vertices[edge.targetVertex]!
    return Array.from({ length: senders.parallelism }, (_, from) =>
      Array.from(
        { length: receivers.parallelism },
        (__, to) =>
          new Channel(
            () => this.runnerOf(receivers.index, to)?.wake(),
            () => this.runnerOf(senders.index, from)?.wake(),
          ),
      ),
    )
  }

  private makeTask(vertex: JobVertex, subtaskIndex: number, restore: TaskRestore): Task {
    const { plan, config, runId, attempt, clock, listener, stateBackends, outside } = this.parts
    const id = taskId(vertex.id, subtaskIndex)
    return new Task(
      {
        taskId: id,
        jobName: plan.jobName,
        runId,
        attempt,
        vertex,
        subtaskIndex,
        inputChannels: this.inputsOf(vertex, subtaskIndex).length,
        mode: config.checkpointing.mode,
        autoWatermarkIntervalMs: config.autoWatermarkIntervalMs,
        outputs: vertex.outputEdges.map((index) => {
          const edge = plan.edges[index]!
          const target = plan.vertices[edge.targetVertex]!
          return { edge, targetParallelism: target.parallelism, targetMaxParallelism: target.maxParallelism }
        }),
      },
      restore,
      {
        now: () => clock.now(),
        send: (edgeIndex, target, element) => this.send(edgeIndex, subtaskIndex, target, element),
        onSnapshot: (snapshot) => {
          if (!this.live) return
          const durable = listener.onSnapshot(id, snapshot)
          if (!config.stateBackend.asynchronous)
            this.runnerOf(vertex.index, subtaskIndex)?.control(() => durable)
        },
        onInputEnded: () => {
          if (this.live) listener.onInputEnded(id)
        },
        wakeUp: () => this.runnerOf(vertex.index, subtaskIndex)?.wakeSource(),
        enumerateSplits: (uid, source) => this.enumerateSplits(uid, source, vertex.parallelism),
        stateBackends,
        ingest: this.parts.ingest,
        outside,
      },
    )
  }

  private makeRunner(task: Task): TaskRunner {
    const { vertex, subtaskIndex } = task.spec
    return new TaskRunner({
      task,
      inputs: this.inputsOf(vertex, subtaskIndex),
      outputs: this.outputsOf(vertex, subtaskIndex),
      clock: this.parts.clock,
      eventLoop: this.eventLoop,
      onFailure: (cause) => {
        if (this.live) this.parts.listener.onTaskFailed(task.spec.taskId, cause)
      },
    })
  }

  private send(edgeIndex: number, from: number, to: number, element: Element): void {
    this.channels[edgeIndex]![from]![to]!.push(element)
  }

  private inputsOf(vertex: JobVertex, subtaskIndex: number): Channel[] {
    return vertex.inputEdges.flatMap((index) => {
      const ofEdge = this.channels[index]!
      const forward = this.parts.plan.edges[index]!.partitioning === 'forward'
      return forward
        ? [ofEdge[subtaskIndex]![subtaskIndex]!]
        : ofEdge.map((ofSender) => ofSender[subtaskIndex]!)
    })
  }

  private outputsOf(vertex: JobVertex, subtaskIndex: number): Channel[] {
    return vertex.outputEdges.flatMap((index) => {
      const ofSender = this.channels[index]![subtaskIndex]!
      const forward = this.parts.plan.edges[index]!.partitioning === 'forward'
      return forward ? [ofSender[subtaskIndex]!] : ofSender
    })
  }

  private runnerOf(vertexIndex: number, subtaskIndex: number): TaskRunner | undefined {
    return this.runnerAt[vertexIndex]?.[subtaskIndex]
  }

  private sourceRunners(): TaskRunner[] {
    return this.runners.filter((runner) => runner.task.spec.inputChannels === 0)
  }

  private enumerateSplits(
    uid: string,
    source: SplitSource<unknown, unknown>,
    parallelism: number,
  ): Promise<readonly unknown[]> {
    let listing = this.splits.get(uid)
    if (listing === undefined) {
      listing = Promise.resolve().then(() => source.enumerateSplits({ parallelism }))
      this.splits.set(uid, listing)
    }
    return listing
  }
}
