import type { Clock, ScheduledCall } from '../ports/clock.ts'

/** The longest delay that a timer of Node takes; a longer one is waited for in steps. */
const TIMER_MS_MAX = 2_147_483_647

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  schedule(atMs, callback): ScheduledCall {
    let timer: NodeJS.Timeout
    const arm = (): void => {
      const delayMs = Math.max(0, atMs - Date.now())
      timer = delayMs > TIMER_MS_MAX ? setTimeout(arm, TIMER_MS_MAX) : setTimeout(callback, delayMs)
    }
    arm()
    return { cancel: () => clearTimeout(timer) }
  },
}
