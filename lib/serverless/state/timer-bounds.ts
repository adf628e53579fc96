import type { KeyGroupRange } from '../../model/key-groups.ts'
import { inRange } from '../../model/key-groups.ts'
import type { TimerDomain } from '../../state/keyed-backend.ts'

/** A bound of one key group: no timer in the rows of the store is due before `timeMs`; null: there is none at all. */
export type TimerBound = readonly [uid: string, domain: TimerDomain, keyGroup: number, timeMs: number | null]

/** The same where nobody knows: any timer may be there. */
const UNKNOWN_MS = Number.NEGATIVE_INFINITY

/**
 * For each key group: before which time no materialized timer is due. Timers of rows in the overlay do not count: they are
 * known. So a task that has none of its rows in memory knows whether to look for timers, and where, without a scan.
 *
 * Materialization lowers a bound, as it adds timers. Reads raise it: what they find is handled, and then in the overlay.
 */
export class TimerBounds {
  /** Nothing was ever materialized. */
  static readonly none: TimerBounds = new TimerBounds(null, new Map())
  /** Others materialized rows of these key groups: look everywhere once. */
  static readonly unknown: TimerBounds = new TimerBounds(UNKNOWN_MS, new Map())

  /** Of key groups that nothing is said of. */
  readonly #rest: number | null
  /** By domain and uid, then by key group. */
  readonly #bounds: ReadonlyMap<string, ReadonlyMap<number, number | null>>

  private constructor(rest: number | null, bounds: ReadonlyMap<string, ReadonlyMap<number, number | null>>) {
    this.#rest = rest
    this.#bounds = bounds
  }

  /** Undefined: there is no timer. */
  get(uid: string, domain: TimerDomain, keyGroup: number): number | undefined {
    const bound = this.#bounds.get(nameOf(uid, domain))?.get(keyGroup)
    return (bound === undefined ? this.#rest : bound) ?? undefined
  }

  /** The least bound of the key groups in `range`. */
  earliest(uid: string, domain: TimerDomain, range: KeyGroupRange): number | undefined {
    const bounds = this.#bounds.get(nameOf(uid, domain))
    let told = 0
    let least: number | undefined
    for (const [keyGroup, bound] of bounds ?? []) {
      if (!inRange(range, keyGroup)) continue
      told++
      if (bound !== null) least = earlier(least, bound)
    }
    const isTold = told === range.last - range.first + 1
    return isTold || this.#rest === null ? least : this.#rest
  }

  raised(bounds: readonly TimerBound[]): TimerBounds {
    return this.#changed(bounds, (now, found) =>
      now === undefined || found === null ? undefined : Math.max(now, found),
    )
  }

  lowered(bounds: readonly TimerBound[]): TimerBounds {
    return this.#changed(bounds, (now, added) => (added === null ? now : earlier(now, added)))
  }

  /** Plain data. */
  encode(): readonly [isKnown: boolean, bounds: readonly TimerBound[]] {
    const bounds = [...this.#bounds].flatMap(([name, ofName]) => {
      const [domain, uid] = partsOf(name)
      return Array.from(ofName, ([keyGroup, timeMs]): TimerBound => [uid, domain, keyGroup, timeMs])
    })
    return [this.#rest === null, bounds]
  }

  static decode(encoded: unknown): TimerBounds {
    const [isKnown, bounds] = encoded as ReturnType<TimerBounds['encode']>
    const base = isKnown ? TimerBounds.none : TimerBounds.unknown
    return base.#changed(bounds, (_now, timeMs) => timeMs ?? undefined)
  }

  #changed(
    changes: readonly TimerBound[],
    change: (now: number | undefined, by: number | null) => number | undefined,
  ): TimerBounds {
    if (changes.length === 0) return this
    const all = new Map(this.#bounds)
    const fresh = new Map<string, Map<number, number | null>>()
    for (const [uid, domain, keyGroup, timeMs] of changes) {
      const name = nameOf(uid, domain)
      let ofName = fresh.get(name)
      if (ofName === undefined) {
        ofName = new Map(all.get(name))
        fresh.set(name, ofName)
        all.set(name, ofName)
      }
      const told = ofName.get(keyGroup)
      const now = (told === undefined ? this.#rest : told) ?? undefined
      ofName.set(keyGroup, change(now, timeMs) ?? null)
    }
    return new TimerBounds(this.#rest, all)
  }
}

/** The earlier of two times, where undefined is never. */
export function earlier(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined) return b
  return b === undefined || a <= b ? a : b
}

const nameOf = (uid: string, domain: TimerDomain): string => `${domain}/${uid}`

function partsOf(name: string): readonly [TimerDomain, string] {
  const at = name.indexOf('/')
  return [name.slice(0, at) as TimerDomain, name.slice(at + 1)]
}
