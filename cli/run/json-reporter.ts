import type { JobEvent, JobMetrics } from '../../lib/embedded/job-handle.ts'
import { messageOf } from '../../lib/model/faults.ts'
import { problemsOf } from '../errors.ts'
import { EXIT, type StopSignal } from '../exit-codes.ts'
import { VERSION } from '../package.ts'
import { jsonLine, jsonMetrics, jsonResult, type JsonEvent } from './json-events.ts'
import type { JobView } from './job-observer.ts'
import { STOPPING_NOTICE, type RunReporter, type StartedJob } from './reporter.ts'
import type { RunSummary } from './summary.ts'
import { tap, type Tap } from './tap.ts'

/** A line of JSON on standard output for each event; what the job prints goes to standard error. */
export class JsonReporter implements RunReporter {
  readonly updateEveryMs = 1_000
  private readonly out: Tap = tap(process.stdout, (chunk, encoding) => process.stderr.write(chunk, encoding))

  started({ jobName: job, runId, file }: StartedJob): void {
    this.write({ type: 'started', atMs: Date.now(), job, runId, file, version: VERSION })
  }

  event(event: JobEvent): void {
    this.write(event)
  }

  update(_view: JobView, metrics: JobMetrics): void {
    this.write(jsonMetrics(metrics, Date.now()))
  }

  stopping(signal: StopSignal): void {
    process.stderr.write(`${STOPPING_NOTICE}\n`)
    this.write({ type: 'stopping', atMs: Date.now(), signal, atOnce: false })
  }

  finished(summary: RunSummary, exitCode: number): void {
    this.write(jsonResult(summary, exitCode, Date.now()))
  }

  failed(cause: unknown): void {
    const problems = problemsOf(cause)
    const exitCode = problems === undefined ? EXIT.internalError : EXIT.userMistake
    this.write({ type: 'error', atMs: Date.now(), exitCode, problems: problems ?? [messageOf(cause)] })
  }

  stoppedAtOnce(signal: StopSignal): void {
    this.write({ type: 'stopping', atMs: Date.now(), signal, atOnce: true })
  }

  hanging(): void {}

  close(): void {
    this.out.release()
  }

  private write(event: JsonEvent): void {
    this.out.write(jsonLine(event))
  }
}
