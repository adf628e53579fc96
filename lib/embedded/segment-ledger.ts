import { chooseRun } from '../checkpoint/compaction.ts'
import type { SegmentHandle } from '../checkpoint/checkpoint-record.ts'
import type { KeyGroupRange } from '../model/key-groups.ts'
import type { KeyedDelta, RestoredSegment } from '../state/keyed-backend.ts'
import { mergeSegments, mergeSegmentsInSlices } from '../state/segment/merge-segments.ts'
import { nextTurn } from './event-loop.ts'

/** Changes kept apart while they cannot be written; beyond, they are merged. */
const UNSAVED_MAX = 8

/**
 * The segments that one operator's keyed state in one task consists of, oldest first: each checkpoint adds what
 * changed. Runs of small ones are merged on the side, so that their number and a restore stay bounded, while what a
 * checkpoint writes follows what changed.
 */
export class SegmentLedger {
  private handles: readonly SegmentHandle[]
  /** Changes that could not be written: they go with the next checkpoint. */
  private unsaved: KeyedDelta[] = []
  private readonly parts: LedgerParts
  private checkpointId = 0
  private merging: Promise<void> | undefined
  private closed = false

  constructor(restored: readonly SegmentHandle[], parts: LedgerParts) {
    this.handles = restored
    this.parts = parts
  }

  /** All that the state now consists of. */
  get segments(): readonly SegmentHandle[] {
    return this.handles
  }

  /** Makes `delta`, of checkpoint `checkpointId`, durable; resolves to all segments then, and the bytes written. */
  async add(delta: KeyedDelta | undefined, checkpointId: number): Promise<LedgerState> {
    this.checkpointId = checkpointId
    if (delta !== undefined) this.keep(delta)
    let bytes = 0
    while (this.unsaved.length > 0) {
      const next = this.unsaved[0]!
      const handle = await this.parts.put(next, checkpointId)
      this.unsaved.shift()
      this.handles = next.full ? [handle] : [...this.handles, handle]
      this.parts.onWritten(handle)
      bytes += handle.lengthBytes
    }
    const segments = this.handles
    this.parts.onReferred(checkpointId, segments)
    this.compact()
    return { segments, bytes }
  }

  /** What waits for a disk with room stays in the order of what changed, however long it waits. */
  private keep(delta: KeyedDelta): void {
    this.unsaved = delta.full ? [delta] : [...this.unsaved, delta]
    if (this.unsaved.length <= UNSAVED_MAX) return
    const full = this.unsaved[0]!.full
    const segments = this.unsaved.map(({ segment }, index) => ({ name: `unsaved ${index}`, bytes: segment }))
    this.unsaved = [
      {
        segment: mergeSegments(segments, { dropTombstones: full }),
        rows: this.unsaved.reduce((sum, one) => sum + one.rows, 0),
        keyGroups: spanOf(this.unsaved),
        full,
      },
    ]
  }

  /** Lets a merge under way come to its end; begins no other. */
  async close(): Promise<void> {
    this.closed = true
    await this.merging
  }

  private compact(): void {
    if (this.merging !== undefined || this.closed) return
    const run = chooseRun(this.handles.map((handle) => handle.lengthBytes))
    if (run === undefined) return
    this.merging = this.merge(run.from, this.handles.slice(run.from, run.to))
      .catch((cause: unknown) => this.parts.onWarning(cause))
      .finally(() => (this.merging = undefined))
  }

  private async merge(from: number, run: readonly SegmentHandle[]): Promise<void> {
    const segments = await Promise.all(run.map((handle) => this.parts.read(handle)))
    const slices = mergeSegmentsInSlices(segments, { dropTombstones: from === 0, nowMs: this.parts.now() })
    let slice = slices.next()
    while (slice.done !== true) {
      if (this.closed) return
      await nextTurn()
      slice = slices.next()
    }
    const rows = run.reduce((sum, handle) => sum + handle.rows, 0)
    const delta = { segment: slice.value, rows, keyGroups: spanOf(run), full: from === 0 }
    const merged = await this.parts.put(delta, this.checkpointId + 1)
    // Unless a full snapshot meanwhile replaced what was merged.
    if (this.handles[from] === run[0])
      this.handles = [...this.handles.slice(0, from), merged, ...this.handles.slice(from + run.length)]
    this.parts.onWritten(merged)
  }
}

export interface LedgerState {
  readonly segments: readonly SegmentHandle[]
  readonly bytes: number
}

export interface LedgerParts {
  /** Makes a segment durable; `checkpointId` is the first checkpoint that may refer to it. */
  put(segment: KeyedDelta, checkpointId: number): Promise<SegmentHandle>
  /**
   * A segment is durable, and among `segments` if it is needed. Told at once, before anybody can ask what is needed:
   * as is the next.
   */
  onWritten(handle: SegmentHandle): void
  /** Checkpoint `checkpointId` will refer to these, whatever they are merged into meanwhile. */
  onReferred(checkpointId: number, segments: readonly SegmentHandle[]): void
  read(handle: SegmentHandle): Promise<RestoredSegment>
  /** Processing time in epoch milliseconds. */
  now(): number
  /** A merge failed: nothing is lost, it is tried again after the next checkpoint. */
  onWarning(cause: unknown): void
}

function spanOf(run: readonly Pick<SegmentHandle, 'keyGroups'>[]): KeyGroupRange {
  return {
    first: Math.min(...run.map((handle) => handle.keyGroups.first)) as KeyGroupRange['first'],
    last: Math.max(...run.map((handle) => handle.keyGroups.last)) as KeyGroupRange['last'],
  }
}
