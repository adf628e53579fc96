/** Watches how long this process's one thread is busy at a stretch. */
export interface PauseWatch {
  /** The longest stretch since the last call. Milliseconds. */
  takeLongestMs(): number
  stop(): void
}

export function watchPauses(): PauseWatch {
  let lastAtMs = performance.now()
  let longestMs = 0
  let stopped = false
  const beat = (): void => {
    const nowMs = performance.now()
    longestMs = Math.max(longestMs, nowMs - lastAtMs)
    lastAtMs = nowMs
    if (!stopped) setImmediate(beat)
  }
  setImmediate(beat)
  return {
    takeLongestMs() {
      const taken = Math.max(longestMs, performance.now() - lastAtMs)
      longestMs = 0
      lastAtMs = performance.now()
      return taken
    },
    stop() {
      stopped = true
    },
  }
}
