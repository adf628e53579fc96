import type { CheckpointId, TaskId } from '../model/ids.ts'
import type { LogPosition, LogPositions } from './checkpoint-record.ts'
import type { EventOutcome } from './coordinator-events.ts'
import type {
  CheckpointFigures,
  CompletedCheckpoint,
  PendingCheckpoint,
  RestorePoint,
} from './coordinator-state.ts'
import { fallIdle } from './idleness.ts'
import { abortCollecting, findPending, remove } from './pending-checkpoints.ts'
import { answer, change, order, type Turn } from './turn.ts'

/** The record is durable: the checkpoint is complete. */
export function complete(turn: Turn, checkpointId: CheckpointId, location: string): EventOutcome {
  const pending = findPending(turn, checkpointId)
  if (pending?.stage !== 'storing') return 'unknown-checkpoint'
  const completed = toCompleted(pending, location)

  remove(turn, checkpointId)
  change(turn, { consecutiveFailures: 0, lastCompletedAtMs: turn.nowMs })
  if (pending.kind === 'checkpoint') {
    retain(turn, completed)
    fallIdle(turn, pending)
  } else keepSavepoint(turn, completed)

  if (pending.purpose !== 'savepoint') {
    abortCollecting(
      turn,
      'subsumed',
      `checkpoint ${checkpointId} completed first`,
      (other) => other.kind === 'checkpoint' && other.checkpointId < checkpointId,
    )
    notifyComplete(turn, completed)
  }
  answerCompleted(turn, pending, completed)
  return 'accepted'
}

/** Who asked for a stop is answered when the job has stopped; or now, if something else came between. */
function answerCompleted(turn: Turn, pending: PendingCheckpoint, checkpoint: CompletedCheckpoint): void {
  const { status, ending } = turn.state
  if (pending.purpose !== 'stop') return answer(turn, pending.requestId, { type: 'completed', checkpoint })
  if (ending?.checkpointId === pending.checkpointId) return
  const reason =
    status === 'RUNNING' ? 'job-suspended' : status === 'CANCELLING' ? 'job-cancelled' : 'job-failing'
  const message = `the savepoint is complete at ${checkpoint.location}, but did not end the job`
  answer(turn, pending.requestId, { type: 'failed', reason, message })
}

/**
 * What the next attempt starts from: the newest checkpoint of this run, or a newer savepoint unless checkpoints are
 * preferred; but never anything older than what has been committed. Else, what the run itself started from.
 */
export function restorePoint(turn: Turn): RestorePoint | undefined {
  const { completed, firstCheckpointId, lastSavepoint, committedSavepoint, settings } = turn.state
  const candidates = [
    completed.findLast((one) => one.checkpointId >= firstCheckpointId),
    committedSavepoint,
    // One that was to end the job counts once it is committed: event time may have ended in it.
    settings.checkpointing.preferCheckpointForRecovery || lastSavepoint?.purpose === 'stop'
      ? undefined
      : lastSavepoint,
  ]
  const known = candidates.filter((one) => one !== undefined)
  if (known.length === 0) return turn.state.initialRestorePoint
  return pointOf(known.reduce((newest, one) => (one.checkpointId > newest.checkpointId ? one : newest)))
}

/** Orders the removal of what was subsumed, unless a savepoint under way may still copy from its segments. */
export function discardCondemned(turn: Turn): void {
  const { condemned, pending } = turn.state
  if (condemned.length === 0 || pending.some((one) => one.kind === 'savepoint')) return
  change(turn, { condemned: [] })
  for (const checkpointId of condemned) order(turn, { type: 'discard', checkpointId })
}

/** The job is over and keeps nothing. */
export function condemnAll(turn: Turn): void {
  const { condemned, completed } = turn.state
  change(turn, { condemned: [...condemned, ...completed.map((one) => one.checkpointId)], completed: [] })
}

/** Beyond the number retained the oldest go. A late one, overtaken by newer ones, may be among them itself. */
function retain(turn: Turn, added: CompletedCheckpoint): void {
  const { completed, condemned, settings } = turn.state
  const all = [...completed, added].toSorted((a, b) => a.checkpointId - b.checkpointId)
  const surplus = Math.max(0, all.length - settings.checkpointing.numRetained)
  change(turn, {
    completed: all.slice(surplus),
    condemned: [...condemned, ...all.slice(0, surplus).map((one) => one.checkpointId)],
  })
}

function keepSavepoint(turn: Turn, added: CompletedCheckpoint): void {
  const last = turn.state.lastSavepoint
  if (last === undefined || last.checkpointId < added.checkpointId) change(turn, { lastSavepoint: added })
}

/**
 * Only while the attempt that took it runs: a later one commits what it restores. A plain savepoint commits nothing,
 * as in Flink since 1.15: the next checkpoint, or a restart from the savepoint, commits its work.
 */
function notifyComplete(turn: Turn, completed: CompletedCheckpoint): void {
  const { state } = turn
  const { checkpointId, attempt } = completed
  if (state.status !== 'RUNNING' || attempt !== state.attempt) return
  if (state.committedId !== undefined && state.committedId > checkpointId) return
  change(turn, { committedId: checkpointId })
  if (completed.kind === 'savepoint') change(turn, { committedSavepoint: completed })
  order(turn, { type: 'notify-complete', attempt, checkpointId })
}

function toCompleted(pending: PendingCheckpoint, location: string): CompletedCheckpoint {
  const { checkpointId, kind, attempt, purpose, triggeredAtMs } = pending
  const completedAtMs = pending.acknowledgedAtMs ?? triggeredAtMs
  return {
    checkpointId,
    kind,
    location,
    attempt,
    purpose,
    triggeredAtMs,
    completedAtMs,
    figures: figuresOf(pending),
    logs: logsOf(pending),
  }
}

/** Where the barrier is in the tasks' logs; undefined where they have none. */
export function logsOf({ acks, attempt }: PendingCheckpoint): LogPositions | undefined {
  const logs: Record<TaskId, LogPosition> = {}
  for (const [task, { position, channels }] of Object.entries(acks)) {
    if (position === undefined) return undefined
    logs[task as TaskId] = { attempt, position, ...(channels === undefined ? {} : { channels }) }
  }
  return logs
}

function figuresOf(pending: PendingCheckpoint): CheckpointFigures {
  const all = Object.values(pending.acks).map((ack) => ack.figures)
  const sum = (of: (figures: CheckpointFigures) => number): number =>
    all.reduce((total, one) => total + of(one), 0)
  return {
    alignmentMs: all.reduce((longest, one) => Math.max(longest, one.alignmentMs), 0),
    durationMs: (pending.acknowledgedAtMs ?? pending.triggeredAtMs) - pending.triggeredAtMs,
    bytes: sum((one) => one.bytes),
    fullBytes: sum((one) => one.fullBytes),
    records: sum((one) => one.records),
  }
}

function pointOf({ checkpointId, kind, location }: RestorePoint): RestorePoint {
  return { checkpointId, kind, location }
}
