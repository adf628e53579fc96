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

export interface WatchdogListener {
  /**
   * This thread does not answer. Called in it all the same, in the midst of whatever it does. Returns whether the user
   * is to be told.
   */
  onHang(): 'tell' | 'ignore'
  /** It answers again. */
  onAnswer(): void
}

/**
 * Watches this thread from another one. User code that does not return (`while (true)`) keeps it from hearing
 * signals. After a few seconds of that the watchdog has this thread, by the debugger, call the listener in the midst
 * of the user's code, and tells the user where that is.
 */
export class Watchdog {
  /** Resolves when it watches; or, where it cannot, without. */
  readonly ready: Promise<void>
  private readonly worker: Worker
  private readonly heart: NodeJS.Timeout
  private hung = false

  constructor(listener: WatchdogListener) {
    const shared = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT))
    const onHang = (): string => {
      this.hung = true
      return listener.onHang() === 'tell' ? hangNotice(new Error('hang').stack ?? '') : ''
    }
    Object.defineProperty(process, Symbol.for(ON_HANG_KEY), { value: onHang, configurable: true })

    const settings: WatchdogSettings = {
      shared,
      checkEveryMs: HEARTBEAT_MS,
      hangMs: HANG_MS,
      onHangKey: ON_HANG_KEY,
    }
    this.worker = startThread(settings)
    this.worker.unref()
    this.ready = new Promise((resolve) => {
      this.worker.once('message', () => resolve())
      // Without a watchdog everything works but Ctrl-C in a hang: no reason to trouble the user.
      this.worker.on('error', () => resolve())
    })

    this.heart = setInterval(() => {
      Atomics.store(shared, 1, inspectorUrl() === undefined ? 0 : 1)
      Atomics.add(shared, 0, 1)
      if (!this.hung) return
      this.hung = false
      listener.onAnswer()
    }, HEARTBEAT_MS)
    this.heart.unref()
  }

  close(): void {
    clearInterval(this.heart)
    void this.worker.terminate()
  }
}

function startThread(workerData: WatchdogSettings): Worker {
  const extension = extname(import.meta.url)
  const thread = new URL(`./watchdog-thread${extension}`, import.meta.url)
  if (extension === '.js') return new Worker(thread, { workerData })
  // From source: what loads TypeScript here does not do it in other threads unless it is told to.
  const [tsx, url] = [import.meta.resolve('tsx/esm/api'), thread.href].map((one) => JSON.stringify(one))
  const script = `import(${tsx}).then(({ register }) => { register(); return import(${url}) })`
  return new Worker(script, { workerData, eval: true })
}

function hangNotice(stack: string): string {
  const frames = userStack(stack).filter((line) => /^\s+at /.test(line))
  return [
    `The job has not answered for ${HANG_MS / 1_000} s: its code does not return. Ctrl-C now stops at once.`,
    ...frames,
    '',
  ].join('\n')
}
