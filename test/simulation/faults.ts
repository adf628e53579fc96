import type { Random } from '../../lib/ports/random.ts'

/** What fails, at which time that it is done. */
export interface Fault {
  readonly point: FaultPoint
  readonly occurrence: number
}

export interface Faults {
  /** Throws where the plan says so. */
  at(point: FaultPoint): void
}

/** Each with how often it comes about in a run, roughly: faults are spread over that. */
const POINTS = {
  'function.record': 400,
  'function.timer': 60,
  'function.open': 8,
  'function.close': 8,
  'source.open': 4,
  'source.read': 60,
  'source.snapshot': 20,
  'sink.open': 6,
  'sink.begin': 20,
  'sink.write': 60,
  'sink.preCommit': 20,
  'sink.preCommitted': 20,
  'sink.commit': 20,
  'sink.committed': 20,
  'sink.abort': 4,
  'sink.close': 6,
  'disk.mkdir': 20,
  'disk.create': 40,
  'disk.write': 40,
  'disk.sync': 40,
  'disk.link': 40,
  'disk.linked': 40,
  'disk.read': 20,
  'disk.unlink': 40,
  'disk.entries': 40,
  'disk.syncDirectory': 40,
} as const

export type FaultPoint = keyof typeof POINTS

export function randomFaults(random: Random, count: number): Fault[] {
  const points = Object.keys(POINTS) as FaultPoint[]
  return Array.from({ length: count }, () => {
    const point = points[Math.floor(random.next() * points.length)]!
    return { point, occurrence: 1 + Math.floor(POINTS[point] ** random.next()) }
  })
}

/** Does as planned, once each. */
export class FaultPlan implements Faults {
  readonly happened: Fault[] = []
  #left: readonly Fault[]
  readonly #counts = new Map<FaultPoint, number>()

  constructor(faults: readonly Fault[]) {
    this.#left = faults
  }

  at(point: FaultPoint): void {
    const occurrence = (this.#counts.get(point) ?? 0) + 1
    this.#counts.set(point, occurrence)
    const fault = this.#left.find((one) => one.point === point && one.occurrence === occurrence)
    if (fault === undefined) return
    this.happened.push(fault)
    this.#left = this.#left.filter((one) => one !== fault)
    const code = point.startsWith('disk.') ? { code: 'ENOSPC' } : {}
    throw Object.assign(new Error(`injected: ${point} ${occurrence}`), code)
  }
}
