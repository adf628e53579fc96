/** What a task does when a barrier arrives on a channel. */
export type BarrierOutcome =
  /** The last one: the checkpoint can be taken now. */
  | { readonly type: 'complete'; readonly alignmentMs: number }
  /** Others are still to come. */
  | { readonly type: 'waiting' }
  /** Of a checkpoint that was given up or overtaken. */
  | { readonly type: 'stale' }

/**
 * Tells when a task has barrier *n* from all its channels. In exactly-once mode a channel that has delivered its
 * barrier is blocked until then: nothing after the barrier is read from it (invariant 4, consistent cut). In
 * at-least-once mode no channel is blocked, and several checkpoints may be under way.
 */
export class BarrierAligner {
  private readonly channels: number
  private readonly exactlyOnce: boolean
  /** Ascending. Holds one at most in exactly-once mode. */
  private pending: {
    readonly checkpointId: number
    readonly arrived: Set<number>
    readonly startedAtMs: number
  }[] = []
  /** No checkpoint up to this one is waited for any more. */
  private settledId = 0

  constructor(channels: number, mode: 'exactly-once' | 'at-least-once') {
    this.channels = channels
    this.exactlyOnce = mode === 'exactly-once'
  }

  isBlocked(channel: number): boolean {
    return this.exactlyOnce && this.pending.length > 0 && this.pending[0]!.arrived.has(channel)
  }

  onBarrier(channel: number, checkpointId: number, nowMs: number): BarrierOutcome {
    if (checkpointId <= this.settledId) return { type: 'stale' }
    // A barrier of a newer checkpoint on a channel that owes an older one: the older was given up.
    if (this.exactlyOnce && this.pending.length > 0) {
      const current = this.pending[0]!.checkpointId
      if (checkpointId < current) return { type: 'stale' }
      if (checkpointId > current) this.settle(current)
    }
    let one = this.pending.find((candidate) => candidate.checkpointId === checkpointId)
    if (one === undefined) {
      one = { checkpointId, arrived: new Set(), startedAtMs: nowMs }
      this.pending.push(one)
      this.pending.sort((a, b) => a.checkpointId - b.checkpointId)
    }
    one.arrived.add(channel)
    if (one.arrived.size < this.channels) return { type: 'waiting' }
    this.settle(checkpointId)
    return { type: 'complete', alignmentMs: nowMs - one.startedAtMs }
  }

  /** The coordinator gave up `checkpointId`. */
  onAborted(checkpointId: number): void {
    this.pending = this.pending.filter((one) => one.checkpointId !== checkpointId)
    if (this.exactlyOnce) this.settledId = Math.max(this.settledId, checkpointId)
  }

  private settle(checkpointId: number): void {
    this.settledId = checkpointId
    this.pending = this.pending.filter((one) => one.checkpointId > checkpointId)
  }
}
