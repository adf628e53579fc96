import type { Chance } from '../chance.ts'

/**
 * How often the platform does what it must be expected to do, as probabilities; drawn for each case, with some of them
 * zero, so that rare faults are not always drowned by common ones.
 */
export interface FaultProfile {
  /** Of a request: the process dies before or after its effect. */
  readonly crash: number
  /** Of a request: it, or its answer, takes longer than the platform lets an invocation live. */
  readonly stall: number
  /** Of a row that is written: it arrives long after. */
  readonly lateRow: number
  /** Of a request: it is refused, and nothing happened (a throttle that outlasted all retries). */
  readonly throttle: number
  /** Of a request: it takes effect, and its caller is told that it failed. */
  readonly loseAnswer: number
  /** Of a request: it takes effect twice, and its caller hears of the second. */
  readonly repeat: number
  /** Of an entry of a batch: it is reported as failed, whether it took effect or not. */
  readonly failEntry: number
  /** Of a batch of messages: it is delivered to two invocations at once. */
  readonly duplicate: number
  /** Of an invocation: its messages come again although it dealt with them. */
  readonly loseDelete: number
  /** Of a second: a message that was deleted comes again. */
  readonly redeliver: number
  /** Of a second: what has expired vanishes. */
  readonly expire: number
  /** Of a second: a wake-up is lost. */
  readonly loseWakeUp: number
  /** Of a batch of messages: a new process takes it although there is an idle one. */
  readonly coldStart: number
  /** Of a process that has become idle: it is ended. */
  readonly reap: number
  /** Of an invocation that runs out of time: its process goes on all the same, as a zombie. */
  readonly outlive: number
  /** Of a request or an answer: it is slow, up to `slowMs`. */
  readonly slow: number
  readonly slowMs: number
  /** What the clock of a process may be off by. */
  readonly skewMs: number
  /** Of a call of a user's function. */
  readonly userFault: number
}

export type FaultKind = Exclude<keyof FaultProfile, 'slowMs' | 'skewMs'>

const CALM: FaultProfile = {
  crash: 0,
  stall: 0,
  lateRow: 0,
  throttle: 0,
  loseAnswer: 0,
  repeat: 0,
  failEntry: 0,
  duplicate: 0,
  loseDelete: 0,
  redeliver: 0,
  expire: 0.01,
  loseWakeUp: 0,
  coldStart: 0.05,
  reap: 0.02,
  outlive: 0,
  slow: 0,
  slowMs: 0,
  skewMs: 0,
  userFault: 0,
}

/** Everything that can go wrong does, and often. */
export const HOSTILE: FaultProfile = {
  crash: 0.01,
  stall: 0.002,
  lateRow: 0.02,
  throttle: 0.01,
  loseAnswer: 0.02,
  repeat: 0.02,
  failEntry: 0.1,
  duplicate: 0.2,
  loseDelete: 0.1,
  redeliver: 0.2,
  expire: 0.5,
  loseWakeUp: 0,
  coldStart: 0.2,
  reap: 0.05,
  outlive: 0.5,
  slow: 0.05,
  slowMs: 3_000,
  skewMs: 2_000,
  userFault: 0.01,
}

export function randomProfile(chance: Chance): FaultProfile {
  if (chance.chance(0.05)) return CALM
  /** Zero as often as not. */
  const some = (...values: readonly number[]): number => (chance.chance(0.5) ? 0 : chance.pick(values))
  return {
    crash: some(0.001, 0.005, 0.02),
    stall: some(0.001, 0.003),
    lateRow: some(0.02, 0.1),
    throttle: some(0.005, 0.02, 0.05),
    loseAnswer: some(0.005, 0.02, 0.05),
    repeat: some(0.01, 0.1),
    failEntry: some(0.01, 0.05, 0.2),
    duplicate: some(0.02, 0.1, 0.3),
    loseDelete: some(0.01, 0.05, 0.2),
    redeliver: some(0.05, 0.5),
    expire: chance.pick([0.01, 0.1, 0.5]),
    loseWakeUp: some(0.02),
    coldStart: chance.pick([0.02, 0.1, 0.5]),
    reap: chance.pick([0, 0.02, 0.2]),
    outlive: chance.pick([0, 0.5, 1]),
    slow: some(0.02, 0.1),
    slowMs: chance.pick([200, 3_000]),
    skewMs: some(50, 2_000, 20_000),
    userFault: some(0.002, 0.01, 0.03),
  }
}

/** Says which faults come about: as the profile has it until they stop, and none after. */
export class FaultSource {
  readonly #chance: Chance
  readonly #profile: FaultProfile
  readonly #calmAtMs: number
  readonly #now: () => number
  /** How often each kind came about. */
  readonly counts = new Map<FaultKind, number>()

  constructor(chance: Chance, profile: FaultProfile, calmAtMs: number, now: () => number) {
    this.#chance = chance
    this.#profile = profile
    this.#calmAtMs = calmAtMs
    this.#now = now
  }

  get isCalm(): boolean {
    return this.#now() >= this.#calmAtMs
  }

  strikes(kind: FaultKind): boolean {
    const probability = (this.isCalm ? CALM : this.#profile)[kind]
    if (probability === 0 || !this.#chance.chance(probability)) return false
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1)
    return true
  }

  oneOf<T>(values: readonly T[]): T {
    return this.#chance.pick(values)
  }

  /** Between two machines, one way. */
  latencyMs(): number {
    if (this.strikes('stall')) return this.longMs()
    return this.strikes('slow') ? this.#chance.int(0, this.#profile.slowMs) : this.#chance.int(1, 12)
  }

  /** Longer than an invocation may last, and longer than its messages are hidden. */
  longMs(): number {
    return this.#chance.int(20_000, 120_000)
  }

  skewMs(): number {
    return this.#chance.int(-this.#profile.skewMs, this.#profile.skewMs)
  }
}
