import { Retrying } from '../../../lib/aws/retry.ts'
import type { Random } from '../../../lib/ports/random.ts'
import { ManualClock } from '../../../lib/testing/index.ts'

/** As the SDK throws it. */
export function sdkError(name: string, status: number, message = 'said so'): Error {
  return Object.assign(new Error(message), { name, $fault: 'client', $metadata: { httpStatusCode: status } })
}

export const THROTTLE: Error = sdkError('ThrottlingException', 400, 'Rate exceeded')

/** An answer without anything in it. */
export const ANSWER: { $metadata: object } = { $metadata: {} }

export type Scripted<I, O> = { (input: I): Promise<O>; readonly calls: I[] }

/** Answers one after another, the last for ever; an Error is thrown. The calls are kept. */
export function script<I, O>(
  ...answers: readonly (NoInfer<O> | Error | ((input: I) => NoInfer<O>))[]
): Scripted<I, O> {
  const calls: I[] = []
  const respond = (input: I): Promise<O> => {
    const answer = answers[Math.min(calls.length, answers.length - 1)]!
    calls.push(input)
    if (answer instanceof Error) return Promise.reject(answer)
    return Promise.resolve().then(() =>
      typeof answer === 'function' ? (answer as (input: I) => O)(input) : answer,
    )
  }
  return Object.assign(respond, { calls })
}

/** What a test does not expect to be asked for. */
export const unasked = (): Promise<never> => Promise.reject(new Error('nobody asks for this'))

/** Half of what may be waited. */
const HALF: Random = { next: () => 0.5 }

/** Retries on a clock that goes on by itself to whatever is waited for. `waits`: how long each wait was. */
export function quickRetrying(remainingMs: () => number = () => Infinity): {
  readonly retrying: Retrying
  readonly waits: number[]
} {
  const clock = new ManualClock(1_000_000)
  const waits: number[] = []
  const retrying = new Retrying({
    clock: {
      now: () => clock.now(),
      schedule: (atMs, callback) => {
        const scheduled = clock.schedule(atMs, callback)
        // What is not a deadline is a wait.
        if (remainingMs() === Infinity) {
          waits.push(atMs - clock.now())
          queueMicrotask(() => clock.advanceTo(Math.max(atMs, clock.now())))
        }
        return scheduled
      },
    },
    random: HALF,
    remainingMs,
  })
  return { retrying, waits }
}
