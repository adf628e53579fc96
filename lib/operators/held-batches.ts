import { assert } from '../model/faults.ts'
import type { ListState } from '../stream/state.ts'
import type { BatchStamp } from './sink-batch.ts'

/** Records that a sink has still to write, and the name they are written under, however often. Plain data. */
export interface HeldBatch {
  readonly stamp: BatchStamp
  /** Of the turn that brought them. */
  readonly position: number
  /** Nothing is added any more. */
  readonly sealed: boolean
  readonly values: readonly unknown[]
  readonly timestamps: readonly number[]
}

/**
 * What a sink holds until the turn that brought it is committed. Only then is it certain which records there are, in
 * which batches: whoever writes them, however often, writes the same (invariant 7, exactly-once).
 */
export class HeldBatches {
  private readonly state: ListState<HeldBatch>
  private batches: readonly HeldBatch[]

  constructor(state: ListState<HeldBatch>) {
    this.state = state
    this.batches = state.get()
  }

  get isEmpty(): boolean {
    return this.batches.length === 0
  }

  /** `stamp` is asked for if a new batch begins. */
  add(
    position: number,
    stamp: () => BatchStamp,
    values: readonly unknown[],
    timestamps: readonly number[],
  ): void {
    const last = this.batches.at(-1)
    const goesOn = last !== undefined && !last.sealed && last.position === position
    const batch = goesOn
      ? { ...last, values: [...last.values, ...values], timestamps: [...last.timestamps, ...timestamps] }
      : { stamp: stamp(), position, sealed: false, values, timestamps }
    this.batches = [...(goesOn ? this.batches.slice(0, -1) : this.batches), batch]
  }

  /** At a barrier: the checkpoint holds a batch as it stands. */
  seal(): void {
    this.batches = this.batches.map((batch) => ({ ...batch, sealed: true }))
  }

  /** The first batch, if `isDue` says so. */
  first(isDue: (batch: HeldBatch) => boolean): HeldBatch | undefined {
    const [first] = this.batches
    return first !== undefined && isDue(first) ? first : undefined
  }

  /** `batch`, the first, is written. */
  written(batch: HeldBatch): void {
    assert(this.batches[0] === batch, 'batches are written in order')
    this.batches = this.batches.slice(1)
  }

  save(): void {
    this.state.update(this.batches)
  }
}
