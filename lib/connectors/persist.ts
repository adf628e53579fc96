import type { Outside } from '../ports/outside.ts'

/** How often a service is asked that is not available, and how long it is left alone in between. */
export interface Persistence {
  readonly attemptsMax: number
  readonly pauseFirstMs: number
  readonly pauseMaxMs: number
}

/** About 6 s of pauses at most: a write is done, or given up, within a turn. */
export const PERSISTENCE: Persistence = { attemptsMax: 6, pauseFirstMs: 100, pauseMaxMs: 3_000 }

/** What came of one try. `again`: with why; `afterMs`: how long the service asked to be left alone. */
export type Try =
  | { readonly type: 'done' }
  | { readonly type: 'again'; readonly reason: string; readonly afterMs?: number | undefined }
  /** Some of it was done: what is left has all its tries again. */
  | { readonly type: 'on'; readonly reason: string }

/**
 * Tries until it is done. Pauses double from try to try, each by chance between half of it and the whole, so that many
 * who were refused at once do not all come back at once. `what` begins the message.
 * @throws Error when no try is left.
 */
export async function persist(
  what: string,
  outside: Pick<Outside, 'pause' | 'random'>,
  { attemptsMax, pauseFirstMs, pauseMaxMs }: Persistence,
  attempt: () => Promise<Try>,
): Promise<void> {
  for (let tried = 1; ; tried++) {
    const result = await attempt()
    if (result.type === 'done') return
    if (result.type === 'on') tried = 0
    if (tried >= attemptsMax)
      throw new Error(`${what}: gave up after ${attemptsMax} attempts: ${result.reason}`)
    const wholeMs = Math.min(pauseMaxMs, pauseFirstMs * 2 ** Math.max(0, tried - 1))
    const askedMs = result.type === 'again' ? Math.min(pauseMaxMs, result.afterMs ?? 0) : 0
    await outside.pause(Math.max(askedMs, wholeMs * (0.5 + outside.random.next() / 2)))
  }
}
