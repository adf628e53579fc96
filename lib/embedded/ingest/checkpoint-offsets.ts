import { readOffsets } from '../../connectors/ingest/read-offsets.ts'
import type { TaskSnapshot } from '../../task/task-snapshot.ts'

/** How far each partition of each ingest source was read, by checkpoint: what says which records are needed no more. */
export class CheckpointOffsets {
  readonly #sources: ReadonlySet<string>
  readonly #byCheckpoint = new Map<
    number,
    Map<string, { uid: string; partition: number; position: number }>
  >()

  constructor(sourceUids: Iterable<string>) {
    this.#sources = new Set(sourceUids)
  }

  note({ checkpointId, operators }: TaskSnapshot): void {
    for (const { uid, operatorState } of operators) {
      if (!this.#sources.has(uid)) continue
      const known = this.#byCheckpoint.get(checkpointId) ?? new Map<string, never>()
      this.#byCheckpoint.set(checkpointId, known)
      for (const { partition, position } of readOffsets(operatorState)) {
        known.set(`${uid}#${partition}`, { uid, partition, position })
      }
    }
  }

  /**
   * What the oldest checkpoint that is retained had read, if this process took it; those before it are forgotten, and so are
   * those that came to nothing.
   */
  retainedFrom(
    oldestId: number,
  ): readonly { readonly uid: string; readonly partition: number; readonly position: number }[] {
    for (const checkpointId of this.#byCheckpoint.keys())
      if (checkpointId < oldestId) this.#byCheckpoint.delete(checkpointId)
    return [...(this.#byCheckpoint.get(oldestId)?.values() ?? [])]
  }
}
