import { isSameChannel, type InFlightRun } from '../checkpoint/in-flight-elements.ts'
import type { Watermark } from '../model/elements.ts'
import { assert } from '../model/faults.ts'
import { LIMITS } from '../model/limits.ts'
import type { Clock, ScheduledCall } from '../ports/clock.ts'
import type { ReadStatus } from '../stream/source.ts'
import type { Task } from '../task/task.ts'
import type { Channel } from './channel.ts'
import type { EventLoop } from './event-loop.ts'
import type { InputChannel } from './in-flight-recording.ts'
import { Replay } from './replay.ts'

/** Between two batches of a task, in order. */
type Control = () => void | Promise<void>

/**
 * Runs one task in a loop of its own: whenever there is something to do and room for what comes of it, one batch.
 * All loops of a job share one thread and take turns at every `await`.
 */
export class TaskRunner {
  readonly task: Task
  /** Settles when the loop has ended; never rejects. */
  readonly finished: Promise<void>
  private readonly inputs: readonly Channel[]
  private readonly channels: readonly InputChannel[]
  private readonly outputs: readonly Channel[]
  private readonly clock: Clock
  private readonly eventLoop: EventLoop
  private readonly controls: Control[] = []
  private readonly onFailure: (cause: unknown) => void
  private sourceStatus: ReadStatus
  private wakeUps = 0
  private reading = true
  private readonly gates: RunnerGates
  private readonly onBatchEnd: (() => void) | undefined
  private replay: Replay | undefined
  private inBatch = false
  private stopped = false
  private nextChannel = 0
  private wakeLoop: (() => void) | undefined
  private alarm: { readonly atMs: number; readonly call: ScheduledCall } | undefined

  constructor(parts: TaskRunnerParts) {
    this.task = parts.task
    this.channels = parts.inputs
    this.inputs = parts.inputs.map(({ channel }) => channel)
    this.replay = parts.replay === undefined ? undefined : new Replay(parts.replay)
    this.gates = parts.gates
    this.onBatchEnd = parts.onBatchEnd
    this.outputs = parts.outputs
    this.clock = parts.clock
    this.eventLoop = parts.eventLoop
    this.onFailure = parts.onFailure
    this.sourceStatus = parts.inputs.length === 0 ? 'more' : 'end'
    this.finished = Promise.resolve().then(() => this.loop())
  }

  /** What was under way at the checkpoint that the attempt began from, and has not been taken yet. */
  get replayLeft(): readonly InFlightRun[] {
    return this.replay?.left ?? []
  }

  /** It has nothing in hand or before it. */
  get isIdle(): boolean {
    return !this.inBatch && this.replay === undefined && this.inputs.every(({ size }) => size === 0)
  }

  /** Something may have changed: looks again. */
  wake(): void {
    const resume = this.wakeLoop
    this.wakeLoop = undefined
    resume?.()
  }

  /** The source has something to read. */
  wakeSource(): void {
    this.wakeUps++
    if (this.sourceStatus !== 'end') this.sourceStatus = 'more'
    this.wake()
  }

  /** Runs `control` between two batches, before any other input. */
  control(control: Control): void {
    this.controls.push(control)
    this.wake()
  }

  /** Whether the source may go on reading. */
  setReading(reading: boolean): void {
    this.reading = reading
    this.wake()
  }

  /** Ends the loop after the batch at hand. */
  stop(): void {
    this.stopped = true
    this.wake()
  }

  private async loop(): Promise<void> {
    try {
      while (!this.stopped) {
        if (this.hasWork()) await this.runBatch()
        else await this.sleep()
        const turn = this.eventLoop.yieldIfDue()
        if (turn !== undefined) await turn
      }
    } catch (cause) {
      this.stopped = true
      this.onFailure(cause)
    } finally {
      this.alarm?.call.cancel()
    }
  }

  private hasWork(): boolean {
    if (this.controls.length > 0) return true
    const dueMs = this.task.nextProcessingTime()
    if (dueMs !== undefined && dueMs <= this.clock.now()) return true
    if (!this.hasRoom()) return false
    if (this.replay !== undefined) return this.gates.mayReplay()
    return (
      this.canRead(this.clock.now()) ||
      this.inputs.some((channel, index) => channel.size > 0 && !this.task.isBlocked(index))
    )
  }

  private hasRoom(): boolean {
    return !this.outputs.some((channel) => channel.isFull)
  }

  private canRead(nowMs: number): boolean {
    const { sourceStatus } = this
    if (sourceStatus === 'end' || sourceStatus === 'wait' || !this.mayRead()) return false
    return sourceStatus === 'more' || sourceStatus.waitUntilMs <= nowMs
  }

  private mayRead(): boolean {
    return this.reading && this.gates.mayRead()
  }

  private async runBatch(): Promise<void> {
    this.inBatch = true
    await this.runWholeBatch()
    this.inBatch = false
    this.onBatchEnd?.()
  }

  private async runWholeBatch(): Promise<void> {
    const { task } = this
    // Controls take time: a read that fell due meanwhile is for the next batch, whose time is past it.
    const nowMs = this.clock.now()
    task.beginBatch()
    for (let control = this.controls.shift(); control !== undefined; control = this.controls.shift())
      await control()
    task.onProcessingTime()
    // Orders and timers go on while the outputs are full; more input would let channels grow without limit.
    if (this.hasRoom()) {
      if (this.replay !== undefined) {
        if (this.gates.mayReplay()) this.takeReplay(this.replay)
      } else if (this.canRead(nowMs)) await this.readSource()
      else await this.takeInput()
    }
    await task.endBatch()
  }

  private async readSource(): Promise<void> {
    const wakeUps = this.wakeUps
    const reading = this.task.read(LIMITS.batchRecords)
    const status = reading instanceof Promise ? await reading : reading
    // A wake-up that came during the read must not be lost.
    this.sourceStatus = status === 'wait' && wakeUps !== this.wakeUps ? 'more' : status
    if (this.sourceStatus === 'end') await this.task.endInput()
  }

  /** Takes what was under way, before anything of the channels. */
  private takeReplay(replay: Replay): void {
    let records = 0
    while (records < LIMITS.batchRecords) {
      const next = replay.take()
      if (next === undefined) break
      const { run, element } = next
      if (element.kind === 'records') {
        this.task.acceptAt(run.targetUid, element, 0, element.values.length)
        records += element.values.length
      } else this.takeWatermark(run, element)
    }
    if (replay.isDone) this.replay = undefined
  }

  /** They are kept only where every channel is there again. */
  private takeWatermark(run: InFlightRun, watermark: Watermark): void {
    const index = this.channels.findIndex(({ address }) => isSameChannel(address, run))
    assert(index !== -1, `${this.task.spec.taskId} has the channel that a watermark was under way on`)
    void this.task.accept(index, watermark)
  }

  /** Takes elements from the channels in turn, until a batch's worth of records or nothing is left. */
  private async takeInput(): Promise<void> {
    const channels = this.inputs.length
    let records = 0
    let empty = 0
    while (empty < channels && records < LIMITS.batchRecords) {
      const index = this.nextChannel
      this.nextChannel = index + 1 === channels ? 0 : index + 1
      const element = this.task.isBlocked(index) ? undefined : this.inputs[index]!.take()
      if (element === undefined) {
        empty++
        continue
      }
      empty = 0
      const done = this.task.accept(index, element)
      if (done instanceof Promise) await done
      if (element.kind === 'records') records += element.values.length
    }
  }

  /** Waits for `wake`, or for the time of the next timer or read. */
  private sleep(): Promise<void> {
    const { sourceStatus } = this
    // While the outputs are full, the time of the next read may be past: it is room that is waited for.
    const waitsForTime = this.mayRead() && typeof sourceStatus === 'object' && this.hasRoom()
    const dueMs = Math.min(
      this.task.nextProcessingTime() ?? Number.POSITIVE_INFINITY,
      waitsForTime ? sourceStatus.waitUntilMs : Number.POSITIVE_INFINITY,
    )
    if (this.alarm?.atMs !== dueMs) {
      this.alarm?.call.cancel()
      this.alarm =
        dueMs === Number.POSITIVE_INFINITY
          ? undefined
          : { atMs: dueMs, call: this.clock.schedule(dueMs, () => this.ring()) }
    }
    return new Promise((resolve) => (this.wakeLoop = resolve))
  }

  private ring(): void {
    this.alarm = undefined
    this.wake()
  }
}

/** Whoever opens one wakes the runner. */
export interface RunnerGates {
  /** Whether it may take what was under way to it. Until then it takes nothing else. */
  mayReplay(): boolean
  /** Whether a source may read. */
  mayRead(): boolean
}

export interface TaskRunnerParts {
  readonly task: Task
  readonly inputs: readonly InputChannel[]
  readonly outputs: readonly Channel[]
  readonly clock: Clock
  readonly eventLoop: EventLoop
  /** What was under way to the task at the checkpoint that the attempt begins from. */
  readonly replay: readonly InFlightRun[] | undefined
  readonly gates: RunnerGates
  readonly onBatchEnd: (() => void) | undefined
  /** Called once, when the task's code throws; the loop has ended then. */
  readonly onFailure: (cause: unknown) => void
}
