import type { SinkWriter, WriterSink } from '../stream/sink.ts'
import type { OperatorContext } from './operator.ts'
import { BatchingSinkOperator } from './sink-batch.ts'

/** Hands batches to a writer, and has it flush before each barrier. */
export class WriterSinkOperator extends BatchingSinkOperator {
  private readonly sink: WriterSink<unknown>
  private writer: SinkWriter<unknown> | undefined

  constructor(context: OperatorContext, sink: WriterSink<unknown>) {
    super(context)
    this.sink = sink
  }

  override open(): void {
    this.writer = this.sink.createWriter(this.sinkContext())
  }

  protected write(values: readonly unknown[], timestamps: readonly number[]): void | Promise<void> {
    return this.writer!.write(values, timestamps)
  }

  override async prepareBarrier(_checkpointId: number): Promise<void> {
    await this.flush()
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
}
