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
  /** It was due in an earlier turn, which had no time for it. */
  readonly overdue: boolean
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

  /** Whether there was no time for some of them when they were due. */
  get isBehind(): boolean {
    return this.batches[0]?.overdue === true
  }

  /** Fills the last batch, if it is of this turn, up to `recordsMax`, then new ones: for each, `stamp` is asked for. */
  add(
    position: number,
    recordsMax: number,
    stamp: () => BatchStamp,
    values: readonly unknown[],
    timestamps: readonly number[],
  ): void {
    const batches = [...this.batches]
    for (let from = 0; from < values.length;) {
      const last = batches.at(-1)
      const goesOn =
        last !== undefined && !last.sealed && last.position === position && last.values.length < recordsMax
      const to = from + recordsMax - (goesOn ? last.values.length : 0)
      const more = { values: values.slice(from, to), timestamps: timestamps.slice(from, to) }
      if (goesOn) {
        batches.pop()
        batches.push({
          ...last,
          values: [...last.values, ...more.values],
          timestamps: [...last.timestamps, ...more.timestamps],
        })
      } else batches.push({ stamp: stamp(), position, sealed: false, overdue: false, ...more })
      from = to
    }
    this.batches = batches
  }

  /**
   * At the beginning of an attempt, what the checkpoint held: a batch keeps its id, and is due in the first turn, at `position`,
   * under a version of this attempt, by its place.
   */
  takeOver(position: number, versionOf: (place: number) => string): void {
    this.batches = this.batches.map((batch, place) => ({
      ...batch,
      stamp: { id: batch.stamp.id, version: versionOf(place) },
      position: position - 1,
      sealed: true,
      overdue: false,
    }))
  }

  /** At a barrier: the checkpoint holds a batch as it stands. */
  seal(): void {
    this.batches = this.batches.map((batch) => ({ ...batch, sealed: true }))
  }

  first(): HeldBatch | undefined {
    return this.batches[0]
  }

  /** `batch`, the first, is written. */
  written(batch: HeldBatch): void {
    assert(this.batches[0] === batch, 'batches are written in order')
    this.batches = this.batches.slice(1)
  }

  /** There is no time for those that are due: they come before all others in the next turn. */
  postpone(isDue: (batch: HeldBatch) => boolean): void {
    this.batches = this.batches.map((batch) => (isDue(batch) ? { ...batch, overdue: true } : batch))
  }

  save(): void {
    this.state.update(this.batches)
  }
}
