import type { FailureCause } from '../checkpoint/failure-reasons.ts'
import type { JobStatus } from '../checkpoint/job-status.ts'
import type { CheckpointFigures } from '../checkpoint/coordinator-state.ts'

/** What handlers tell of what they do: structured logs and metrics. Nothing that a user's records hold is told. */
export interface JobObserver {
  /** Things that happen to the job. Told after they are committed, at least once. */
  event(event: JobHappening): void
  /** Flink's metric names where Flink has one; counts since the last call. `operator` is a uid. */
  metric(name: string, value: number, unit: 'Count' | 'Milliseconds' | 'Bytes', operator?: string): void
}

export type JobHappening =
  | {
      readonly type: 'status'
      readonly from: JobStatus
      readonly to: JobStatus
      readonly cause: FailureCause | undefined
    }
  | { readonly type: 'deployed'; readonly attempt: number; readonly restoredFrom: string | undefined }
  | { readonly type: 'checkpoint-triggered'; readonly checkpointId: number }
  | {
      readonly type: 'checkpoint-completed'
      readonly checkpointId: number
      readonly location: string
      readonly figures: CheckpointFigures
    }
  | {
      readonly type: 'checkpoint-failed'
      readonly checkpointId: number
      readonly reason: string
      readonly message: string
    }
  | { readonly type: 'poison-message'; readonly messageId: string; readonly reason: string }
  | { readonly type: 'warning'; readonly message: string }
