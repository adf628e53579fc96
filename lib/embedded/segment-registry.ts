import { stretchesOf, type CheckpointRecord, type Stretch } from '../checkpoint/checkpoint-record.ts'

/**
 * Knows which segments of this run, and blobs of what was under way, anything still needs: a retained checkpoint, one under way, or the state as it is
 * now. What nothing needs can go (invariant 11, bounds); what a crash leaves is swept at the next start.
 */
export class SegmentRegistry {
  private readonly known = new Set<string>()
  /** By retained checkpoint. */
  private readonly retained = new Map<number, ReadonlySet<string>>()
  /** By checkpoint under way. */
  private readonly underWay = new Map<number, Set<string>>()

  /** A segment was made durable. */
  written(handle: Stretch): void {
    this.known.add(handle.blob)
  }

  /** A checkpoint of before this process is retained. */
  adopted(checkpointId: number, handles: readonly Stretch[]): void {
    const blobs = new Set(handles.map(({ blob }) => blob))
    for (const blob of blobs) this.known.add(blob)
    this.retained.set(checkpointId, blobs)
  }

  /** A task's part of `checkpointId` refers to these segments. */
  referred(checkpointId: number, handles: readonly Stretch[]): void {
    const blobs = this.underWay.get(checkpointId) ?? new Set()
    for (const { blob } of handles) blobs.add(blob)
    this.underWay.set(checkpointId, blobs)
  }

  /** A checkpoint is complete: none before it will be any more. */
  stored(checkpointId: number, record: CheckpointRecord): void {
    this.retained.set(checkpointId, new Set(stretchesOf(record).map(({ blob }) => blob)))
    for (const id of this.underWay.keys()) if (id <= checkpointId) this.underWay.delete(id)
  }

  /** No checkpoint is under way, nor will be. */
  ended(): void {
    this.underWay.clear()
  }

  discarded(checkpointId: number): void {
    this.retained.delete(checkpointId)
  }

  /** The retained checkpoints that are not among `kept`. */
  retainedBut(kept: readonly number[]): number[] {
    return [...this.retained.keys()].filter((checkpointId) => !kept.includes(checkpointId))
  }

  /** The segments that nothing needs; they are forgotten. `current`: those that the state now consists of. */
  takeUnused(current: readonly Stretch[]): string[] {
    const needed = new Set(current.map(({ blob }) => blob))
    for (const blobs of [...this.retained.values(), ...this.underWay.values()]) {
      for (const blob of blobs) needed.add(blob)
    }
    const unused = [...this.known].filter((blob) => !needed.has(blob))
    for (const blob of unused) this.known.delete(blob)
    return unused
  }
}
