import type { CheckpointFigures } from '../../lib/checkpoint/coordinator-state.ts'
import { COUNTS_AS_FAILURE, type FailureCause } from '../../lib/checkpoint/failure-reasons.ts'
import type { JobStatus } from '../../lib/checkpoint/job-status.ts'
import type { CheckpointKind, JobEvent, JobMetrics, OperatorFigures } from '../../lib/embedded/job-handle.ts'

/** What there is to show of a running job, at one moment. */
export interface JobView {
  readonly jobName: string
  readonly status: JobStatus
  readonly startedAtMs: number
  readonly attempt: number
  readonly restarts: number
  readonly lastFailure: { readonly atMs: number; readonly cause: FailureCause } | undefined
  /** Set while a restart is waited for. */
  readonly restartAtMs: number | undefined
  readonly operators: readonly OperatorView[]
  /** Read by sources, over all attempts: what a restart reads again counts again. */
  readonly recordsRead: number
  readonly checkpoints: CheckpointsView
}

export interface OperatorView extends OperatorFigures {
  readonly inPerSecond: number
  readonly outPerSecond: number
}

export interface CheckpointsView {
  readonly completed: number
  readonly savepoints: number
  /** Those that say that something does not work; not those that an end or a restart cut short. */
  readonly failed: number
  readonly last: CompletedView | undefined
  readonly lastFailure:
    | { readonly atMs: number; readonly checkpointId: number; readonly message: string }
    | undefined
}

export interface CompletedView {
  readonly atMs: number
  readonly checkpointId: number
  readonly kind: CheckpointKind
  readonly path: string
  readonly figures: CheckpointFigures
}

interface Sample {
  readonly atMs: number
  readonly metrics: JobMetrics
}

/** Long enough for a rate that can be read, short enough to follow what happens. */
const RATE_WINDOW_MS = 2_000

/** Makes of a job's events and metrics, as they come, what there is to show. */
export class JobObserver {
  private readonly jobName: string
  private readonly startedAtMs: number
  private readonly sourceUids: ReadonlySet<string>
  private status: JobStatus
  private lastFailure: JobView['lastFailure']
  private restartAtMs: number | undefined
  private checkpoints: CheckpointsView = {
    completed: 0,
    savepoints: 0,
    failed: 0,
    last: undefined,
    lastFailure: undefined,
  }
  /** Of the present attempt, oldest first; the first one is the only one outside the window. */
  private samples: Sample[] = []
  private recordsOfEarlierAttempts = 0

  constructor(job: {
    readonly jobName: string
    readonly status: JobStatus
    readonly startedAtMs: number
    readonly sourceUids: ReadonlySet<string>
  }) {
    this.jobName = job.jobName
    this.status = job.status
    this.startedAtMs = job.startedAtMs
    this.sourceUids = job.sourceUids
  }

  onEvent(event: JobEvent): void {
    switch (event.type) {
      case 'status':
        this.status = event.to
        if (event.to !== 'RESTARTING') this.restartAtMs = undefined
        if (event.to === 'FAILING' && event.cause !== undefined) {
          this.lastFailure = { atMs: event.atMs, cause: event.cause }
        }
        return
      case 'restarting':
        this.restartAtMs = event.atMs + event.delayMs
        return
      case 'checkpoint-completed':
        this.checkpointCompleted(event)
        return
      case 'checkpoint-failed':
        this.checkpointFailed(event)
        return
      case 'deployed':
      case 'checkpoint-triggered':
      case 'listening':
      case 'warning':
    }
  }

  sample(metrics: JobMetrics, atMs: number): void {
    const last = this.samples.at(-1)
    if (last !== undefined && last.metrics.attempt !== metrics.attempt) {
      this.recordsOfEarlierAttempts += this.readBySources(last.metrics)
      this.samples = []
    }
    this.samples.push({ atMs, metrics })
    const inWindow = this.samples.findIndex((sample) => sample.atMs > atMs - RATE_WINDOW_MS)
    if (inWindow > 1) this.samples.splice(0, inWindow - 1)
  }

  view(): JobView {
    const newest = this.samples.at(-1)
    const { jobName, status, startedAtMs, lastFailure, restartAtMs, checkpoints } = this
    return {
      jobName,
      status,
      startedAtMs,
      lastFailure,
      restartAtMs,
      checkpoints,
      attempt: newest?.metrics.attempt ?? 0,
      restarts: newest?.metrics.restarts ?? 0,
      operators: newest === undefined ? [] : this.operatorViews(this.samples[0]!, newest),
      recordsRead:
        this.recordsOfEarlierAttempts + (newest === undefined ? 0 : this.readBySources(newest.metrics)),
    }
  }

  private operatorViews(oldest: Sample, newest: Sample): readonly OperatorView[] {
    const seconds = (newest.atMs - oldest.atMs) / 1_000
    const before = new Map(oldest.metrics.operators.map((operator) => [operator.uid, operator]))
    const rate = (now: number, then: number | undefined) =>
      seconds > 0 && then !== undefined ? Math.max(0, now - then) / seconds : 0
    return newest.metrics.operators.map((operator) => {
      const then = before.get(operator.uid)
      return {
        ...operator,
        inPerSecond: rate(operator.numRecordsIn, then?.numRecordsIn),
        outPerSecond: rate(operator.numRecordsOut, then?.numRecordsOut),
      }
    })
  }

  private readBySources({ operators }: JobMetrics): number {
    return operators
      .filter(({ uid }) => this.sourceUids.has(uid))
      .reduce((sum, { numRecordsIn }) => sum + numRecordsIn, 0)
  }

  private checkpointCompleted(event: Extract<JobEvent, { type: 'checkpoint-completed' }>): void {
    const { atMs, checkpointId, kind, path, figures } = event
    const { completed, savepoints } = this.checkpoints
    this.checkpoints = {
      ...this.checkpoints,
      completed: completed + (kind === 'checkpoint' ? 1 : 0),
      savepoints: savepoints + (kind === 'savepoint' ? 1 : 0),
      last: { atMs, checkpointId, kind, path, figures },
    }
  }

  private checkpointFailed(event: Extract<JobEvent, { type: 'checkpoint-failed' }>): void {
    const { atMs, checkpointId, reason, message } = event
    if (!isFailure(reason)) return
    const failed = this.checkpoints.failed + 1
    this.checkpoints = { ...this.checkpoints, failed, lastFailure: { atMs, checkpointId, message } }
  }
}

/** Whether a checkpoint that came to nothing says that checkpointing does not work. */
export function isFailure(reason: string): boolean {
  return (COUNTS_AS_FAILURE as Readonly<Record<string, boolean | undefined>>)[reason] ?? true
}
