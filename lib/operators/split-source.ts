import type { ReadStatus, SourceReader, SplitSource } from '../stream/source.ts'
import { operatorListState, type ListState } from '../stream/state.ts'
import type { OperatorContext } from './operator.ts'
import { SourceOperator } from './source.ts'

/** The operator state that holds a source's splits. */
export const SPLITS_STATE = 'millrace.splits'
const SPLITS = operatorListState<unknown>()
/** Every subtask is given all splits, and takes its own. */
const NUMBERED_SPLITS = operatorListState<unknown>({ redistribution: 'union' })

/** Reads splits; the splits with their positions are its operator state. */
export class SplitSourceOperator extends SourceOperator {
  private readonly source: SplitSource<unknown, unknown>
  private reader!: SourceReader<unknown, unknown>
  private splits!: ListState<unknown>

  constructor(context: OperatorContext, source: SplitSource<unknown, unknown>) {
    super(context)
    this.source = source
  }

  override async open(): Promise<void> {
    const { context, source } = this
    const descriptor = source.splitNumber === undefined ? SPLITS : NUMBERED_SPLITS
    this.splits = context.operatorState.list(SPLITS_STATE, descriptor)
    const own = context.isRestored ? this.restoredSplits() : await this.freshSplits()
    this.reader = this.source.createReader({
      ...this.runtimeContext(),
      now: () => context.now(),
      wakeUp: () => context.wakeUp(),
      ingest: context.ingest,
    })
    await this.reader.open(own)
  }

  readNext(recordsMax: number): ReadStatus | Promise<ReadStatus> {
    return this.reader.read(this, recordsMax)
  }

  protected position(): string | undefined {
    return this.reader.position?.()
  }

  override snapshot(_checkpointId: number): void {
    this.splits.update(this.reader.snapshot())
  }

  override async close(): Promise<void> {
    await this.reader?.close?.()
  }

  private restoredSplits(): readonly unknown[] {
    const { subtaskIndex, parallelism } = this.context
    const { source } = this
    const splits = this.splits.get()
    if (source.splitNumber === undefined) return splits
    return splits.filter((split) => source.splitNumber!(split) % parallelism === subtaskIndex)
  }

  private async freshSplits(): Promise<readonly unknown[]> {
    const { subtaskIndex, parallelism } = this.context
    const all = await this.context.enumerateSplits(this.source)
    return all.filter((_, index) => index % parallelism === subtaskIndex)
  }
}
