import { createHash } from 'node:crypto'

/** What a partition took at one time. */
export interface SeenIds {
  /** By which it is forgotten. */
  readonly atMs: number
  /** Of {@link shortHash}. */
  readonly hashes: readonly string[]
}

/** What is remembered of what came in. */
export interface IdWindowBounds {
  readonly windowMs: number
  /** So many, the last ones, are not forgotten whatever their time. */
  readonly idsMin: number
  /** Beyond this the oldest are forgotten before their time. */
  readonly idsMax: number
}

/**
 * Repeats are removed for five minutes, as SQS does; and among the last 20,000 ids of a partition, which bounds what a cold
 * start reads to about 350 kB.
 */
export const ID_WINDOW: IdWindowBounds = { windowMs: 5 * 60_000, idsMin: 0, idsMax: 20_000 }

/** 96 bits of SHA-256: short however long the id, and unlike that of any other. */
export function shortHash(id: string): string {
  return createHash('sha256').update(id).digest('base64url').slice(0, 16)
}

/** The ids that a partition took lately. */
export class IdWindow {
  readonly #bounds: IdWindowBounds
  readonly #seen: SeenIds[] = []
  /** When each was seen last. */
  readonly #atMs = new Map<string, number>()

  constructor(bounds: IdWindowBounds, seen: readonly SeenIds[] = []) {
    this.#bounds = bounds
    for (const one of seen) this.add(one)
  }

  /** Whether it was received within the window that ends at `nowMs`, or after that. */
  has(hash: string, nowMs: number): boolean {
    const atMs = this.#atMs.get(hash)
    return atMs !== undefined && atMs > nowMs - this.#bounds.windowMs
  }

  /** Whether it is remembered, however long ago it was. */
  holds(hash: string): boolean {
    return this.#atMs.has(hash)
  }

  /** About in order of time. */
  add(seen: SeenIds): void {
    this.#seen.push(seen)
    for (const hash of seen.hashes) this.#atMs.set(hash, seen.atMs)
    const sinceMs = seen.atMs - this.#bounds.windowMs
    while (this.#seen.length > 1 && this.#isSpent(this.#seen[0]!, sinceMs)) this.remove(this.#seen[0]!)
  }

  /** Oldest first; plain data that makes the same window again. */
  get seen(): readonly SeenIds[] {
    return this.#seen.slice()
  }

  /** As if it had never been added. */
  remove(seen: SeenIds): void {
    const index = this.#seen.indexOf(seen)
    if (index === -1) return
    this.#seen.splice(index, 1)
    for (const hash of seen.hashes) if (this.#atMs.get(hash) === seen.atMs) this.#atMs.delete(hash)
  }

  #isSpent({ atMs, hashes }: SeenIds, sinceMs: number): boolean {
    const { idsMin, idsMax } = this.#bounds
    const { size } = this.#atMs
    return size > idsMax || (atMs <= sinceMs && size - hashes.length >= idsMin)
  }
}
