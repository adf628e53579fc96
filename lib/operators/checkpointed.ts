import { UserError } from '../model/faults.ts'
import type { CheckpointedFunction } from '../stream/functions.ts'
import type { ListState, OperatorStateSpec } from '../stream/state.ts'
import type { OperatorContext } from './operator.ts'

/** Runs the operator-state hooks of a user function: `initializeState` once, `snapshotState` at each barrier. */
export class CheckpointedHooks {
  // The handles' types were checked where the function was written.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  private readonly fn: CheckpointedFunction<any>
  private readonly handles: Record<string, ListState<unknown>> = {}

  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  constructor(fn: CheckpointedFunction<any>) {
    this.fn = fn
  }

  initialize(context: OperatorContext): void {
    const spec: OperatorStateSpec = this.fn.operatorState ?? {}
    for (const [name, descriptor] of Object.entries(spec)) {
      if (name.startsWith('millrace.')) {
        throw new UserError(
          `Operator '${context.uid}': expected the name of an operator state not to begin with 'millrace.', got '${name}'`,
        )
      }
      this.handles[name] = context.operatorState.list(name, descriptor)
    }
    const { jobName, uid, subtaskIndex, parallelism, attempt, isRestored } = context
    this.fn.initializeState?.({
      jobName,
      operatorUid: uid,
      subtaskIndex,
      parallelism,
      attempt,
      isRestored,
      operatorState: this.handles,
    })
  }

  snapshot(checkpointId: number): void {
    this.fn.snapshotState?.({ checkpointId, operatorState: this.handles })
  }
}
