import type { JobEvent, JobHandle, JobResult } from '../../lib/embedded/job-handle.ts'
import { EXIT, EXIT_OF_SIGNAL, type StopSignal } from '../exit-codes.ts'
import { JobObserver } from './job-observer.ts'
import type { RunReporter } from './reporter.ts'
import { isKept, type RunSummary } from './summary.ts'

export interface RunSessionParts {
  readonly file: string
  /** Uids of the job's sources: their records are the records of the run. Filled while the job starts. */
  readonly sourceUids: ReadonlySet<string>
  /** Starts the job. */
  start(): Promise<JobHandle>
  readonly reporter: RunReporter
  /** Calls `onSignal` at every signal that asks for a stop, until what it returned is called. */
  onStopSignal(onSignal: (signal: StopSignal) => void): () => void
  /** Ends the process at once. */
  exitNow(code: number): void
  /** How to go on where this run ends; `hasCheckpoint`: from its own checkpoint. Undefined: there is no way. */
  resumeCommand(hasCheckpoint: boolean): string | undefined
  readonly now: () => number
}

/**
 * Runs a job to its end, whatever that is, and resolves to the exit code. A first signal suspends the job, also while
 * it starts or waits for a restart; a second one ends the process.
 */
export async function runSession(parts: RunSessionParts): Promise<number> {
  const { reporter } = parts
  const startedAtMs = parts.now()
  let handle: JobHandle | undefined
  let observer: JobObserver | undefined
  let signal: StopSignal | undefined
  let crash!: (cause: unknown) => void
  const crashed = new Promise<never>((_resolve, reject) => {
    crash = reject
  })
  crashed.catch(() => {})

  const suspend = (): void => {
    handle?.suspend().catch(crash)
  }
  const release = parts.onStopSignal((received) => {
    if (signal !== undefined) {
      const last = observer?.view().checkpoints.last
      reporter.stoppedAtOnce(received, parts.resumeCommand(last?.kind === 'checkpoint' && isKept(last.path)))
      parts.exitNow(EXIT_OF_SIGNAL[received])
      return
    }
    signal = received
    reporter.stopping(received)
    suspend()
  })
  try {
    handle = await parts.start()
    observer = new JobObserver({ ...parts, jobName: handle.jobName, status: handle.status, startedAtMs })
    const stopFollowing = follow(handle, observer, parts)
    if (signal !== undefined) suspend()
    const result = await Promise.race([handle.result, crashed])
    stopFollowing()
    const code = exitCodeOf(result, signal)
    reporter.finished(summarise(result, observer, parts, startedAtMs), code)
    return code
  } finally {
    release()
    reporter.close()
  }
}

/** Passes events and figures on to the reporter, as they come and at its pace; returns what ends that. */
function follow(handle: JobHandle, observer: JobObserver, parts: RunSessionParts): () => void {
  const { reporter, file, now } = parts
  const sample = (): void => {
    const metrics = handle.metrics()
    observer.sample(metrics, now())
    reporter.update(observer.view(), metrics)
  }
  const onEvent = (event: JobEvent): void => {
    // The figures of an attempt go with its tasks: what it came to is read while they are there.
    if (event.type === 'status') observer.sample(handle.metrics(), now())
    observer.onEvent(event)
    reporter.event(event, observer.view())
  }
  reporter.started({ jobName: handle.jobName, runId: handle.runId, file })
  const unsubscribe = handle.onEvent(onEvent)
  sample()
  const { updateEveryMs } = reporter
  const timer = updateEveryMs === undefined ? undefined : setInterval(sample, updateEveryMs)
  return () => {
    clearInterval(timer)
    unsubscribe()
    sample()
  }
}

function summarise(
  result: JobResult,
  observer: JobObserver,
  parts: RunSessionParts,
  startedAtMs: number,
): RunSummary {
  const { jobName, recordsRead, checkpoints } = observer.view()
  return {
    jobName,
    result,
    recordsRead,
    durationMs: parts.now() - startedAtMs,
    checkpoints: checkpoints.completed,
    failedCheckpoints: checkpoints.failed,
    resume:
      result.status === 'SUSPENDED' || result.status === 'FAILED'
        ? parts.resumeCommand(result.lastCheckpoint !== undefined && isKept(result.lastCheckpoint.path))
        : undefined,
  }
}

function exitCodeOf({ status, cause }: JobResult, signal: StopSignal | undefined): number {
  switch (status) {
    case 'FINISHED':
      return EXIT.finished
    case 'FAILED':
      return cause?.isUserMistake === true ? EXIT.userMistake : EXIT.failed
    case 'CANCELED':
      return EXIT.failed
    case 'SUSPENDED':
      return EXIT_OF_SIGNAL[signal ?? 'SIGINT']
  }
}
