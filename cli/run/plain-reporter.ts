import type { JobEvent } from '../../lib/embedded/job-handle.ts'
import type { StopSignal } from '../exit-codes.ts'
import { colorsFor, type Colors } from '../text/colors.ts'
import { finalLines, stoppedAtOnceLines } from './final-lines.ts'
import { logLine, plainLine } from './plain-lines.ts'
import { STOPPING_NOTICE, type RunReporter, type StartedJob } from './reporter.ts'
import type { RunSummary } from './summary.ts'

/** A line on standard error for each event: for logs. */
export class PlainReporter implements RunReporter {
  readonly updateEveryMs = undefined
  private readonly colors: Colors = colorsFor(process.stderr, process.env)

  started({ jobName, runId }: StartedJob): void {
    this.log(`job ${jobName}, run ${runId}`)
  }

  event(event: JobEvent): void {
    const line = plainLine(event, this.colors)
    if (line !== undefined) process.stderr.write(`${line}\n`)
  }

  update(): void {}

  stopping(signal: StopSignal): void {
    this.log(`${signal}: ${STOPPING_NOTICE}`)
  }

  finished(summary: RunSummary): void {
    process.stderr.write(finalLines(summary, this.colors).join('\n') + '\n')
  }

  failed(_cause: unknown): void {}

  stoppedAtOnce(_signal: StopSignal, resume: string | undefined): void {
    process.stderr.write(stoppedAtOnceLines(resume).join('\n') + '\n')
  }

  hanging(): void {}

  close(): void {}

  private log(text: string): void {
    process.stderr.write(`${logLine(Date.now(), text, this.colors)}\n`)
  }
}
