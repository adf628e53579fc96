import type { KeyGroupRange } from '../../lib/model/key-groups.ts'
import { keyGroupRange } from '../../lib/model/key-groups.ts'
import type { Key } from '../../lib/model/keys.ts'
import type {
  KeyedDelta,
  KeyedStateBackend,
  KeyedStateBackendFactory,
  RestoredSegment,
} from '../../lib/state/keyed-backend.ts'
import type { StateHandles, StateSpec } from '../../lib/stream/state.ts'

export const MAX_PARALLELISM = 16

/** A backend under test, with typed handles and what it wrote so far. */
export class Subject<S extends StateSpec> {
  readonly backend: KeyedStateBackend
  readonly state: StateHandles<S>
  /** Every segment that a restore needs, oldest first. */
  readonly segments: RestoredSegment[] = []
  nowMs = 0

  constructor(backend: KeyedStateBackend) {
    this.backend = backend
    this.state = backend.handles as unknown as StateHandles<S>
    this.backend.setNow(0)
  }

  /** Makes `key` current. */
  at(key: Key): StateHandles<S> {
    this.backend.setCurrentKey(key)
    return this.state
  }

  /** Moves the clock, between two batches. */
  setNow(nowMs: number): void {
    this.nowMs = nowMs
    this.backend.endBatch()
    this.backend.setNow(nowMs)
  }

  /** Takes a snapshot, as at a barrier. */
  snapshot(): KeyedDelta | undefined {
    this.backend.endBatch()
    const delta = this.backend.snapshot()
    if (delta?.full === true) this.segments.length = 0
    if (delta !== undefined)
      this.segments.push({ name: `delta-${this.segments.length}`, bytes: delta.segment })
    return delta
  }

  fireAll(domain: 'event' | 'processing', upToMs: number = Infinity): [Key, number][] {
    const fired: [Key, number][] = []
    for (;;) {
      const timeMs = this.backend.popDueTimer(domain, upToMs)
      if (timeMs === undefined) return fired
      fired.push([this.backend.currentKey, timeMs])
    }
  }
}

export interface SubjectOptions {
  readonly parallelism?: number
  readonly subtaskIndex?: number
  readonly maxParallelism?: number
  readonly operatorUid?: string
}

/** Makes backends of one kind, and closes them all. */
export class SubjectMaker {
  readonly #factory: KeyedStateBackendFactory
  readonly #made: KeyedStateBackend[] = []

  constructor(factory: KeyedStateBackendFactory) {
    this.#factory = factory
  }

  make<S extends StateSpec>(spec: S, options: SubjectOptions = {}): Subject<S> {
    const {
      parallelism = 1,
      subtaskIndex = 0,
      maxParallelism = MAX_PARALLELISM,
      operatorUid = 'op',
    } = options
    const keyGroups: KeyGroupRange = keyGroupRange(maxParallelism, parallelism, subtaskIndex)
    const backend = this.#factory.create({ operatorUid, spec, maxParallelism, keyGroups })
    this.#made.push(backend)
    return new Subject<S>(backend)
  }

  /** A new backend that goes on from `segments`, by default with them as its own. */
  restore<S extends StateSpec>(
    spec: S,
    segments: readonly RestoredSegment[],
    options: SubjectOptions & { readonly onUnknownState?: 'refuse' | 'drop' } = {},
  ): Subject<S> {
    const subject = this.make(spec, options)
    subject.backend.restore(segments, options.onUnknownState ?? 'refuse')
    subject.segments.push(...segments)
    return subject
  }

  closeAll(): void {
    for (const backend of this.#made.splice(0)) backend.close()
  }
}
