import type { FailureCause } from '../../lib/checkpoint/failure-reasons.ts'
import { userStack } from './stack.ts'
import { formatInstant } from './figures.ts'
import { oneLine, withoutControls } from './width.ts'

/** A failure in one line: what was thrown, by what, on which record. */
export function failureLine(cause: FailureCause): string {
  const where = [
    operatorOf(cause),
    ...(cause.key === undefined ? [] : [`key ${cause.key}`]),
    ...(cause.position === undefined ? [] : [`at ${cause.position}`]),
  ].filter((part) => part !== undefined)
  const message = oneLine(cause.message)
  return where.length === 0 ? message : `${message} (${oneLine(where.join(', '))})`
}

/** A failure whole: one fact a line, the user's part of the stack last. */
export function failureLines(cause: FailureCause): string[] {
  const facts: [string, string | undefined][] = [
    ['operator', operatorOf(cause)],
    ['key', cause.key],
    ['record', cause.position],
    ['event time', cause.timestampMs === undefined ? undefined : formatInstant(cause.timestampMs)],
    ['no restart', cause.notRestartedBecause],
  ]
  const known = facts.filter((fact): fact is [string, string] => fact[1] !== undefined)
  return [
    ...known.map(([name, value]) => `  ${name.padEnd(10)}  ${oneLine(value)}`),
    ...errorLines(cause).map((line) => `  ${withoutControls(line)}`),
  ]
}

function errorLines({ stack, message }: FailureCause): string[] {
  const lines = stack === undefined ? [] : userStack(stack)
  // An error may say one thing in its stack, made when it was created, and another in its message.
  const first = message.split('\n')[0]!
  return lines[0]?.includes(first) === true ? lines : [...message.split('\n'), ...lines]
}

function operatorOf({
  operatorName: name,
  operatorUid: uid,
  subtaskIndex,
}: FailureCause): string | undefined {
  if (name === undefined) return undefined
  const named = uid === undefined || uid === name ? name : `${name} (${uid})`
  return subtaskIndex === undefined ? named : `${named}, subtask ${subtaskIndex}`
}
