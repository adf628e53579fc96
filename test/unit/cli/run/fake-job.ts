import type { FailureCause } from '../../../../lib/checkpoint/failure-reasons.ts'
import type {
  CheckpointLocation,
  JobEvent,
  JobHandle,
  JobMetrics,
  JobResult,
  OperatorFigures,
} from '../../../../lib/embedded/job-handle.ts'
import { NO_COLORS } from '../../../../cli/text/colors.ts'

export const colors = NO_COLORS

const figures = { alignmentMs: 1, durationMs: 34, bytes: 1_234, fullBytes: 56_000, records: 12 }

export const cause: FailureCause = {
  message: 'the word bug',
  operatorUid: 'count',
  operatorName: 'count',
  subtaskIndex: 1,
  key: '"bug"',
  position: 'words.txt:120',
  timestampMs: 1_000,
}

export function operator(name: string, given: Partial<OperatorFigures> = {}): OperatorFigures {
  return {
    uid: name,
    name,
    vertex: name,
    parallelism: 1,
    numRecordsIn: 0,
    numRecordsOut: 0,
    numLateRecordsDropped: 0,
    numDeadLetters: 0,
    currentWatermark: -Infinity,
    keys: 0,
    ...given,
  }
}

export function metrics(operators: readonly OperatorFigures[], given: Partial<JobMetrics> = {}): JobMetrics {
  return { status: 'RUNNING', attempt: 1, restarts: 0, lastCheckpoint: undefined, ...given, operators }
}

export function completed(checkpointId: number, atMs = 0): JobEvent {
  return {
    type: 'checkpoint-completed',
    atMs,
    checkpointId,
    kind: 'checkpoint',
    path: `/checkpoints/chk-${checkpointId}`,
    figures,
  }
}

export function result(given: Partial<JobResult>): JobResult {
  return { status: 'FINISHED', cause: undefined, lastCheckpoint: undefined, restarts: 0, ...given }
}

/** A job that does what a test says. */
export class FakeJob implements JobHandle {
  readonly jobName = 'word-count'
  readonly runId = 'run-1'
  status = 'RUNNING' as const
  figures: JobMetrics = metrics([operator('lines')])
  suspensions = 0
  readonly result: Promise<JobResult>
  /** What suspend() answers with; undefined: nothing ever. */
  whenSuspended: JobResult | undefined
  private settle!: (result: JobResult) => void
  private readonly listeners = new Set<(event: JobEvent) => void>()

  constructor() {
    this.result = new Promise((resolve) => {
      this.settle = resolve
    })
  }

  emit(event: JobEvent): void {
    for (const listener of this.listeners) listener(event)
  }

  end(given: Partial<JobResult> = {}): void {
    this.settle(result(given))
  }

  onEvent(listener: (event: JobEvent) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  metrics(): JobMetrics {
    return this.figures
  }

  suspend(): Promise<JobResult> {
    this.suspensions++
    if (this.whenSuspended !== undefined) this.settle(this.whenSuspended)
    return this.result
  }

  cancel(): Promise<JobResult> {
    return this.result
  }

  triggerCheckpoint(): Promise<CheckpointLocation> {
    return Promise.reject(new Error('not asked for'))
  }

  triggerSavepoint(): Promise<CheckpointLocation> {
    return this.triggerCheckpoint()
  }

  stop(): Promise<CheckpointLocation> {
    return this.triggerCheckpoint()
  }
}
