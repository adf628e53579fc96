import { setTimeout as pause } from 'node:timers/promises'

const LOOK_EVERY_MS = 500

/**
 * Looks again and again until `look` gives something. @throws Error if it does not in time, with what it gave last where
 * `shown` tells.
 */
export async function waitFor<T>(
  what: string,
  timeoutMs: number,
  look: () => Promise<T | undefined>,
  shown: () => Promise<unknown> = () => Promise.resolve(undefined),
): Promise<T> {
  const startedAtMs = Date.now()
  while (Date.now() - startedAtMs < timeoutMs) {
    const found = await look()
    if (found !== undefined) return found
    await pause(LOOK_EVERY_MS)
  }
  throw new Error(
    `Waited ${timeoutMs / 1000} s for ${what} in vain; last seen: ${JSON.stringify(await shown(), undefined, 2)}`,
  )
}
