import { EXIT_OF_SIGNAL, type StopSignal } from '../exit-codes.ts'
import { startWatchdog } from './watchdog.ts'

const SIGNALS = Object.keys(EXIT_OF_SIGNAL) as StopSignal[]

/** Calls `onSignal` at each signal that asks for a stop, until what it returns is called. */
export function onStopSignal(onSignal: (signal: StopSignal) => void): () => void {
  const handleSignals = (): void => {
    for (const signal of SIGNALS) process.on(signal, onSignal)
  }
  const letSignalsKill = (): void => {
    for (const signal of SIGNALS) process.off(signal, onSignal)
  }
  handleSignals()
  const stopWatching = startWatchdog({ handleSignals, letSignalsKill })
  return () => {
    stopWatching()
    letSignalsKill()
  }
}
