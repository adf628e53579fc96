// The other side of watchdog.ts: runs in a thread of its own, and shares with the watched one only a counter.
import { writeSync } from 'node:fs'
import type { Debugger, Runtime } from 'node:inspector'
import { Session } from 'node:inspector/promises'
import { parentPort, workerData } from 'node:worker_threads'

import type { WatchdogSettings } from './watchdog.ts'

/** By number: in a thread, `process.stderr` is written by the main one. */
const STDERR = 2

const { shared, checkEveryMs, hangMs, onHangKey } = workerData as WatchdogSettings

let lastBeat = Atomics.load(shared, 0)
let unchangedMs = 0
let told = false

setInterval(() => {
  const beat = Atomics.load(shared, 0)
  if (beat !== lastBeat) {
    lastBeat = beat
    unchangedMs = 0
    told = false
    return
  }
  // Counted in checks, not by the clock: a machine that slept did not hang.
  unchangedMs += checkEveryMs
  if (unchangedMs < hangMs || told || Atomics.load(shared, 1) === 1) return
  told = true
  interruptMainThread().then(
    (notice) => writeSync(STDERR, notice),
    () => {},
  )
}, checkEveryMs)

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
parentPort?.postMessage('ready')

/** Has the main thread call what watchdog.ts left there, between two steps of whatever it does. */
async function interruptMainThread(): Promise<string> {
  const session = new Session()
  session.connectToMainThread()
  try {
    const paused = new Promise<Debugger.PausedEventDataType>((resolve) => {
      session.once('Debugger.paused', ({ params }) => resolve(params))
    })
    await session.post('Debugger.enable')
    await session.post('Debugger.pause')
    const { callFrames } = await paused
    const { result } = (await session.post('Debugger.evaluateOnCallFrame', {
      callFrameId: callFrames[0]!.callFrameId,
      expression: `globalThis.process[Symbol.for(${JSON.stringify(onHangKey)})]()`,
      returnByValue: true,
    })) as { readonly result: Runtime.RemoteObject }
    await session.post('Debugger.resume')
    return String(result.value)
  } finally {
    session.disconnect()
  }
}
