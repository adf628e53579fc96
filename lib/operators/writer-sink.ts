import { POSITION_BEFORE_ATTEMPT } from '../model/versions.ts'
import { causesOf, PlatformFault } from '../ports/platform-fault.ts'
import type { SinkWriter, WriterSink } from '../stream/sink.ts'
import { operatorListState } from '../stream/state.ts'
import { HeldBatches, type HeldBatch } from './held-batches.ts'
import type { OperatorContext, Turns } from './operator.ts'
import { BatchingSinkOperator } from './sink-batch.ts'

const HELD = operatorListState<HeldBatch>()

/** Records of a held batch, where the sink does not say: some calls' worth, so that one is written well within an invocation. */
const BATCH_RECORDS_MAX = 100
/** Batches that records which come together are cut into, however small each would be: versions have four digits for them. */
const BATCHES_MAX = 1_000
/** Records that a turn brings while nobody knows how long writing them takes. */
const RECORDS_FIRST = 256
/**
 * How long writing what one turn brings should take. What waits behind it comes back to its queue with each invocation, and a
 * queue lets that happen some ten times.
 */
const WRITING_MS = 5_000

/** What came of writing held batches in one turn. */
interface Writing {
  readonly position: number
  hasWritten: boolean
  /** The rest waits for the next turn. */
  isOver: boolean
}

/**
 * Hands batches to a writer, and has it flush before each barrier and each commit of a turn. Where the runtime works in
 * turns, a sink that asks for it is given records only in the turn after the one that brought them.
 */
export class WriterSinkOperator extends BatchingSinkOperator {
  private readonly sink: WriterSink<unknown>
  private writer: SinkWriter<unknown> | undefined
  /** Of sinks that write what is committed. */
  private held: HeldBatches | undefined
  private writing: Writing = { position: POSITION_BEFORE_ATTEMPT, hasWritten: false, isOver: false }
  /** How long the last batch took, and each of its records. */
  private lastBatchMs = 0
  private msPerRecord: number | undefined

  constructor(context: OperatorContext, sink: WriterSink<unknown>) {
    super(context)
    this.sink = sink
  }

  override open(): void | Promise<void> {
    this.writer = this.sink.createWriter(this.sinkContext())
    if (this.sink.writes !== 'committed') return
    this.held = new HeldBatches(this.context.operatorState.list('millrace.held', HELD))
    if (!this.context.isResumed) return this.takeOver(this.held)
  }

  override get wantsTurn(): boolean {
    return this.held?.isEmpty === false
  }

  override get recordsWanted(): number {
    if (this.held === undefined) return Number.POSITIVE_INFINITY
    if (this.held.isBehind) return 0
    if (this.msPerRecord === undefined) return RECORDS_FIRST
    return Math.max(1, Math.floor(WRITING_MS / this.msPerRecord))
  }

  override endBatch(): void | Promise<void> {
    return this.held === undefined ? super.endBatch() : this.writeDueFirst(this.held)
  }

  protected write(values: readonly unknown[], timestamps: readonly number[]): void | Promise<void> {
    const { held } = this
    const { turns } = this.context
    if (held !== undefined && turns !== undefined) {
      const { batchRecordsMax = BATCH_RECORDS_MAX } = this.sink
      const recordsMax = Math.max(batchRecordsMax, Math.ceil(values.length / BATCHES_MAX))
      held.add(turns.position(), recordsMax, () => this.nextStamp(), values, timestamps)
      return
    }
    this.begin(this.nextStamp())
    return this.writer!.write(values, timestamps)
  }

  override async prepareBarrier(_checkpointId: number): Promise<void> {
    await this.flush()
    this.held?.seal()
  }

  override async endTurn(): Promise<void> {
    await this.flush()
    this.held?.save()
  }

  override snapshot(_checkpointId: number): void {
    this.held?.save()
  }

  override async endOfInput(): Promise<void> {
    await this.flush()
  }

  override async close(): Promise<void> {
    await this.writer?.close?.()
  }

  private async flush(): Promise<void> {
    await this.endBatch()
    await this.attempt(() => this.writer!.flush?.())
  }

  /**
   * What the checkpoint held is due first thing: older than anything that this attempt will write, newer than what any other
   * wrote. Where there are no turns, there is nothing to wait for.
   */
  private async takeOver(held: HeldBatches): Promise<void> {
    const { turns } = this.context
    held.takeOver(
      turns?.position() ?? POSITION_BEFORE_ATTEMPT,
      (place) => this.stampOf(POSITION_BEFORE_ATTEMPT, place).version,
    )
    if (turns !== undefined) return
    for (let batch = held.first(); batch !== undefined; batch = held.first())
      await this.writeFirst(held, batch)
  }

  private async writeDueFirst(held: HeldBatches): Promise<void> {
    const { turns } = this.context
    if (turns !== undefined) await this.writeDue(held, turns)
    await super.endBatch()
  }

  /**
   * Batches of earlier turns, one after the other, in order, for as long as there is time. The first of a turn is tried whatever
   * time there is, and what is written stays written if a later one fails for a while: so that each turn gets on.
   */
  private async writeDue(held: HeldBatches, turns: Turns): Promise<void> {
    const position = turns.position()
    if (this.writing.position !== position) this.writing = { position, hasWritten: false, isOver: false }
    const { writing } = this
    const isDue = (batch: HeldBatch): boolean => batch.position < position
    for (;;) {
      const batch = held.first()
      if (batch === undefined || !isDue(batch) || writing.isOver) return
      const beganMs = turns.remainingMs()
      if (writing.hasWritten && beganMs < this.lastBatchMs) writing.isOver = true
      else {
        try {
          await this.writeFirst(held, batch)
          writing.hasWritten = true
          this.timed(beganMs - turns.remainingMs(), batch.values.length)
        } catch (cause) {
          if (!writing.hasWritten || !mayPass(cause)) throw cause
          writing.isOver = true
        }
      }
      if (writing.isOver) held.postpone(isDue)
    }
  }

  private timed(ms: number, records: number): void {
    this.lastBatchMs = ms
    this.msPerRecord = ms / records
  }

  private async writeFirst(held: HeldBatches, batch: HeldBatch): Promise<void> {
    const { stamp, values, timestamps } = batch
    this.begin(stamp)
    await this.attempt(() => this.writer!.write(values, timestamps))
    held.written(batch)
  }
}

function mayPass(cause: unknown): boolean {
  return causesOf(cause).find((one) => one instanceof PlatformFault)?.passes === true
}
