import type { Outside } from '../ports/outside.ts'
import { PlatformFault } from '../ports/platform-fault.ts'

/** How often a service is asked that is not available, and how long it is left alone in between. */
export interface Persistence {
  readonly attemptsMax: number
  readonly pauseFirstMs: number
  readonly pauseMaxMs: number
}

/** About 6 s of pauses at most: a write is done, or given up, within a turn. */
export const PERSISTENCE: Persistence = { attemptsMax: 6, pauseFirstMs: 100, pauseMaxMs: 3_000 }

/** Left of an invocation when no call is begun any more, and no pause that ends later. */
const BEGIN_MS = 3_000
/** Left of an invocation when no answer is waited for any more: it has to say what comes again. */
const END_MS = 1_000

/** What it takes to try again: pauses, chance, and how much time there is. */
export type Patience = Pick<Outside, 'pause' | 'random' | 'remainingMs'>

/** Whether the invocation has no time for a call that begins `inMs` from now. */
export function isTimeUp({ remainingMs }: Pick<Outside, 'remainingMs'>, inMs = 0): boolean {
  return remainingMs !== undefined && remainingMs() - inMs <= BEGIN_MS
}

/** How long the answer to a call can be waited for. */
export function answerableMs({ remainingMs }: Pick<Outside, 'remainingMs'>): number {
  return (remainingMs?.() ?? Number.POSITIVE_INFINITY) - END_MS
}

/** What came of one try. `again`: with why; `afterMs`: how long the service asked to be left alone. */
export type Try =
  | { readonly type: 'done' }
  | { readonly type: 'again'; readonly reason: string; readonly afterMs?: number | undefined }
  /** Some of it was done: what is left has all its tries again. */
  | { readonly type: 'on'; readonly reason: string }

/**
 * Tries until it is done. Pauses double from try to try, each by chance between half of it and the whole, so that many
 * who were refused at once do not all come back at once. `what` begins the message.
 * @throws PlatformFault when no try is left, or no time for one: what is not available now is, some time, and no restart
 * of the job makes it come sooner.
 */
export async function persist(
  what: string,
  outside: Patience,
  { attemptsMax, pauseFirstMs, pauseMaxMs }: Persistence,
  attempt: () => Promise<Try>,
): Promise<void> {
  if (isTimeUp(outside)) throw new PlatformFault(`${what}: no time left in this invocation`)
  for (let tried = 1; ; tried++) {
    const result = await attempt()
    if (result.type === 'done') return
    if (result.type === 'on') tried = 0
    if (tried >= attemptsMax)
      throw new PlatformFault(`${what}: gave up after ${attemptsMax} attempts: ${result.reason}`)
    const wholeMs = Math.min(pauseMaxMs, pauseFirstMs * 2 ** Math.max(0, tried - 1))
    const askedMs = result.type === 'again' ? Math.min(pauseMaxMs, result.afterMs ?? 0) : 0
    const pauseMs = Math.max(askedMs, wholeMs * (0.5 + outside.random.next() / 2))
    if (isTimeUp(outside, pauseMs))
      throw new PlatformFault(`${what}: no time left in this invocation: ${result.reason}`)
    await outside.pause(pauseMs)
  }
}
