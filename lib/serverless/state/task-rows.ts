import { decodeKeyText, keyText } from '../../model/key-codec.ts'
import type { KeyGroupRange } from '../../model/key-groups.ts'
import { keyGroupOf } from '../../model/key-hash.ts'
import type { Key } from '../../model/keys.ts'
import { KEY_TEXT_CHARS_MAX, type IndexedTimer, type RowStore } from '../../ports/row-store.ts'
import type { TimerDomain } from '../../state/keyed-backend.ts'
import { decodeRow } from '../../state/rows/row-codec.ts'
import { StaleView } from '../actor/behaviour.ts'
import { CleanCache, type CleanRow } from './clean-cache.ts'
import { GroupTimers } from './due-timers.ts'
import { emptyKeyedImage, type KeyedImage } from './keyed-image.ts'
import { STATE_LIMITS } from './limits.ts'
import type { CleanRows } from './overlay-backend.ts'
import { rowKeyOf } from './row-key.ts'
import type { MissingRow } from './row-missing.ts'
import { earlier, type TimerBound } from './timer-bounds.ts'

/** Keys whose timers are due; their rows are in memory now. */
export interface DueTimers {
  readonly keys: readonly Key[]
  /**
   * Every timer of the store that is due before this is one of those keys', or of a key in the overlay; of those that are
   * due at this very time, some may not be. Undefined: there are no others.
   */
  readonly coldFromMs: number | undefined
}

interface Address {
  readonly keyGroup: number
  readonly rowKey: string
}

/**
 * The rows of the store that one process knows of one task, within one attempt: as they are stored ("clean"), or known not
 * to be. Bounded; what was not used for longest leaves between turns.
 *
 * A row here counts only where the overlay of the image has none. It is then the state of that row at the image's position:
 * whoever changes a row puts it into the overlay, and materialization alone takes it out of there. So rows that stay out of
 * the overlay from one image to a later one have not changed, and of those that leave it, the last image that was seen has
 * the very version that was stored. Only where the store was written through a position that this process has not seen,
 * other rows may have come and gone in between: then everything is forgotten.
 *
 * One for each attempt: another one may have gone back behind what this one saw.
 */
export class TaskRows implements CleanRows {
  readonly #store: RowStore
  readonly #namespace: string
  readonly #maxParallelism: number
  readonly #caches = new Map<string, CleanCache>()
  /** By domain and uid, then by key group. */
  #groups = new Map<string, Map<number, GroupTimers>>()
  /** By domain and uid: no timer is due before, as the last look found; undefined: there is none. */
  readonly #earliestMs = new Map<string, number | undefined>()
  #seen: KeyedImage = emptyKeyedImage
  /** Buckets missed in this turn, by state and key. */
  #misses = new Map<string, number>()
  /** Counts how often everything was forgotten. */
  #epoch = 0

  constructor(store: RowStore, namespace: string, maxParallelism: number) {
    this.#store = store
    this.#namespace = namespace
    this.#maxParallelism = maxParallelism
  }

  get(uid: string, rowKey: string): CleanRow | undefined {
    return this.#caches.get(uid)?.get(rowKey)
  }

  /** Makes `image`, a later one than the last, the one that all else refers to. Every fetch does this first. */
  see(image: KeyedImage): void {
    const last = this.#seen
    if (image === last) return
    this.#seen = image
    this.#misses = new Map()
    if (image.materializedThrough !== last.materializedThrough) this.#rowsWereStored(last, image)
    else if (image.overlay.position < last.overlay.position) this.#forgetAll()
    for (const cache of this.#caches.values()) cache.trim(STATE_LIMITS.cleanBytesMax)
  }

  /** Brings the rows of `keys` into memory, where they are not there or in the overlay. */
  async fetchKeys(image: KeyedImage, uid: string, keys: Iterable<Key>): Promise<void> {
    this.see(image)
    const wanted = new Map<string, Address>()
    for (const key of keys) {
      const rowKey = textOrNothing(key)
      if (rowKey === undefined || wanted.has(rowKey) || this.#has(uid, rowKey)) continue
      wanted.set(rowKey, { keyGroup: keyGroupOf(key, this.#maxParallelism), rowKey })
    }
    await this.#fetch(uid, [...wanted.values()])
  }

  /** Brings a row into memory that was missing; all buckets of a state where several of them were. */
  async fetchMissing(image: KeyedImage, missing: MissingRow): Promise<void> {
    this.see(image)
    const { uid, keyGroup, keyText: text } = missing
    if (missing.type === 'row') return this.#fetch(uid, [{ keyGroup, rowKey: text }])
    const { state, bucket, first, end } = missing
    const what = `${uid}\0${state}\0${text}`
    const misses = (this.#misses.get(what) ?? 0) + 1
    this.#misses.set(what, misses)
    const [from, to] = misses <= STATE_LIMITS.bucketMissesMax ? [bucket, bucket + 1] : [first, end]
    const buckets = Array.from({ length: to - from }, (_, i) => ({
      keyGroup,
      rowKey: rowKeyOf({ keyText: text, state, bucket: from + i }),
    }))
    await this.#fetch(
      uid,
      buckets.filter(({ rowKey }) => !this.#has(uid, rowKey)),
    )
  }

  /**
   * Finds keys with timers at or before `upToMs` and brings their rows into memory: those that are due first, about
   * `limit` of them. Cheap where none is due.
   */
  async fetchDueTimers(
    image: KeyedImage,
    uid: string,
    range: KeyGroupRange,
    domain: TimerDomain,
    upToMs: number,
    limit: number,
  ): Promise<DueTimers> {
    this.see(image)
    const name = `${domain}/${uid}`
    if (this.#earliestMs.has(name)) {
      const earliestMs = this.#earliestMs.get(name)
      if (earliestMs === undefined || earliestMs > upToMs) return { keys: [], coldFromMs: earliestMs }
    }
    const groups = [...this.#groupsOf(name, uid, range, domain).values()]
    for (;;) {
      await this.#readIndexes(uid, groups, upToMs, limit)
      const due = groups
        .flatMap((group) => group.due(upToMs).map((timer) => ({ group, timer })))
        .toSorted((a, b) => compareTimers(a.timer, b.timer))
      const taken = due.slice(0, limit)
      await this.#fetch(
        uid,
        taken
          .filter(({ timer }) => !this.#has(uid, timer.rowKey))
          .map(({ group, timer }) => ({ keyGroup: group.partition.keyGroup, rowKey: timer.rowKey })),
      )
      if (await this.#forgetStale(uid, taken)) continue
      this.#earliestMs.set(
        name,
        groups.reduce<number | undefined>((least, group) => earlier(least, group.earliestMs), undefined),
      )
      return {
        keys: taken.map(({ timer }) => decodeKeyText(timer.rowKey)),
        coldFromMs: groups.reduce(
          (least, group) => earlier(least, earlier(group.firstAfter(upToMs), group.horizonMs)),
          due[limit]?.timer.timeMs,
        ),
      }
    }
  }

  /** What reads found of the bounds of `image`, to be logged where that is cheap. */
  raisedBounds(image: KeyedImage): readonly TimerBound[] {
    this.see(image)
    const raised: TimerBound[] = []
    for (const groups of this.#groups.values()) {
      for (const { partition, domain, earliestMs } of groups.values()) {
        const { operatorUid: uid, keyGroup } = partition
        const boundMs = image.bounds.get(uid, domain, keyGroup)
        if (boundMs === undefined || earliestMs === boundMs) continue
        raised.push([uid, domain, keyGroup, earliestMs ?? null])
      }
    }
    return raised
  }

  #rowsWereStored(last: KeyedImage, image: KeyedImage): void {
    // The index has changed.
    this.#groups = new Map()
    this.#earliestMs.clear()
    const { materializedThrough } = image
    if (materializedThrough < last.materializedThrough || materializedThrough > last.overlay.position) {
      this.#forgetAll()
      return
    }
    for (const [uid, row] of last.overlay.changed(last.materializedThrough, materializedThrough)) {
      if (image.overlay.get(uid, row.rowKey) === undefined) this.#cacheOf(uid).put(row.rowKey, row.payload)
    }
  }

  #forgetAll(): void {
    this.#epoch++
    this.#caches.clear()
    this.#groups = new Map()
    this.#earliestMs.clear()
  }

  #has(uid: string, rowKey: string): boolean {
    return this.#seen.overlay.get(uid, rowKey) !== undefined || this.get(uid, rowKey) !== undefined
  }

  /** Only for rows that are not in the overlay. */
  async #fetch(uid: string, addresses: readonly Address[]): Promise<void> {
    if (addresses.length === 0) return
    const image = this.#seen
    const epoch = this.#epoch
    const rows = await this.#store.get(
      addresses.map(({ keyGroup, rowKey }) => ({ partition: this.#partition(uid, keyGroup), rowKey })),
    )
    if (image !== this.#seen || epoch !== this.#epoch)
      throw new StaleView('The rows were fetched for another state')
    const cache = this.#cacheOf(uid)
    addresses.forEach(({ rowKey }, i) => {
      const row = rows[i]
      // It has left the overlay of a later state than this one.
      if (row !== undefined && row.position > image.materializedThrough)
        throw new StaleView(`Row ${rowKey} of '${uid}' reflects position ${row.position}`)
      cache.put(rowKey, row?.payload)
    })
  }

  async #readIndexes(
    uid: string,
    groups: readonly GroupTimers[],
    upToMs: number,
    count: number,
  ): Promise<void> {
    const { overlay } = this.#seen
    const isOfUse = ({ rowKey }: IndexedTimer): boolean => overlay.get(uid, rowKey) === undefined
    for (const group of groups) group.keep(isOfUse)
    const short = groups.filter((group) => group.isShort(upToMs))
    for (let at = 0; at < short.length; at += STATE_LIMITS.indexReadsAtOnce) {
      await Promise.all(
        short
          .slice(at, at + STATE_LIMITS.indexReadsAtOnce)
          .map((group) => group.read(this.#store, upToMs, count, isOfUse)),
      )
    }
  }

  /** Forgets entries whose row has another earliest timer, or is gone: they are left from an earlier version of it. */
  async #forgetStale(
    uid: string,
    taken: readonly { readonly group: GroupTimers; readonly timer: IndexedTimer }[],
  ): Promise<boolean> {
    const stale = new Map<GroupTimers, IndexedTimer[]>()
    for (const { group, timer } of taken) {
      const { payload } = this.get(uid, timer.rowKey)!
      if (payload !== undefined && earliestTimerMs(payload, group.domain) === timer.timeMs) continue
      const ofGroup = stale.get(group)
      if (ofGroup === undefined) stale.set(group, [timer])
      else ofGroup.push(timer)
    }
    const { materializedThrough } = this.#seen
    for (const [group, timers] of stale) {
      // The entry of a later position comes before its row: whoever sees the one and not yet the other must leave it.
      const passed = new Set(timers.filter(({ position }) => position > materializedThrough))
      group.keep((timer) => !passed.has(timer))
      const gone = timers.filter((timer) => !passed.has(timer))
      if (gone.length > 0) await group.forget(this.#store, gone)
    }
    return stale.size > 0
  }

  #groupsOf(
    name: string,
    uid: string,
    range: KeyGroupRange,
    domain: TimerDomain,
  ): ReadonlyMap<number, GroupTimers> {
    let groups = this.#groups.get(name)
    if (groups !== undefined) return groups
    groups = new Map()
    this.#groups.set(name, groups)
    for (let keyGroup: number = range.first; keyGroup <= range.last; keyGroup++) {
      const boundMs = this.#seen.bounds.get(uid, domain, keyGroup)
      if (boundMs === undefined) continue
      groups.set(keyGroup, new GroupTimers(this.#partition(uid, keyGroup), domain, boundMs))
    }
    return groups
  }

  #cacheOf(uid: string): CleanCache {
    let cache = this.#caches.get(uid)
    if (cache === undefined) this.#caches.set(uid, (cache = new CleanCache()))
    return cache
  }

  #partition(uid: string, keyGroup: number): { namespace: string; operatorUid: string; keyGroup: number } {
    return { namespace: this.#namespace, operatorUid: uid, keyGroup }
  }
}

/** What is no key, or too long a one, is refused where its record is processed: there the fault says which. */
function textOrNothing(key: Key): string | undefined {
  try {
    const text = keyText(key)
    return text.length <= KEY_TEXT_CHARS_MAX ? text : undefined
  } catch {
    return undefined
  }
}

function earliestTimerMs(payload: Uint8Array, domain: TimerDomain): number | undefined {
  const { eventTimersMs, processingTimersMs } = decodeRow(payload)
  return domain === 'event' ? eventTimersMs[0] : processingTimersMs[0]
}

function compareTimers(a: IndexedTimer, b: IndexedTimer): number {
  if (a.timeMs !== b.timeMs) return a.timeMs < b.timeMs ? -1 : 1
  return a.rowKey < b.rowKey ? -1 : 1
}
