import type { DealtInFlight } from '../checkpoint/deal-in-flight.ts'
import type { InFlightRun } from '../checkpoint/in-flight-elements.ts'
import type { JobEdge, JobPlan, JobVertex } from '../graph/plan.ts'
import type { Element } from '../model/elements.ts'
import { taskId, type Attempt as AttemptNumber, type TaskId } from '../model/ids.ts'
import type { PoisonRecord } from '../model/poison-records.ts'
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
import { InFlightRecording, type InputChannel, type RecordedInFlight } from './in-flight-recording.ts'
import { collectFigures } from './operator-figures.ts'
import { TaskRunner } from './task-runner.ts'

/** What an attempt tells its job. Nothing is told after `tearDown` has been called. */
export interface AttemptListener {
  /**
   * `inFlight`: what was under way to the task, where that is part of the checkpoint; undefined once nobody waits for it.
   * Resolves when the state is durable, or is known not to be.
   */
  onSnapshot(
    task: TaskId,
    snapshot: TaskSnapshot,
    inFlight: Promise<RecordedInFlight | undefined> | undefined,
  ): Promise<void>
  onInputEnded(task: TaskId): void
  onTaskFailed(task: TaskId, cause: unknown): void
  onWarning(message: string): void
}

/** What an attempt begins with. */
export interface AttemptRestore {
  readonly stateOf: (vertex: JobVertex, subtaskIndex: number) => TaskRestore
  readonly inFlight: DealtInFlight
}

export interface AttemptParts {
  readonly plan: JobPlan
  readonly config: JobConfig
  readonly runId: string
  readonly attempt: AttemptNumber
  readonly poisonRecords: readonly PoisonRecord[]
  readonly clock: Clock
  /** Milliseconds since whenever: how long tasks have been running without a pause. */
  readonly uptimeMs: () => number
  readonly stateBackends: KeyedStateBackendFactory
  readonly ingest: IngestLog | undefined
  readonly outside: Outside | undefined
  readonly restore: AttemptRestore
  readonly listener: AttemptListener
}

/** The tasks of one execution of a job, with the channels between them. */
export class JobAttempt {
  private readonly parts: Omit<AttemptParts, 'restore'>
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
  private restore: AttemptRestore | undefined
  /** The unaligned checkpoint under way. */
  private overtakenId: number | undefined
  private readonly recordings = new Set<InFlightRecording>()
  /**
   * While what was under way goes through a job that has changed: vertices before this one wait until all from it on are
   * through with theirs. So nothing overtakes what was further down. Undefined: none waits.
   */
  private frontier: number | undefined
  /** Barriers that are not to overtake what was under way. */
  private triggersHeld: { readonly checkpointId: number; readonly order: () => void }[] = []
  private lastFigures: readonly OperatorFigures[] | undefined
  private closing: Promise<unknown> | undefined
  private ending: Promise<unknown> | undefined

  constructor(parts: AttemptParts) {
    const { restore, ...rest } = parts
    this.parts = rest
    this.restore = restore
    this.frontier = restore.inFlight.isInStages ? parts.plan.vertices.length - 1 : undefined
    this.eventLoop = new EventLoop(parts.uptimeMs)
  }

  /** Makes all tasks, opens them (sinks first), and lets them run. Rejects, with everything closed, if that fails. */
  async start(): Promise<void> {
    const { plan } = this.parts
    const { stateOf, inFlight } = this.restore!
    // It holds all that was restored.
    this.restore = undefined
    for (const edge of plan.edges) this.channels[edge.index] = this.wire(edge)
    try {
      for (const vertex of plan.vertices) {
        for (let subtask = 0; subtask < vertex.parallelism; subtask++)
          this.tasks.push(this.makeTask(vertex, subtask, stateOf(vertex, subtask)))
      }
      for (const task of this.tasks.toReversed()) await task.open()
    } catch (cause) {
      this.live = false
      this.lastFigures = collectFigures(this.parts.plan, [])
      await this.closeTasks()
      throw cause
    }
    for (const task of this.tasks) {
      const runner = this.makeRunner(task, inFlight.runs.get(task.spec.taskId))
      this.runners.push(runner)
      ;(this.runnerAt[task.spec.vertex.index] ??= [])[task.spec.subtaskIndex] = runner
    }
    this.advance()
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
    if (this.frontier !== undefined) {
      const order = (): void => this.trigger(checkpointId, triggeredAtMs, options)
      this.triggersHeld.push({ checkpointId, order })
      return
    }
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

  /** Every task takes checkpoint `checkpointId` now, unless it has: barriers overtake what is under way, which becomes part of it. */
  overtake(checkpointId: number, triggeredAtMs: number): void {
    this.overtakenId = checkpointId
    for (const runner of this.runners) runner.control(() => runner.task.overtake(checkpointId, triggeredAtMs))
  }

  notifyComplete(checkpointId: number): void {
    for (const runner of this.runners) runner.control(() => runner.task.checkpointComplete(checkpointId))
  }

  /** Sources that `checkpointId` stopped go on. */
  notifyAborted(checkpointId: number): void {
    this.triggersHeld = this.triggersHeld.filter((held) => held.checkpointId !== checkpointId)
    if (this.overtakenId === checkpointId) this.stopRecording()
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
    this.stopRecording()
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
    const { plan, config, runId, attempt, poisonRecords, clock, listener, stateBackends, outside } =
      this.parts
    const id = taskId(vertex.id, subtaskIndex)
    const inputs = this.inputsOf(vertex, subtaskIndex)
    return new Task(
      {
        taskId: id,
        jobName: plan.jobName,
        runId,
        attempt,
        vertex,
        subtaskIndex,
        inputChannels: inputs.length,
        mode: config.checkpointing.mode,
        autoWatermarkIntervalMs: config.autoWatermarkIntervalMs,
        outputs: vertex.outputEdges.map((index) => {
          const edge = plan.edges[index]!
          const target = plan.vertices[edge.targetVertex]!
          return { edge, targetParallelism: target.parallelism, targetMaxParallelism: target.maxParallelism }
        }),
        poisonRecords,
      },
      restore,
      {
        now: () => clock.now(),
        send: (edgeIndex, target, element) => this.send(edgeIndex, subtaskIndex, target, element),
        onSnapshot: (snapshot) => {
          if (!this.live) return
          const durable = listener.onSnapshot(id, snapshot, this.record(vertex, subtaskIndex, snapshot))
          if (!config.stateBackend.asynchronous)
            this.runnerOf(vertex.index, subtaskIndex)?.control(() => durable)
        },
        onInputEnded: () => {
          if (this.live) listener.onInputEnded(id)
        },
        placeOf: (channel) => this.placeOf(inputs[channel]!),
        wakeUp: () => this.runnerOf(vertex.index, subtaskIndex)?.wakeSource(),
        warn: (message) => listener.onWarning(message),
        enumerateSplits: (uid, source) => this.enumerateSplits(uid, source, vertex.parallelism),
        stateBackends,
        ingest: this.parts.ingest,
        outside,
      },
    )
  }

  /** From the moment of the snapshot: nothing may come between. */
  private record(
    vertex: JobVertex,
    subtaskIndex: number,
    { checkpointId, isUnaligned }: TaskSnapshot,
  ): Promise<RecordedInFlight | undefined> | undefined {
    // One that was given up may still be on its way through the tasks.
    if (!isUnaligned || checkpointId !== this.overtakenId) return undefined
    const left = this.runnerOf(vertex.index, subtaskIndex)?.replayLeft ?? []
    const inputs = this.inputsOf(vertex, subtaskIndex)
    if (inputs.length === 0 && left.length === 0) return undefined
    const recording = new InFlightRecording(checkpointId, inputs, left)
    this.recordings.add(recording)
    return recording.recorded.finally(() => this.recordings.delete(recording))
  }

  private stopRecording(): void {
    this.overtakenId = undefined
    for (const recording of this.recordings) recording.cancel()
  }

  private advance(): void {
    const before = this.frontier
    while (this.frontier !== undefined && this.isThroughFrom(this.frontier))
      this.frontier = this.frontier === 0 ? undefined : this.frontier - 1
    if (this.frontier === before) return
    for (const runner of this.runners) runner.wake()
    if (this.frontier === undefined) for (const { order } of this.triggersHeld.splice(0)) order()
  }

  private isThroughFrom(vertexIndex: number): boolean {
    return this.runnerAt.slice(vertexIndex).every((ofVertex) => ofVertex.every((runner) => runner.isIdle))
  }

  private makeRunner(task: Task, replay: readonly InFlightRun[] | undefined): TaskRunner {
    const { vertex, subtaskIndex } = task.spec
    return new TaskRunner({
      task,
      inputs: this.inputsOf(vertex, subtaskIndex),
      outputs: this.outputsOf(vertex, subtaskIndex),
      clock: this.parts.clock,
      eventLoop: this.eventLoop,
      replay,
      gates: {
        mayReplay: () => this.frontier === undefined || vertex.index >= this.frontier,
        mayRead: () => this.frontier === undefined,
      },
      onBatchEnd: this.frontier === undefined ? undefined : () => this.advance(),
      onFailure: (cause) => {
        if (this.live) this.parts.listener.onTaskFailed(task.spec.taskId, cause)
      },
    })
  }

  private send(edgeIndex: number, from: number, to: number, element: Element): void {
    this.channels[edgeIndex]![from]![to]!.push(element)
  }

  private inputsOf(vertex: JobVertex, subtaskIndex: number): InputChannel[] {
    const { plan } = this.parts
    return vertex.inputEdges.flatMap((index) => {
      const { sourceVertex, sourceOperator, tagId, inputIndex, partitioning } = plan.edges[index]!
      const sourceUid = plan.vertices[sourceVertex]!.operators[sourceOperator]!.uid
      const all = this.channels[index]!.map((ofSender, sender) => ({
        channel: ofSender[subtaskIndex]!,
        address: { sourceUid, tagId, targetUid: vertex.id, inputIndex, sender },
      }))
      return partitioning === 'forward' ? [all[subtaskIndex]!] : all
    })
  }

  /** Of the element that was taken last. */
  private placeOf({ channel, address }: InputChannel): string {
    const { sourceUid, sender } = address
    const vertex = this.parts.plan.vertices.find(({ operators }) =>
      operators.some(({ uid }) => uid === sourceUid),
    )
    return `${taskId(vertex!.id, sender)}, element ${channel.takenCount}`
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
