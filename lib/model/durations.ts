import { UserError } from './faults.ts'

/** A length of time: milliseconds as a number, or text such as `'300 ms'`, `'10 s'`, `'1 min'`, `'2 h'`, `'1 d'`. */
export type Duration = number | string

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  milli: 1,
  millis: 1,
  millisecond: 1,
  milliseconds: 1,
  s: 1_000,
  sec: 1_000,
  secs: 1_000,
  second: 1_000,
  seconds: 1_000,
  m: 60_000,
  min: 60_000,
  mins: 60_000,
  minute: 60_000,
  minutes: 60_000,
  h: 3_600_000,
  hour: 3_600_000,
  hours: 3_600_000,
  d: 86_400_000,
  day: 86_400_000,
  days: 86_400_000,
}

const SYNTAX = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i

/** What a duration may look like, for messages. */
export const DURATION_EXPECTED: string =
  "a duration such as '300 ms', '10 s', '1 min', or milliseconds as a number"

/** Milliseconds of `duration`, or undefined if it is none. Text without a unit is milliseconds, as in Flink. */
export function tryParseDurationMs(duration: unknown): number | undefined {
  if (typeof duration === 'number') return Number.isFinite(duration) && duration >= 0 ? duration : undefined
  if (typeof duration !== 'string') return undefined
  const match = SYNTAX.exec(duration)
  if (match === null) return undefined
  const unit = match[2] === '' ? 'ms' : match[2]!.toLowerCase()
  if (!Object.hasOwn(UNIT_MS, unit)) return undefined
  return Number(match[1]) * UNIT_MS[unit]!
}

/** @throws UserError naming `what` if `duration` is not one. */
export function durationMs(duration: Duration, what: string): number {
  const ms = tryParseDurationMs(duration)
  if (ms === undefined)
    throw new UserError(`${what}: expected ${DURATION_EXPECTED}, got ${JSON.stringify(duration)}`)
  return ms
}

/** `1500` as `1.5 s`: for people, not for parsing back exactly. */
export function formatDurationMs(ms: number): string {
  const units: readonly [string, number][] = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['min', 60_000],
    ['s', 1_000],
  ]
  for (const [unit, size] of units) {
    if (ms >= size) return `${Number((ms / size).toFixed(1))} ${unit}`
  }
  return `${Number(ms.toFixed(ms < 10 ? 1 : 0))} ms`
}
