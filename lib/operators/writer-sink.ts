import { POSITION_BEFORE_ATTEMPT } from '../model/versions.ts'
import type { SinkWriter, WriterSink } from '../stream/sink.ts'
import { operatorListState } from '../stream/state.ts'
import { HeldBatches, type HeldBatch } from './held-batches.ts'
import type { OperatorContext } from './operator.ts'
import { BatchingSinkOperator } from './sink-batch.ts'

const HELD = operatorListState<HeldBatch>()

/**
 * Hands batches to a writer, and has it flush before each barrier and each commit of a turn. Where the runtime works in
 * turns, a sink that asks for it is given records only in the turn after the one that brought them.
 */
export class WriterSinkOperator extends BatchingSinkOperator {
  private readonly sink: WriterSink<unknown>
  private writer: SinkWriter<unknown> | undefined
  /** Of sinks that write what is committed. */
  private held: HeldBatches | undefined

  constructor(context: OperatorContext, sink: WriterSink<unknown>) {
    super(context)
    this.sink = sink
  }

  override open(): void | Promise<void> {
    this.writer = this.sink.createWriter(this.sinkContext())
    if (this.sink.writes !== 'committed') return
    this.held = new HeldBatches(this.context.operatorState.list('millrace.held', HELD))
    if (!this.context.isResumed) return this.writeRestored(this.held)
  }

  override get wantsTurn(): boolean {
    return this.held?.isEmpty === false
  }

  override endBatch(): void | Promise<void> {
    return this.held === undefined ? super.endBatch() : this.writeDueFirst(this.held)
  }

  protected write(values: readonly unknown[], timestamps: readonly number[]): void | Promise<void> {
    const { held } = this
    const { turns } = this.context
    if (held !== undefined && turns !== undefined) {
      held.add(turns.position(), () => this.nextStamp(), values, timestamps)
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

  /** What the checkpoint held: older than anything that this attempt will write, newer than what any other wrote. */
  private async writeRestored(held: HeldBatches): Promise<void> {
    for (let part = 0; !held.isEmpty; part++) {
      const { version } = this.stampOf(POSITION_BEFORE_ATTEMPT, part)
      await this.writeFirst(held, () => true, version)
    }
  }

  private async writeDueFirst(held: HeldBatches): Promise<void> {
    const { turns } = this.context
    const isDue = ({ position }: HeldBatch): boolean => turns !== undefined && position < turns.position()
    while (await this.writeFirst(held, isDue)) {
      // One after the other, in order.
    }
    await super.endBatch()
  }

  private async writeFirst(
    held: HeldBatches,
    isDue: (batch: HeldBatch) => boolean,
    version?: string,
  ): Promise<boolean> {
    const batch = held.first(isDue)
    if (batch === undefined) return false
    const { stamp, values, timestamps } = batch
    this.begin({ id: stamp.id, version: version ?? stamp.version })
    await this.attempt(() => this.writer!.write(values, timestamps))
    held.written(batch)
    return true
  }
}
