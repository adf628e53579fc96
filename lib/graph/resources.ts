import { formatDurationMs, tryParseDurationMs } from '../model/durations.ts'
import { FUNCTION_LIMITS } from '../model/function-limits.ts'
import { show } from '../stream/option-layers.ts'
import { wholeNumber, type ValueType } from '../stream/option-values.ts'
import type { ResourceOptions } from '../stream/operator-options.ts'
import type { StreamNode } from '../stream/operator-spec.ts'

/** What a chain asks of a function of its own; undefined: what the deployment gives. */
export interface Resources {
  readonly memoryMb: number | undefined
  readonly timeoutMs: number | undefined
  readonly maxConcurrency: number | undefined
}

const { memoryMbMin, memoryMbMax, timeoutMsMin, timeoutMsMax, concurrencyMin, concurrencyMax } =
  FUNCTION_LIMITS

const TIMEOUT: ValueType<number> = {
  expected: `a duration from ${formatDurationMs(timeoutMsMin)} to ${formatDurationMs(timeoutMsMax)}`,
  parse(raw) {
    const ms = tryParseDurationMs(raw)
    return ms === undefined || ms < timeoutMsMin || ms > timeoutMsMax ? undefined : ms
  },
}

const TYPES: Readonly<Record<keyof ResourceOptions, ValueType<number>>> = {
  memoryMb: wholeNumber(memoryMbMin, memoryMbMax),
  timeout: TIMEOUT,
  maxConcurrency: wholeNumber(concurrencyMin, concurrencyMax),
}
const SETTINGS = Object.keys(TYPES) as readonly (keyof ResourceOptions)[]

/** What is wrong with the option `resources` of an operator. It is taken as data, however it was written. */
export function resourceProblems(asked: unknown): readonly string[] {
  if (asked === undefined || asked === 'own') return []
  if (typeof asked !== 'object' || asked === null || Array.isArray(asked)) {
    return [`resources: expected 'own' or an object, got ${show(asked)}`]
  }
  const unknown = Object.keys(asked).filter((name) => !Object.hasOwn(TYPES, name))
  return [
    ...resourceSettingProblems(asked, 'resources.'),
    ...unknown.map((name) => `resources: expected ${SETTINGS.join(', ')}, got '${name}'`),
  ]
}

/** What is wrong with those settings, whose names a message begins with after `prefix`; no others are looked at. */
export function resourceSettingProblems(asked: ResourceOptions, prefix: string): readonly string[] {
  return SETTINGS.flatMap((name) => {
    const value: unknown = asked[name]
    if (value === undefined || TYPES[name].parse(value) !== undefined) return []
    return [`${prefix}${name}: expected ${TYPES[name].expected}, got ${show(value)}`]
  })
}

/** As they are compiled; free of problems. Others of its properties are not looked at. */
export function resourcesOf({ memoryMb, timeout, maxConcurrency }: ResourceOptions): Resources {
  return {
    memoryMb: TYPES.memoryMb.parse(memoryMb),
    timeoutMs: TYPES.timeout.parse(timeout),
    maxConcurrency: TYPES.maxConcurrency.parse(maxConcurrency),
  }
}

/** What the operators of a chain ask for, each setting as a bound, so that every one has what it asks for. */
export function resourcesOfChain(operators: readonly Pick<StreamNode, 'resources'>[]): Resources | undefined {
  const asked = operators.flatMap(({ resources }) =>
    resources === undefined ? [] : [resourcesOf(resources === 'own' ? {} : resources)],
  )
  if (asked.length === 0) return undefined
  return {
    memoryMb: bound(
      Math.max,
      asked.map(({ memoryMb }) => memoryMb),
    ),
    timeoutMs: bound(
      Math.max,
      asked.map(({ timeoutMs }) => timeoutMs),
    ),
    maxConcurrency: bound(
      Math.min,
      asked.map(({ maxConcurrency }) => maxConcurrency),
    ),
  }
}

function bound(
  strictest: (...values: number[]) => number,
  values: readonly (number | undefined)[],
): number | undefined {
  const given = values.filter((value) => value !== undefined)
  return given.length === 0 ? undefined : strictest(...given)
}
