import type { IndexedTimer, RowPartition, RowStore } from '../../ports/row-store.ts'
import type { TimerDomain } from '../../state/keyed-backend.ts'
import { STATE_LIMITS } from './limits.ts'
import { earlier } from './timer-bounds.ts'

/** Whether an entry may name a timer that nobody knows yet. */
export type IsOfUse = (timer: IndexedTimer) => boolean

/**
 * The index of timers of one key group and domain, as far as it was read. It changes only by materialization: until then
 * what was read need not be read again.
 */
export class GroupTimers {
  readonly partition: RowPartition
  readonly domain: TimerDomain
  /** Ascending: the entries before the horizon, and some of those at it, but for those that are known to be of no use. */
  #entries: readonly IndexedTimer[] = []
  #horizonMs: number | undefined
  /** Entries of the index that were read last. */
  #read = 0

  /** `boundMs`: the index has nothing of use before it. */
  constructor(partition: RowPartition, domain: TimerDomain, boundMs: number) {
    this.partition = partition
    this.domain = domain
    this.#horizonMs = boundMs
  }

  /** Entries that were not read are at this time or later; undefined: all were read. */
  get horizonMs(): number | undefined {
    return this.#horizonMs
  }

  /** No timer that is of use is due before; undefined: there is none. */
  get earliestMs(): number | undefined {
    return earlier(this.#entries[0]?.timeMs, this.#horizonMs)
  }

  /** Whether there may be entries at or before `upToMs` that were not read. */
  isShort(upToMs: number): boolean {
    return this.#horizonMs !== undefined && this.#horizonMs <= upToMs
  }

  due(upToMs: number): readonly IndexedTimer[] {
    const end = this.#entries.findIndex(({ timeMs }) => timeMs > upToMs)
    return end < 0 ? this.#entries : this.#entries.slice(0, end)
  }

  /** The time of the first entry after `upToMs`. */
  firstAfter(upToMs: number): number | undefined {
    return this.#entries.find(({ timeMs }) => timeMs > upToMs)?.timeMs
  }

  /**
   * Reads until `count` entries at or before `upToMs` are of use, or there are no more. The index is always read from its
   * beginning: so each read asks for twice as much as the last.
   */
  async read(store: RowStore, upToMs: number, count: number, isOfUse: IsOfUse): Promise<void> {
    while (this.isShort(upToMs) && this.due(upToMs).length < count) {
      const limit = Math.max(STATE_LIMITS.indexReadMin, count, this.#read * 2)
      const { timers, nextMs } = await store.timers(this.partition, this.domain, upToMs, limit)
      this.#read = timers.length
      this.#entries = timers.filter(isOfUse)
      this.#horizonMs = nextMs
    }
  }

  keep(isOfUse: IsOfUse): void {
    if (!this.#entries.every(isOfUse)) this.#entries = this.#entries.filter(isOfUse)
  }

  /** These name no timer: forgets them, here and in the store. */
  async forget(store: RowStore, stale: readonly IndexedTimer[]): Promise<void> {
    await store.forgetTimers(this.partition, this.domain, stale)
    const gone = new Set(stale)
    this.keep((timer) => !gone.has(timer))
  }
}
