import { EXIT_OF_SIGNAL, type StopSignal } from '../exit-codes.ts'
import { Watchdog } from './watchdog.ts'

const SIGNALS = Object.keys(EXIT_OF_SIGNAL) as StopSignal[]

/**
 * The signals that ask for a stop. While the job's code does not return, no listener would ever hear them: then they
 * end the process.
 */
export class StopSignals {
  private readonly watchdog: Watchdog
  private listener: ((signal: StopSignal) => void) | undefined

  /** @param onHang called when the job's code does not return. */
  constructor(onHang: () => void) {
    this.watchdog = new Watchdog({
      onHang: () => {
        if (this.listener === undefined) return 'ignore'
        this.setListening(false)
        onHang()
        return 'tell'
      },
      onAnswer: () => this.setListening(true),
    })
  }

  /** Resolves when code that does not return may begin. */
  get ready(): Promise<void> {
    return this.watchdog.ready
  }

  /** Calls `listener` at each signal, until what this returns is called. */
  listen(listener: (signal: StopSignal) => void): () => void {
    this.listener = listener
    this.setListening(true)
    return () => {
      this.setListening(false)
      this.listener = undefined
    }
  }

  close(): void {
    this.setListening(false)
    this.watchdog.close()
  }

  private setListening(listening: boolean): void {
    const { listener } = this
    if (listener === undefined) return
    for (const signal of SIGNALS) {
      process.off(signal, listener)
      if (listening) process.on(signal, listener)
    }
  }
}
