import type { KeyedDelta } from '../state/keyed-backend.ts'
import type { OperatorStateSnapshot } from '../state/operator-state.ts'

/** What a task hands over at a barrier; the runtime makes it durable and acknowledges. */
export interface TaskSnapshot {
  readonly checkpointId: number
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
