import { keyGroupRange } from '../../../../lib/model/key-groups.ts'
import { pack, unpack } from '../../../../lib/serverless/actor/packing.ts'
import {
  applyKeyed,
  decodeKeyed,
  emptyKeyedImage,
  encodeKeyed,
  type KeyedDelta,
  type KeyedImage,
} from '../../../../lib/serverless/state/keyed-image.ts'
import { materializeSome } from '../../../../lib/serverless/state/materialize.ts'
import type { OverlayBackend } from '../../../../lib/serverless/state/overlay-backend.ts'
import { overlayBackends, type OverlayBackends } from '../../../../lib/serverless/state/overlay-backends.ts'
import { RowMissing } from '../../../../lib/serverless/state/row-missing.ts'
import { TaskRows } from '../../../../lib/serverless/state/task-rows.ts'
import type { RowStore } from '../../../../lib/ports/row-store.ts'
import type {
  KeyedBackendOptions,
  KeyedStateBackend,
  TimerDomain,
} from '../../../../lib/state/keyed-backend.ts'
import type { StateSpec } from '../../../../lib/stream/state.ts'

export const UID = 'op'
export const NAMESPACE = 'run'
export const MAX_PARALLELISM = 4
export const KEY_GROUPS = keyGroupRange(MAX_PARALLELISM, 1, 0)

export function optionsOf(spec: StateSpec): KeyedBackendOptions {
  return { operatorUid: UID, spec, maxParallelism: MAX_PARALLELISM, keyGroups: KEY_GROUPS }
}

/** What a turn does with the state. May be called several times: only the last call counts. */
export type Work<T> = (backend: KeyedStateBackend) => T

/** Times of timers that fire, and a limit for how many rows one turn fetches for them. */
export interface Firing {
  readonly domain: TimerDomain
  readonly upToMs: number
  readonly limit: number
}

/** The log of one task: what is folded, and the deltas after it. Deltas and heads pass through bytes, as on their way. */
export class SimLog {
  attempt = 1
  folded: KeyedImage
  current: KeyedImage
  position: number
  foldedPosition: number
  #tail: { readonly position: number; readonly delta: Uint8Array }[] = []

  constructor(image: KeyedImage = emptyKeyedImage, position = 0) {
    this.folded = image
    this.current = image
    this.position = position
    this.foldedPosition = position
  }

  append(delta: KeyedDelta): void {
    this.position++
    this.#tail.push({ position: this.position, delta: pack(delta) })
    this.current = applyKeyed(this.current, delta, this.position)
  }

  foldTo(position: number): void {
    while (this.#tail.length > 0 && this.#tail[0]!.position <= position) {
      const { position: at, delta } = this.#tail.shift()!
      this.folded = applyKeyed(this.folded, unpack(delta) as KeyedDelta, at)
      this.foldedPosition = at
    }
  }

  /** What a process reads that knows nothing. */
  cold(): KeyedImage {
    let image = decodeKeyed(unpack(pack(encodeKeyed(this.folded))))
    for (const { position, delta } of this.#tail)
      image = applyKeyed(image, unpack(delta) as KeyedDelta, position)
    return image
  }

  /** A new attempt begins at `position`, which is not folded. */
  goBackTo(position: number): void {
    this.attempt++
    this.#tail = this.#tail.filter((item) => item.position <= position)
    this.position = position
    this.current = this.cold()
  }
}

/** One process that has turns of the task. */
export class SimProcess {
  readonly #store: RowStore
  readonly #namespace: string
  readonly #spec: StateSpec
  #attempt = 0
  #image: KeyedImage | undefined
  #position = -1
  rows: TaskRows
  #live: OverlayBackends | undefined
  /** How often a step was done again since a row was missing. */
  redone = 0

  constructor(store: RowStore, spec: StateSpec, namespace: string = NAMESPACE) {
    this.#store = store
    this.#namespace = namespace
    this.#spec = spec
    this.rows = this.#newRows()
  }

  get backend(): OverlayBackend | undefined {
    return this.#live?.of(UID)
  }

  /** Everything in memory is gone. */
  restart(): void {
    this.#image = undefined
    this.#live = undefined
    this.rows = this.#newRows()
  }

  /** One turn. Resolves to what `work` returned. */
  async turn<T>(
    log: SimLog,
    nowMs: number,
    keys: readonly string[],
    work: Work<T>,
    firing?: Firing,
  ): Promise<T> {
    this.#catchUp(log)
    for (let tries = 0; ; tries++) {
      if (tries > 1_000) throw new Error('A step is done again and again')
      const image = this.#image!
      await this.rows.fetchKeys(image, UID, keys)
      const backend = this.#liveBackend(image)
      backend.setNow(nowMs)
      if (firing !== undefined && backend.hasColdTimers(firing.domain, firing.upToMs)) {
        const { domain, upToMs, limit } = firing
        const due = await this.rows.fetchDueTimers(image, UID, KEY_GROUPS, domain, upToMs, limit)
        backend.warm(domain, due.keys, due.coldFromMs)
      }
      try {
        const result = work(backend)
        backend.endBatch()
        const changes = this.#live!.takeChanges()
        if (changes.length > 0) this.#commit(log, { rows: changes })
        return result
      } catch (fault) {
        if (!(fault instanceof RowMissing)) throw fault
        const { missing } = this.#live!
        this.#live = undefined
        this.redone++
        await this.rows.fetchMissing(image, missing!)
      }
    }
  }

  /** Writes a piece of what is folded; then a turn tells of it, unless the process dies before. */
  async materialize(log: SimLog, nowMs: number, rowsMax: number, commits: boolean): Promise<boolean> {
    this.#catchUp(log)
    const { folded, current } = log
    const { materializedThrough } = current
    const materialized = await materializeSome(
      this.#store,
      this.#namespace,
      { image: folded, materializedThrough },
      nowMs,
      rowsMax,
    )
    if (materialized === undefined || !commits) return false
    this.#commit(log, {
      rows: [],
      materialized: { ...materialized, raised: this.rows.raisedBounds(this.#image!) },
    })
    return true
  }

  #commit(log: SimLog, delta: KeyedDelta): void {
    log.append(delta)
    this.#image = log.current
    this.#position = log.position
    this.#live?.committed(log.current)
  }

  #catchUp(log: SimLog): void {
    if (this.#attempt !== log.attempt) this.restart()
    if (this.#image === undefined || this.#position !== log.position) {
      this.#live = undefined
      this.#image = this.#image === undefined ? log.cold() : log.current
    }
    this.#attempt = log.attempt
    this.#position = log.position
  }

  #liveBackend(image: KeyedImage): OverlayBackend {
    if (this.#live === undefined) {
      this.#live = overlayBackends({ image, rows: this.rows })
      this.#live.factory.create(optionsOf(this.#spec))
    }
    return this.#live.of(UID)!
  }

  #newRows(): TaskRows {
    return new TaskRows(this.#store, this.#namespace, MAX_PARALLELISM)
  }
}
