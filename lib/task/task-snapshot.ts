import type { KeyedDelta } from '../state/keyed-backend.ts'
import type { OperatorStateSnapshot } from '../state/operator-state.ts'
import type { AlignerProgress } from './barrier-aligner.ts'
import type { ValveProgress } from './watermark-valve.ts'

/** What a task hands over at a barrier; the runtime makes it durable and acknowledges. */
export interface TaskSnapshot {
  readonly checkpointId: number
  readonly isSavepoint: boolean
  /** What was under way to the task is part of the checkpoint. */
  readonly isUnaligned: boolean
  readonly watermarkMs: number
  readonly finished: boolean
  /** One for each operator of the chain, in chain order. */
  readonly operators: readonly OperatorTaskSnapshot[]
  /** From the first barrier to the last, in milliseconds of the task's clock. */
  readonly alignmentMs: number
}

export interface OperatorTaskSnapshot {
  readonly uid: string
  readonly keyed: KeyedDelta | undefined
  readonly operatorState: OperatorStateSnapshot
}

/** Where a task is, between two batches, besides the state of its operators: another instance goes on from it. Plain data. */
export interface TaskProgress {
  readonly valve: ValveProgress
  readonly aligner: AlignerProgress
  readonly channelEnded: readonly boolean[]
  readonly ended: boolean
  /** Its input had ended at the checkpoint that it began from, and nothing has come since. */
  readonly endsAgain: boolean
  /** By operator: the watermark it saw last. */
  readonly watermarksMs: readonly number[]
  /** By writer. */
  readonly nextTargets: readonly number[]
  /** The watermark whose timers have not all fired yet. */
  readonly firingUpToMs: number | undefined
}

/** All that has to survive of a task between two batches, but its keyed state. */
export interface TaskCapture {
  readonly progress: TaskProgress
  /** One for each operator of the chain, in chain order. */
  readonly operators: readonly { readonly uid: string; readonly operatorState: OperatorStateSnapshot }[]
}
