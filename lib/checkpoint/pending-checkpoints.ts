import { assert } from '../model/faults.ts'
import { asCheckpointId, type CheckpointId, type TaskId } from '../model/ids.ts'
import type { EventOutcome } from './coordinator-events.ts'
import type { CheckpointPurpose, PendingCheckpoint } from './coordinator-state.ts'
import { COUNTS_AS_FAILURE, type CheckpointFailureReason } from './failure-reasons.ts'
import { hearActivity } from './idleness.ts'
import type { TaskAck } from './task-ack.ts'
import { answer, change, order, type Turn } from './turn.ts'

/** What tells one checkpoint from another when it is triggered. */
export interface TriggerRequest {
  readonly purpose: CheckpointPurpose
  readonly requestId?: string | undefined
  readonly target?: string | undefined
  readonly drain?: boolean
}

/** Takes the next id and orders the barrier. The caller has made sure that the attempt runs. */
export function trigger(turn: Turn, request: TriggerRequest): CheckpointId {
  const { state, nowMs } = turn
  assert(
    state.status === 'RUNNING' && state.deployment === 'running',
    `no checkpoint is triggered in ${state.status}`,
  )
  const checkpointId = state.nextCheckpointId
  const { purpose } = request
  const { unaligned, alignedTimeoutMs } = state.settings.checkpointing
  // The last checkpoint of a job that ends is small, and savepoints are to be portable: they are aligned, as in Flink.
  const mayOvertake = unaligned && (purpose === 'periodic' || purpose === 'manual')
  const pending: PendingCheckpoint = {
    checkpointId,
    attempt: state.attempt,
    kind: purpose === 'savepoint' || purpose === 'stop' ? 'savepoint' : 'checkpoint',
    purpose,
    stopSources: purpose === 'stop' || purpose === 'suspend',
    requestId: request.requestId,
    target: request.target,
    triggeredAtMs: nowMs,
    deadlineMs: nowMs + state.settings.checkpointing.timeoutMs,
    overtakeAtMs: mayOvertake && alignedTimeoutMs > 0 ? nowMs + alignedTimeoutMs : undefined,
    stage: 'collecting',
    acks: {},
    acknowledgedAtMs: undefined,
  }
  change(turn, { nextCheckpointId: asCheckpointId(checkpointId + 1), pending: [...state.pending, pending] })
  order(turn, {
    type: 'trigger',
    attempt: state.attempt,
    checkpointId,
    kind: pending.kind,
    triggeredAtMs: nowMs,
    stopSources: pending.stopSources,
    drain: request.drain === true,
    isUnaligned: mayOvertake && alignedTimeoutMs === 0,
  })
  return checkpointId
}

/** Checkpoints that have waited long enough for aligned barriers do not wait any longer. */
export function overtakeAligned(turn: Turn): void {
  for (const pending of turn.state.pending) {
    const { overtakeAtMs, stage, attempt, checkpointId, triggeredAtMs } = pending
    if (overtakeAtMs === undefined || stage !== 'collecting' || turn.nowMs < overtakeAtMs) continue
    replace(turn, { ...pending, overtakeAtMs: undefined })
    order(turn, { type: 'overtake', attempt, checkpointId, triggeredAtMs })
  }
}

/** Takes one task's acknowledgement; the last one sends the record to be stored. */
export function acknowledge(
  turn: Turn,
  checkpointId: CheckpointId,
  task: TaskId,
  ack: TaskAck,
): EventOutcome {
  const { state } = turn
  if (!state.tasks.some((known) => known.task === task)) return 'unknown-task'
  const pending = findPending(turn, checkpointId)
  if (pending === undefined) return 'unknown-checkpoint'
  if (pending.attempt !== state.attempt) return 'stale-attempt'
  if (Object.hasOwn(pending.acks, task)) return 'duplicate'

  hearActivity(turn, task, ack)
  const acks = { ...pending.acks, [task]: ack }
  if (Object.keys(acks).length < state.tasks.length) {
    replace(turn, { ...pending, acks })
    return 'accepted'
  }
  const complete: PendingCheckpoint = { ...pending, acks, stage: 'storing', acknowledgedAtMs: turn.nowMs }
  replace(turn, complete)
  order(turn, { type: 'store', pending: complete })
  return 'accepted'
}

/** One task's refusal gives the whole checkpoint up. */
export function decline(
  turn: Turn,
  checkpointId: CheckpointId,
  task: TaskId,
  reason: CheckpointFailureReason,
  message: string,
): EventOutcome {
  if (!turn.state.tasks.some((known) => known.task === task)) return 'unknown-task'
  const pending = findPending(turn, checkpointId)
  if (pending === undefined) return 'unknown-checkpoint'
  if (pending.stage === 'storing') return 'not-applicable'
  abort(turn, pending, reason, message)
  return 'accepted'
}

/** The record could not be written: the checkpoint failed. Half a record may be there, so it is removed. */
export function storeFailed(turn: Turn, checkpointId: CheckpointId, message: string): EventOutcome {
  const pending = findPending(turn, checkpointId)
  if (pending?.stage !== 'storing') return 'unknown-checkpoint'
  abort(turn, pending, 'store-failed', message)
  order(turn, { type: 'discard', checkpointId })
  return 'accepted'
}

/** Gives up every checkpoint that still waits for acknowledgements. */
export function abortCollecting(
  turn: Turn,
  reason: CheckpointFailureReason,
  message: string,
  which: (pending: PendingCheckpoint) => boolean = () => true,
): void {
  for (const pending of turn.state.pending) {
    if (pending.stage === 'collecting' && which(pending)) abort(turn, pending, reason, message)
  }
}

/** Whether a record is being written, whose fate has to be known before the job is deployed again or ends. */
export function isStoring(turn: Turn): boolean {
  return turn.state.pending.some((pending) => pending.stage === 'storing')
}

export function findPending(turn: Turn, checkpointId: CheckpointId): PendingCheckpoint | undefined {
  return turn.state.pending.find((pending) => pending.checkpointId === checkpointId)
}

export function remove(turn: Turn, checkpointId: CheckpointId): void {
  change(turn, { pending: turn.state.pending.filter((pending) => pending.checkpointId !== checkpointId) })
}

function abort(
  turn: Turn,
  pending: PendingCheckpoint,
  reason: CheckpointFailureReason,
  message: string,
): void {
  const { checkpointId, attempt, kind } = pending
  remove(turn, checkpointId)
  if (countsAsFailure(turn, pending, reason))
    change(turn, { consecutiveFailures: turn.state.consecutiveFailures + 1 })
  order(turn, { type: 'notify-aborted', attempt, checkpointId, kind, reason, message })
  answer(turn, pending.requestId, { type: 'failed', reason, message })
}

/**
 * Savepoints are the user's to try again; a failed last checkpoint does not keep a job from being suspended; and what
 * fails after a newer one is complete, or after the job did, is old news.
 */
function countsAsFailure(turn: Turn, pending: PendingCheckpoint, reason: CheckpointFailureReason): boolean {
  if (!COUNTS_AS_FAILURE[reason] || pending.kind === 'savepoint' || pending.purpose === 'suspend')
    return false
  return turn.state.status === 'RUNNING' && pending.checkpointId > (turn.state.committedId ?? 0)
}

function replace(turn: Turn, changed: PendingCheckpoint): void {
  const pending = turn.state.pending.map((one) => (one.checkpointId === changed.checkpointId ? changed : one))
  change(turn, { pending })
}
