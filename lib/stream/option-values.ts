import { DURATION_EXPECTED, tryParseDurationMs } from '../model/durations.ts'
import { nameProblem } from '../model/names.ts'

/** How the value of an option is written, in a job as in a file or on the command line. */
export interface ValueType<T> {
  /** Completes "expected …". */
  readonly expected: string
  /** The value, or undefined if `raw` is none. */
  parse(raw: unknown): T | undefined
}

export const duration: ValueType<number> = { expected: DURATION_EXPECTED, parse: tryParseDurationMs }

export const positiveDuration: ValueType<number> = {
  expected: `${DURATION_EXPECTED}, longer than 0`,
  parse(raw) {
    const ms = tryParseDurationMs(raw)
    return ms === undefined || ms === 0 ? undefined : ms
  },
}

export const positiveDurationOrOff: ValueType<number | 'off'> = {
  expected: `${positiveDuration.expected}, or 'off'`,
  parse: (raw) => (normalised(raw) === 'off' ? 'off' : positiveDuration.parse(raw)),
}

export function wholeNumber(min: number, max: number = Number.MAX_SAFE_INTEGER): ValueType<number> {
  const expected =
    max === Number.MAX_SAFE_INTEGER
      ? `a whole number, ${min} or more`
      : `a whole number from ${min} to ${max}`
  return {
    expected,
    parse(raw) {
      const value = toNumber(raw)
      return value !== undefined && Number.isInteger(value) && value >= min && value <= max
        ? value
        : undefined
    },
  }
}

/** Gives Infinity for `'unlimited'`. */
export function countOrUnlimited(min: number): ValueType<number> {
  const count = wholeNumber(min)
  return {
    expected: `${count.expected}, or 'unlimited'`,
    parse(raw) {
      const unlimited =
        raw === Number.POSITIVE_INFINITY || ['unlimited', 'infinite'].includes(normalised(raw))
      return unlimited ? Number.POSITIVE_INFINITY : count.parse(raw)
    },
  }
}

/** At least 1, or `'never'`. */
export const countOrNever: ValueType<number | 'never'> = {
  expected: `${wholeNumber(1).expected}, or 'never'`,
  parse: (raw) => (normalised(raw) === 'never' ? 'never' : wholeNumber(1).parse(raw)),
}

export function numberBetween(min: number, max: number): ValueType<number> {
  return {
    expected: max === Number.MAX_VALUE ? `a number, ${min} or more` : `a number from ${min} to ${max}`,
    parse(raw) {
      const value = toNumber(raw)
      return value !== undefined && value >= min && value <= max ? value : undefined
    },
  }
}

export const truth: ValueType<boolean> = {
  expected: 'true or false',
  parse(raw) {
    if (typeof raw === 'boolean') return raw
    const text = normalised(raw)
    return text === 'true' ? true : text === 'false' ? false : undefined
  },
}

/** One of a few words, in any case, with `_` or `-`. `others` are Flink's spellings, as `normalised` gives them. */
export function oneOf<T extends string>(
  words: readonly T[],
  others: Readonly<Record<string, T>> = {},
): ValueType<T> {
  return {
    expected: words.map((word) => `'${word}'`).join(' or '),
    parse(raw) {
      const text = normalised(raw)
      return words.find((word) => word === text) ?? (Object.hasOwn(others, text) ? others[text] : undefined)
    },
  }
}

export const directory: ValueType<string> = {
  expected: 'the path of a directory',
  parse: (raw) => (typeof raw === 'string' && raw.trim() !== '' && !raw.includes('\0') ? raw : undefined),
}

export const jobName: ValueType<string> = {
  expected: "a name of 1 to 200 characters, without '/' and control characters",
  parse: (raw) => (typeof raw === 'string' && nameProblem(raw) === undefined ? raw : undefined),
}

/** `EXACTLY_ONCE` as `exactly-once`; empty for what is not text. */
function normalised(raw: unknown): string {
  return typeof raw === 'string' ? raw.trim().toLowerCase().replaceAll('_', '-') : ''
}

/** A finite number, or text that is one. */
function toNumber(raw: unknown): number | undefined {
  const value = typeof raw === 'string' && raw.trim() !== '' ? Number(raw) : raw
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}
