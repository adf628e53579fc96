import { assert } from '../model/faults.ts'
import type { CoordinatorCommand, RequestOutcome } from './coordinator-commands.ts'
import type { CoordinatorState } from './coordinator-state.ts'
import type { FailureCause } from './failure-reasons.ts'
import { canMove, type JobStatus } from './job-status.ts'

/** One call of `coordinate` while it is at work: the state so far, and the commands so far. Never outlives the call. */
export interface Turn {
  state: CoordinatorState
  readonly commands: CoordinatorCommand[]
  readonly nowMs: number
  readonly random: () => number
}

export function change(turn: Turn, changes: Partial<CoordinatorState>): void {
  turn.state = { ...turn.state, ...changes }
}

export function order(turn: Turn, command: CoordinatorCommand): void {
  turn.commands.push(command)
}

export function answer(turn: Turn, requestId: string | undefined, outcome: RequestOutcome): void {
  if (requestId !== undefined) order(turn, { type: 'answer', requestId, outcome })
}

/** The only way the status changes. */
export function moveTo(turn: Turn, to: JobStatus, cause?: FailureCause): void {
  const from = turn.state.status
  assert(canMove(from, to), `a job does not go from ${from} to ${to}`)
  change(turn, { status: to })
  order(turn, { type: 'status', from, to, atMs: turn.nowMs, cause })
}

/** Ends the tasks of the attempt that is deployed, if one is. */
export function tearDown(turn: Turn): void {
  const { deployment, attempt } = turn.state
  if (deployment !== 'deploying' && deployment !== 'running') return
  change(turn, { deployment: 'tearing-down', endedTasks: [] })
  order(turn, { type: 'tear-down', attempt })
}
