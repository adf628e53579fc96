import { url as inspectorUrl } from 'node:inspector'
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'

import { userStack } from '../text/stack.ts'

/** How often the main thread shows that it lives. */
const HEARTBEAT_MS = 500

/** Longer than a pause for garbage or a large batch, shorter than a person waits before trying something else. */
const HANG_MS = 3_000

/** Where the watchdog's thread finds, in this one, what to call when it does not answer. */
const ON_HANG_KEY = 'millrace.cli.onHang'

export interface WatchdogSettings {
  /** Two numbers, shared: beats counted, and 1 while a debugger may hold the main thread. */
  readonly shared: Int32Array
  readonly checkEveryMs: number
  readonly hangMs: number
  readonly onHangKey: string
}

/**
 * Watches this thread from another one. User code that does not return (`while (true)`) keeps it from hearing
 * signals, so Ctrl-C would do nothing. After a few seconds of that the watchdog has this thread, by the debugger,
 * call `letSignalsKill` in the midst of the user's code, and tells the user where that is. Once the thread answers
 * again, `handleSignals` is called. Returns what ends the watch.
 */
export function startWatchdog(signals: { letSignalsKill(): void; handleSignals(): void }): () => void {
  let hung = false
  const shared = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT))
  const settings: WatchdogSettings = {
    shared,
    checkEveryMs: HEARTBEAT_MS,
    hangMs: HANG_MS,
    onHangKey: ON_HANG_KEY,
  }
  const onHang = (): string => {
    hung = true
    signals.letSignalsKill()
    return hangNotice(new Error('hang').stack ?? '')
  }
  Object.defineProperty(process, Symbol.for(ON_HANG_KEY), { value: onHang, configurable: true })

  const worker = new Worker(new URL(`./watchdog-thread${extname(import.meta.url)}`, import.meta.url), {
    workerData: settings,
    stderr: false,
  })
  worker.unref()
  // Without it everything works but Ctrl-C in a hang: no reason to trouble the user.
  worker.on('error', () => {})

  const heart = setInterval(() => {
    Atomics.store(shared, 1, inspectorUrl() === undefined ? 0 : 1)
    Atomics.add(shared, 0, 1)
    if (!hung) return
    hung = false
    signals.handleSignals()
  }, HEARTBEAT_MS)
  heart.unref()
  return () => {
    clearInterval(heart)
    void worker.terminate()
  }
}

function hangNotice(stack: string): string {
  const frames = userStack(stack).filter((line) => /^\s+at /.test(line))
  return [
    `The job has not answered for ${HANG_MS / 1_000} s: its code does not return. Ctrl-C now stops at once.`,
    ...frames,
    '',
  ].join('\n')
}
