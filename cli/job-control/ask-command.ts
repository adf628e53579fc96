import { EXIT, type StopSignal } from '../exit-codes.ts'
import { colorsFor } from '../text/colors.ts'
import { askJob, type AskProgress, type UserRequest } from './ask-job.ts'
import { endingJson, endingLines, exitCodeOf, type Ending } from './ask-outcome.ts'
import { waitMsOf, type AskFlags } from './job-flags.ts'
import type { JobWorld } from './job-world.ts'
import { WaitDisplay } from './wait-display.ts'
import { withJob } from './with-job.ts'

/** A command that asks something of a job, from the request to the exit code. */
export async function askCommand(
  world: JobWorld,
  name: string | undefined,
  flags: AskFlags,
  request: UserRequest,
): Promise<number> {
  const waitMs = waitMsOf(flags)
  return withJob(world, name, flags, async (job) => {
    const display = new WaitDisplay(world, request.type, () => job.now())
    let progress: AskProgress | undefined
    let interrupt: (signal: StopSignal) => void
    const interrupted = new Promise<Ending>((resolve) => {
      interrupt = (signal) => resolve({ type: 'interrupted', signal, progress })
    })
    const stopListening = world.listen((signal) => interrupt(signal))
    const onProgress = (now: AskProgress): void => {
      progress = now
      display.show(now)
    }
    let ending: Ending
    try {
      const asked = askJob(job, request, { waitMs, onProgress })
      // What becomes of it once nobody waits is nobody's business.
      asked.catch(() => {})
      ending = await Promise.race([asked, interrupted])
    } finally {
      stopListening()
      display.close()
    }
    tell(world, flags, request, ending, waitMs)
    return exitCodeOf(ending)
  })
}

/** What was done goes to standard output; everything else to standard error, but for JSON. */
function tell(world: JobWorld, flags: AskFlags, request: UserRequest, ending: Ending, waitMs: number): void {
  if (flags.json === true) {
    world.stdout.write(`${JSON.stringify(endingJson(request.type, ending))}\n`)
    return
  }
  const out = exitCodeOf(ending) === EXIT.finished ? world.stdout : world.stderr
  const lines = endingLines(request.type, ending, waitMs, colorsFor(out, world.env))
  for (const line of lines) out.write(`${line}\n`)
}
