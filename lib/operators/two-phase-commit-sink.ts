import type { TwoPhaseCommitSink, TwoPhaseCommitter } from '../stream/sink.ts'
import { operatorListState, type ListState } from '../stream/state.ts'
import type { OperatorContext } from './operator.ts'
import { BatchingSinkOperator } from './sink-batch.ts'

const TRANSACTIONS = operatorListState<PreCommitted>()

interface PreCommitted {
  /** Undefined before its barrier. */
  readonly checkpointId: number | undefined
  readonly txn: unknown
}

/**
 * One transaction between two barriers. At the barrier it is pre-committed and becomes part of the checkpoint; when
 * that, or a later one, is complete, it is committed. A restored checkpoint's transactions are committed first thing:
 * the checkpoint was complete, only the news of it may have been lost.
 *
 * Where the runtime works in turns, each turn pre-commits what it wrote: transactions wait in the state for their
 * barrier, and, in an instance that takes over, for their checkpoint.
 */
export class TwoPhaseCommitSinkOperator extends BatchingSinkOperator {
  private readonly sink: TwoPhaseCommitSink<unknown, unknown>
  private committer!: TwoPhaseCommitter<unknown, unknown>
  private current: { readonly txn: unknown } | undefined
  /** Those before their barrier come last. */
  private preCommitted: PreCommitted[] = []
  /** How many of them, from the first, earlier turns left: those are part of the log, and those of this turn may be lost with it. */
  private logged = 0
  private state!: ListState<PreCommitted>

  constructor(context: OperatorContext, sink: TwoPhaseCommitSink<unknown, unknown>) {
    super(context)
    this.sink = sink
  }

  override async open(): Promise<void> {
    this.state = this.context.operatorState.list('millrace.transactions', TRANSACTIONS)
    this.committer = this.sink.createCommitter(this.sinkContext())
    this.preCommitted = [...this.state.get()]
    this.logged = this.preCommitted.length
    if (this.context.isResumed) return
    await this.commitUpTo(Number.POSITIVE_INFINITY)
    await this.attempt(() => this.committer.open?.())
  }

  protected async write(values: readonly unknown[], timestamps: readonly number[]): Promise<void> {
    this.begin(this.nextStamp())
    this.current ??= { txn: await this.committer.begin() }
    await this.committer.write(this.current.txn, values, timestamps)
  }

  override get wantsTurn(): boolean {
    return this.sink.commits === 'each-turn' && this.preCommitted.length > 0
  }

  override async endTurn(): Promise<void> {
    if (this.sink.commits === 'each-turn') while (this.logged > 0) await this.commitFirst()
    await this.preCommit(undefined)
    this.state.update(this.preCommitted)
    this.logged = this.preCommitted.length
  }

  override async prepareBarrier(checkpointId: number): Promise<void> {
    await this.preCommit(checkpointId)
    const first = this.preCommitted.findIndex((one) => one.checkpointId === undefined)
    if (first < 0) return
    const waiting = this.preCommitted.splice(first).map(({ txn }) => txn)
    // What is made of them is this turn's.
    this.logged = Math.min(this.logged, first)
    await this.attempt(() => {
      // One that earlier turns left may be committed already, by a turn that was lost: nothing may be added to it.
      const combined = this.sink.commits === 'each-turn' ? undefined : this.committer.combine?.(waiting)
      const transactions = combined === undefined ? waiting : [combined]
      this.preCommitted.push(...transactions.map((txn) => ({ checkpointId, txn })))
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

  /** `checkpointId` undefined: its barrier is still to come. */
  private async preCommit(checkpointId: number | undefined): Promise<void> {
    await this.endBatch()
    const { current } = this
    if (current === undefined) return
    await this.attempt(async () => {
      const txn = await this.committer.preCommit(current.txn)
      this.current = undefined
      this.preCommitted.push({ checkpointId, txn })
    })
  }

  /** An aborted checkpoint's transaction is still part of the stream: it goes with the next complete one. */
  private async commitUpTo(checkpointId: number): Promise<void> {
    for (;;) {
      const [first] = this.preCommitted
      if (first === undefined || (first.checkpointId ?? Number.POSITIVE_INFINITY) > checkpointId) return
      await this.commitFirst()
    }
  }

  private async commitFirst(): Promise<void> {
    await this.attempt(() => this.committer.commit(this.preCommitted[0]!.txn))
    this.preCommitted.shift()
    this.logged = Math.max(0, this.logged - 1)
  }
}
