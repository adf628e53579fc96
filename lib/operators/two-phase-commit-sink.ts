import type { TwoPhaseCommitSink, TwoPhaseCommitter } from '../stream/sink.ts'
import { operatorListState, type ListState } from '../stream/state.ts'
import type { OperatorContext } from './operator.ts'
import { BatchingSinkOperator } from './sink-batch.ts'

const TRANSACTIONS = operatorListState<PreCommitted>()

interface PreCommitted {
  readonly checkpointId: number
  readonly txn: unknown
}

/**
 * One transaction between two barriers. At the barrier it is pre-committed and becomes part of the checkpoint; when
 * that, or a later one, is complete, it is committed. A restored checkpoint's transactions are committed first thing:
 * the checkpoint was complete, only the news of it may have been lost.
 */
export class TwoPhaseCommitSinkOperator extends BatchingSinkOperator {
  private readonly sink: TwoPhaseCommitSink<unknown, unknown>
  private committer!: TwoPhaseCommitter<unknown, unknown>
  private current: { readonly txn: unknown } | undefined
  private preCommitted: PreCommitted[] = []
  private state!: ListState<PreCommitted>

  constructor(context: OperatorContext, sink: TwoPhaseCommitSink<unknown, unknown>) {
    super(context)
    this.sink = sink
  }

  override async open(): Promise<void> {
    this.state = this.context.operatorState.list('millrace.transactions', TRANSACTIONS)
    this.committer = this.sink.createCommitter(this.sinkContext())
    this.preCommitted = [...this.state.get()]
    await this.commitUpTo(Number.POSITIVE_INFINITY)
    await this.attempt(() => this.committer.open?.())
  }

  protected async write(values: readonly unknown[], timestamps: readonly number[]): Promise<void> {
    this.current ??= { txn: await this.committer.begin() }
    await this.committer.write(this.current.txn, values, timestamps)
  }

  override async prepareBarrier(checkpointId: number): Promise<void> {
    await this.endBatch()
    const { current } = this
    if (current === undefined) return
    await this.attempt(async () => {
      const txn = await this.committer.preCommit(current.txn)
      this.current = undefined
      this.preCommitted.push({ checkpointId, txn })
    })
  }

  override snapshot(_checkpointId: number): void {
    this.state.update(this.preCommitted)
  }

  override checkpointComplete(checkpointId: number): Promise<void> {
    return this.commitUpTo(checkpointId)
  }

  override async endOfInput(): Promise<void> {
    await this.endBatch()
  }

  /** What no checkpoint holds is aborted; what one holds is for the next attempt to commit. */
  override async close(): Promise<void> {
    const { current } = this
    this.current = undefined
    if (current !== undefined) await this.committer.abort(current.txn)
    await this.committer?.close?.()
  }

  /** An aborted checkpoint's transaction is still part of the stream: it goes with the next complete one. */
  private async commitUpTo(checkpointId: number): Promise<void> {
    while (this.preCommitted.length > 0 && this.preCommitted[0]!.checkpointId <= checkpointId) {
      const { txn } = this.preCommitted[0]!
      await this.attempt(() => this.committer.commit(txn))
      this.preCommitted.shift()
    }
  }
}
