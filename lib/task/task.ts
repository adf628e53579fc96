import {
  MAX_WATERMARK,
  MIN_WATERMARK,
  type Barrier,
  type Element,
  type RecordBatch,
} from '../model/elements.ts'
import { assert, OperatorFault, UserError } from '../model/faults.ts'
import { KeyedOperator } from '../operators/keyed-operator.ts'
import { asCheckpointId } from '../model/ids.ts'
import { SourceOperator } from '../operators/source.ts'
import type { Operator, Receiver } from '../operators/operator.ts'
import type { ReadStatus } from '../stream/source.ts'
import { BarrierAligner } from './barrier-aligner.ts'
import { buildOperators, type TaskOperator } from './build-operators.ts'
import type { RecordWriter } from './record-writer.ts'
import type { TaskCapture } from './task-snapshot.ts'
import type { TaskEnvironment, TaskRestore, TaskSpec } from './task-spec.ts'
import { WatermarkValve } from './watermark-valve.ts'

/**
 * One parallel subtask of a chain of operators, whoever runs it: elements go in by channel, elements, snapshots and
 * the news of the input's end come out through its environment. It knows no clock, thread, queue or disk, and does
 * one thing at a time: where a method returns a promise, nothing else may be called until it resolves.
 */
export class Task {
  readonly spec: TaskSpec
  private readonly env: TaskEnvironment
  private readonly aligner: BarrierAligner
  private readonly valve: WatermarkValve
  private readonly operators: readonly TaskOperator[]
  private readonly head: Operator
  /** Takes the records of the head. */
  private readonly entrance: Receiver
  private readonly writers: readonly RecordWriter[]
  /** Those that event time reaches as it is at the head. */
  private readonly watermarkHeirs: readonly RecordWriter[]
  private readonly restoredWatermarkMs: number
  private readonly channelEnded: boolean[]
  private readonly refusesUnknownState: boolean
  private readonly restoredEnded: boolean
  private readonly resumes: boolean
  private channelsLeft: number
  private ended: boolean
  private firingUpToMs: number | undefined
  private nowMs: number

  constructor(spec: TaskSpec, restore: TaskRestore, env: TaskEnvironment) {
    this.spec = spec
    this.env = env
    this.nowMs = env.now()
    const { resumes } = restore
    this.aligner = new BarrierAligner(spec.inputChannels, spec.mode, resumes?.aligner)
    if (restore.settledCheckpointId !== undefined)
      this.aligner.overtake(restore.settledCheckpointId, this.nowMs)
    this.valve = new WatermarkValve(spec.inputChannels, restore.watermarkMs, resumes?.valve)
    this.refusesUnknownState = restore.unknownState === 'refuse'
    this.channelEnded = Array.from(
      { length: spec.inputChannels },
      (_, channel) => resumes?.channelEnded[channel] ?? false,
    )
    this.channelsLeft = this.channelEnded.filter((ended) => !ended).length
    this.ended = resumes?.ended ?? false
    this.firingUpToMs = resumes?.firingUpToMs
    this.resumes = resumes !== undefined
    const { operators, writers } = buildOperators(spec, restore, env, () => this.nowMs)
    this.operators = operators
    this.writers = writers
    this.head = operators[0]!.operator
    this.entrance = operators[0]!.entrance
    this.watermarkHeirs = this.restoreWatermark(restore.watermarkMs)
    this.restoredWatermarkMs = restore.watermarkMs
    this.restoredEnded = resumes?.endsAgain ?? restore.inputEnded
    resumes?.watermarksMs.forEach((ms, index) => this.operators[index]?.operator.restoreWatermark(ms))
    resumes?.nextTargets.forEach((target, index) => this.writers[index]?.resume(target))
  }

  /** Whether all input has ended. The task still takes part in checkpoints. */
  get inputEnded(): boolean {
    return this.ended
  }

  get watermarkMs(): number {
    return this.spec.inputChannels === 0 ? this.head.metrics.currentWatermark : this.valve.watermarkMs
  }

  /** In chain order. */
  get operatorStates(): readonly TaskOperator[] {
    return this.operators
  }

  /** Tail first, so that no record meets an operator that is not open. */
  async open(): Promise<void> {
    for (const one of this.operators.toReversed()) await this.guarded(one, (operator) => operator.open())
    if (this.refusesUnknownState) this.refuseUnclaimedState()
    if (this.resumes) return
    // A watermark is passed on when it rises. This one need not ever rise again: the last one does not.
    const timestampMs = this.restoredWatermarkMs
    if (timestampMs === MIN_WATERMARK) return
    for (const writer of this.watermarkHeirs) writer.toAll({ kind: 'watermark', timestampMs })
  }

  /** The time of the batch that begins; never goes back. */
  beginBatch(): void {
    this.nowMs = Math.max(this.nowMs, this.env.now())
    for (const { keyedState } of this.operators) keyedState?.setNow(this.nowMs)
  }

  /** True while nothing may be taken from `channel`: it waits for the barriers of the others. */
  isBlocked(channel: number): boolean {
    return this.aligner.isBlocked(channel)
  }

  /**
   * A watermark has come whose timers have not all fired: {@link goOnFiring}, and nothing else may be taken, until they
   * have. Only where the environment bounds the timers of a step.
   */
  get isFiring(): boolean {
    return this.firingUpToMs !== undefined
  }

  /** Fires the next of the timers that are due, between beginBatch and endBatch; then the watermark passes on. */
  goOnFiring(): void {
    const watermarkMs = this.firingUpToMs
    assert(watermarkMs !== undefined && this.head instanceof KeyedOperator, 'the task is firing timers')
    if (!this.head.fireSome(watermarkMs, this.env.timersPerStep ?? Number.POSITIVE_INFINITY)) return
    this.firingUpToMs = undefined
    this.head.passWatermark(watermarkMs)
  }

  /** Takes the next element of `channel`, between beginBatch and endBatch. */
  accept(channel: number, element: Element): void | Promise<void> {
    switch (element.kind) {
      case 'records':
        return this.acceptRecords(channel, element, 0, element.values.length)
      case 'watermark':
        return this.onValve(this.valve.onWatermark(channel, element.timestampMs))
      case 'status':
        return this.onValve(this.valve.onStatus(channel, element.idle))
      case 'barrier': {
        const { checkpointId, isUnaligned } = element
        const outcome = this.aligner.onBarrier(channel, checkpointId, this.nowMs, isUnaligned)
        if (outcome.type !== 'complete') return
        return this.checkpoint(element, outcome.alignmentMs)
      }
      case 'end':
        return this.onChannelEnd(channel)
    }
  }

  /** Takes some of the records of an element, from number `first` to before `end`; as {@link accept}. */
  acceptRecords(channel: number, { values, timestamps }: RecordBatch, first: number, end: number): void {
    const { entrance } = this
    let i = first
    try {
      for (; i < end; i++) entrance.record(values[i], timestamps[i]!)
    } catch (cause) {
      throw placed(cause, this.env.placeOf?.(channel), i)
    }
  }

  /** Takes records that were under way to one of its operators at the checkpoint that it began from; as {@link acceptRecords}. */
  acceptAt(operatorUid: string, { values, timestamps }: RecordBatch, first: number, end: number): void {
    const entrance = this.operators.find(({ uid }) => uid === operatorUid)?.entrance
    assert(entrance !== undefined, `${operatorUid} is an operator of ${this.spec.taskId}`)
    let i = first
    try {
      for (; i < end; i++) entrance.record(values[i], timestamps[i]!)
    } catch (cause) {
      throw placed(cause, 'under way at the checkpoint', i)
    }
  }

  /** Sources only: reads up to `recordsMax` records. At `end`, the input has ended. */
  read(recordsMax: number): ReadStatus | Promise<ReadStatus> {
    assert(this.head instanceof SourceOperator, `${this.spec.taskId} reads from a source`)
    return this.head.read(recordsMax)
  }

  /** Sources only: the coordinator triggered a checkpoint. */
  async injectBarrier(checkpointId: number, triggeredAtMs: number, isSavepoint = false): Promise<void> {
    // It may have been taken already, past the queue.
    if (this.aligner.overtake(checkpointId, this.nowMs).type === 'stale') return
    await this.checkpoint(
      { kind: 'barrier', checkpointId: asCheckpointId(checkpointId), triggeredAtMs, isSavepoint },
      0,
    )
  }

  /**
   * Takes the checkpoint now, between two elements: its barrier overtakes what is under way to this task, which becomes part
   * of the checkpoint. Nothing happens where the task has taken it already, or it was given up.
   */
  async overtake(checkpointId: number, triggeredAtMs: number): Promise<void> {
    const outcome = this.aligner.overtake(checkpointId, this.nowMs)
    if (outcome.type !== 'complete') return
    await this.checkpoint(
      { kind: 'barrier', checkpointId: asCheckpointId(checkpointId), triggeredAtMs, isUnaligned: true },
      outcome.alignmentMs,
    )
  }

  /** Sources only: event time ends here, before the barrier of a stop that drains. */
  drain(): void {
    this.head.watermark(MAX_WATERMARK)
  }

  /** Passes on what is held back for batching. */
  async endBatch(): Promise<void> {
    for (const one of this.operators) {
      const done = this.guarded(one, (operator) => operator.endBatch())
      if (done instanceof Promise) await done
      one.keyedState?.endBatch()
    }
    for (const writer of this.writers) writer.flush()
  }

  /**
   * When a processing-time timer is due; undefined: none is. After the end of the input none is any more, as in Flink:
   * the tasks below have been told that nothing follows.
   */
  nextProcessingTime(): number | undefined {
    if (this.ended || this.endsAgain) return undefined
    let nextMs: number | undefined
    for (const { operator } of this.operators) {
      const dueMs = operator.nextProcessingTime()
      if (dueMs !== undefined && (nextMs === undefined || dueMs < nextMs)) nextMs = dueMs
    }
    return nextMs
  }

  /** Fires the processing-time timers that are due, between beginBatch and endBatch. */
  onProcessingTime(): void {
    if (this.ended || this.endsAgain) return
    for (const { operator } of this.operators) {
      const dueMs = operator.nextProcessingTime()
      if (dueMs !== undefined && dueMs <= this.nowMs) operator.onProcessingTime(this.nowMs)
    }
  }

  async checkpointComplete(checkpointId: number): Promise<void> {
    for (const one of this.operators) {
      await this.guarded(one, (operator) => operator.checkpointComplete(checkpointId))
    }
  }

  async checkpointAborted(checkpointId: number): Promise<void> {
    this.aligner.onAborted(checkpointId)
    for (const one of this.operators) {
      await this.guarded(one, (operator) => operator.checkpointAborted(checkpointId))
    }
  }

  /** The input has ended: tells the operators head first, then the tasks below. Sources call it at `end`. */
  async endInput(): Promise<void> {
    const { endsAgain } = this
    for (const one of this.operators) {
      // A source is told again: it ends event time for those that come after it.
      const isTold = endsAgain && !(one.operator instanceof SourceOperator)
      if (!isTold) await this.guarded(one, (operator) => operator.endOfInput())
      await this.guarded(one, (operator) => operator.endBatch())
    }
    for (const writer of this.writers) writer.toAll({ kind: 'end' })
    this.ended = true
    this.env.onInputEnded()
  }

  /** Whether an operator has work left that needs only another turn. */
  get wantsTurn(): boolean {
    return this.operators.some(({ operator }) => operator.wantsTurn)
  }

  /** How many records the operators can do with in the turn that begins. */
  get recordsWanted(): number {
    return Math.min(...this.operators.map(({ operator }) => operator.recordsWanted))
  }

  /**
   * What has to survive where the next batch may be another process's, after endBatch. (Not for checkpoints: a barrier
   * gives its snapshot to the environment.)
   */
  async capture(): Promise<TaskCapture> {
    for (const one of this.operators) {
      await this.guarded(one, (operator) => operator.endTurn())
    }
    const operators = this.operators.map((one) => {
      try {
        one.operator.snapshot(0)
      } catch (cause) {
        throw this.faultOf(one, cause)
      }
      return { uid: one.uid, operatorState: one.operatorState.snapshot() }
    })
    return {
      operators,
      progress: {
        valve: this.valve.progress,
        aligner: this.aligner.progress,
        channelEnded: [...this.channelEnded],
        ended: this.ended,
        endsAgain: this.endsAgain,
        watermarksMs: this.operators.map(({ operator }) => operator.metrics.currentWatermark),
        nextTargets: this.writers.map((writer) => writer.nextTarget),
        firingUpToMs: this.firingUpToMs,
      },
    }
  }

  /** Lets go of everything the operators hold. Every operator is closed, whatever the others do. */
  async close(): Promise<void> {
    const failures: unknown[] = []
    for (const { operator, keyedState } of this.operators) {
      try {
        await operator.close()
      } catch (cause) {
        failures.push(cause)
      }
      keyedState?.close()
    }
    if (failures.length > 0) throw failures[0]
  }

  /**
   * Event time goes on from the checkpoint's watermark, down to operators that make their own. Returns the writers
   * that come before any of these.
   */
  private restoreWatermark(watermarkMs: number): RecordWriter[] {
    const chain = this.spec.vertex.operators
    const reached = new Set<number | undefined>([undefined])
    for (const [index, { parent, spec }] of chain.entries()) {
      if (!reached.has(parent)) continue
      this.operators[index]!.operator.restoreWatermark(watermarkMs)
      if (spec.type !== 'timestamps') reached.add(index)
    }
    return this.writers.filter((_, index) => reached.has(this.spec.outputs[index]!.edge.sourceOperator))
  }

  /**
   * The input had ended before the checkpoint that the attempt began from, and nothing has come since: what operators
   * did at its end is in the checkpoint, and must not be done twice (invariant 7, exactly-once).
   */
  private get endsAgain(): boolean {
    return this.restoredEnded && this.head.metrics.numRecordsIn === 0
  }

  /** What a user's function throws outside of records is its operator's fault as well. */
  private guarded(
    one: TaskOperator,
    call: (operator: Operator) => void | Promise<void>,
  ): void | Promise<void> {
    try {
      const done = call(one.operator)
      if (!(done instanceof Promise)) return
      return done.catch((cause: unknown) => {
        throw this.faultOf(one, cause)
      })
    } catch (cause) {
      throw this.faultOf(one, cause)
    }
  }

  private faultOf({ uid, name }: TaskOperator, cause: unknown): unknown {
    if (cause instanceof OperatorFault || cause instanceof UserError) return cause
    const { subtaskIndex } = this.spec
    return new OperatorFault({ operatorUid: uid, operatorName: name, subtaskIndex }, cause)
  }

  private refuseUnclaimedState(): void {
    const problems = this.operators.flatMap(({ uid, operatorState }) =>
      operatorState
        .unclaimed()
        .map(
          (name) =>
            `Operator '${uid}': the checkpoint holds operator state '${name}', which the operator does not declare. ` +
            'Declare it, or pass --allow-non-restored-state to start without it',
        ),
    )
    if (problems.length > 0) throw new UserError(problems)
  }

  private onValve(change: { watermarkMs: number | undefined; idle: boolean | undefined }): void {
    if (change.idle !== undefined) this.head.status(change.idle)
    if (change.watermarkMs === undefined) return
    if (this.env.timersPerStep !== undefined && this.head instanceof KeyedOperator) {
      this.firingUpToMs = change.watermarkMs
      this.goOnFiring()
    } else this.head.watermark(change.watermarkMs)
  }

  private onChannelEnd(channel: number): void | Promise<void> {
    assert(!this.channelEnded[channel], `channel ${channel} of ${this.spec.taskId} ends once`)
    this.channelEnded[channel] = true
    this.channelsLeft--
    if (this.channelsLeft === 0) return this.endInput()
  }

  /**
   * The barrier passes: first the operators finish what belongs before it, then it goes to the tasks below, then
   * their state is taken, before any record after it.
   */
  private async checkpoint(barrier: Barrier, alignmentMs: number): Promise<void> {
    const { checkpointId, isSavepoint = false, isUnaligned = false } = barrier
    for (const one of this.operators) {
      await this.guarded(one, (operator) => operator.prepareBarrier(checkpointId))
      await this.guarded(one, (operator) => operator.endBatch())
    }
    for (const writer of this.writers) writer.toAll(barrier)
    const operators = this.operators.map((one) => {
      try {
        one.operator.snapshot(checkpointId)
      } catch (cause) {
        throw this.faultOf(one, cause)
      }
      return {
        uid: one.uid,
        keyed: one.keyedState?.snapshot(),
        operatorState: one.operatorState.snapshot(),
      }
    })
    this.env.onSnapshot({
      checkpointId,
      isSavepoint,
      isUnaligned,
      watermarkMs: this.watermarkMs,
      finished: this.ended,
      operators,
      alignmentMs,
    })
  }
}

/** Says of a record's fault which record of which element it was. */
function placed(cause: unknown, element: string | undefined, index: number): unknown {
  if (element === undefined || !(cause instanceof OperatorFault)) return cause
  return cause.at(`${element}, record ${index + 1}`)
}
