/** What a task does when a barrier arrives on a channel. */
export type BarrierOutcome =
  /** The last one: the checkpoint can be taken now. */
  | { readonly type: 'complete'; readonly alignmentMs: number }
  /** Others are still to come. */
  | { readonly type: 'waiting' }
  /** Of a checkpoint that was given up or overtaken. */
  | { readonly type: 'stale' }

interface Alignment {
  readonly checkpointId: number
  readonly arrived: Set<number>
  readonly startedAtMs: number
}

/** All that an aligner knows. Plain data. */
export interface AlignerProgress {
  readonly lastIds: readonly number[]
  readonly pending: readonly {
    readonly checkpointId: number
    readonly arrived: readonly number[]
    readonly startedAtMs: number
  }[]
  readonly settledId: number
  readonly aborted: readonly number[]
}

/**
 * Tells when a task has barrier *n* from all its channels. In exactly-once mode a channel that has delivered its
 * barrier is blocked until then: nothing after the barrier is read from it (invariant 4, consistent cut). In
 * at-least-once mode no channel is blocked, and several checkpoints may be under way. Each channel delivers its
 * barriers in ascending order.
 */
export class BarrierAligner {
  private readonly exactlyOnce: boolean
  /** The last barrier of each channel. */
  private readonly lastIds: number[]
  /** Ascending. Holds one at most in exactly-once mode. */
  private pending: Alignment[] = []
  /** No checkpoint up to this one is waited for any more. */
  private settledId = 0
  /** Given up, while barriers of theirs or of earlier ones may still come. */
  private readonly aborted = new Set<number>()

  constructor(channels: number, mode: 'exactly-once' | 'at-least-once', progress?: AlignerProgress) {
    this.lastIds = Array.from({ length: channels }, (_, channel) => progress?.lastIds[channel] ?? 0)
    this.exactlyOnce = mode === 'exactly-once'
    if (progress === undefined) return
    this.pending = progress.pending.map((one) => ({ ...one, arrived: new Set(one.arrived) }))
    this.settledId = progress.settledId
    for (const checkpointId of progress.aborted) this.aborted.add(checkpointId)
  }

  get progress(): AlignerProgress {
    return {
      lastIds: [...this.lastIds],
      pending: this.pending.map((one) => ({ ...one, arrived: [...one.arrived] })),
      settledId: this.settledId,
      aborted: [...this.aborted],
    }
  }

  isBlocked(channel: number): boolean {
    return this.exactlyOnce && this.pending.length > 0 && this.pending[0]!.arrived.has(channel)
  }

  /** A barrier that is not aligned is the last one: none of the others is waited for. */
  onBarrier(channel: number, checkpointId: number, nowMs: number, isUnaligned = false): BarrierOutcome {
    this.lastIds[channel] = checkpointId
    const outcome = isUnaligned
      ? this.overtake(checkpointId, nowMs)
      : this.align(channel, checkpointId, nowMs)
    if (this.aborted.size > 0) this.forgetAborted()
    return outcome
  }

  /** The checkpoint is to be taken now, whatever barriers are still to come; `stale` if it was, or was given up. */
  overtake(checkpointId: number, nowMs: number): BarrierOutcome {
    if (checkpointId <= this.settledId || this.aborted.has(checkpointId)) return { type: 'stale' }
    const alignment = this.pending.find((one) => one.checkpointId === checkpointId)
    this.settle(checkpointId)
    return { type: 'complete', alignmentMs: alignment === undefined ? 0 : nowMs - alignment.startedAtMs }
  }

  /** The coordinator gave up `checkpointId`: the channels that wait for it go on. Others are aligned as before. */
  onAborted(checkpointId: number): void {
    this.pending = this.pending.filter((one) => one.checkpointId !== checkpointId)
    this.aborted.add(checkpointId)
    this.forgetAborted()
  }

  private align(channel: number, checkpointId: number, nowMs: number): BarrierOutcome {
    if (checkpointId <= this.settledId || this.aborted.has(checkpointId)) return { type: 'stale' }
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
    if (one.arrived.size < this.lastIds.length) return { type: 'waiting' }
    this.settle(checkpointId)
    return { type: 'complete', alignmentMs: nowMs - one.startedAtMs }
  }

  private settle(checkpointId: number): void {
    this.settledId = checkpointId
    this.pending = this.pending.filter((one) => one.checkpointId > checkpointId)
  }

  /** What every channel has passed cannot come again. */
  private forgetAborted(): void {
    const passedId = Math.max(this.settledId, Math.min(...this.lastIds))
    for (const checkpointId of this.aborted) {
      if (checkpointId <= passedId) this.aborted.delete(checkpointId)
    }
  }
}
