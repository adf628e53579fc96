import { formatDurationMs } from '../model/durations.ts'
import { IDLE_CHECKPOINT_MS } from './checkpoint-limits.ts'
import { discardCondemned } from './completed-checkpoints.ts'
import { afterEnding, finishWhenInputsEnded, goOnEnding } from './ending.ts'
import { afterFailure, failJob } from './failover.ts'
import { isTerminal } from './job-status.ts'
import { abortCollecting, overtakeAligned, trigger } from './pending-checkpoints.ts'
import { hasSlot } from './slots.ts'
import { change, order, type Turn } from './turn.ts'

/** After every event: does all that is due by now, and says when to look again. */
export function advance(turn: Turn): void {
  expire(turn)
  overtakeAligned(turn)
  failWhenIntolerable(turn)
  finishWhenInputsEnded(turn)
  goOnEnding(turn)
  triggerQueued(turn)
  triggerPeriodic(turn)
  if (turn.state.deployment === 'none') {
    afterEnding(turn)
    afterFailure(turn)
  }
  discardCondemned(turn)
  askToBeWoken(turn)
}

/** RUNNING: the first periodic checkpoint comes one interval later. */
export function beginSchedule(turn: Turn): void {
  const { intervalMs } = turn.state.settings.checkpointing
  change(turn, { nextPeriodicAtMs: intervalMs === undefined ? undefined : turn.nowMs + intervalMs })
}

function expire(turn: Turn): void {
  const message = `not acknowledged by all tasks within ${formatDurationMs(turn.state.settings.checkpointing.timeoutMs)}`
  abortCollecting(turn, 'expired', message, (pending) => turn.nowMs >= pending.deadlineMs)
}

function failWhenIntolerable(turn: Turn): void {
  const { status, ending, consecutiveFailures, settings } = turn.state
  const { tolerableFailures } = settings.checkpointing
  if (status !== 'RUNNING' || ending?.closing === true || consecutiveFailures <= tolerableFailures) return
  const found =
    consecutiveFailures === 1 ? '1 checkpoint failed' : `${consecutiveFailures} checkpoints failed in a row`
  const expected = `${tolerableFailures} are tolerated (execution.checkpointing.tolerable-failed-checkpoints)`
  failJob(turn, { message: `${found}; ${expected}` })
}

function triggerQueued(turn: Turn): void {
  while (triggersAllowed(turn) && turn.state.queued.length > 0 && hasSlot(turn)) {
    const [requestId, ...queued] = turn.state.queued
    change(turn, { queued })
    trigger(turn, { purpose: 'manual', requestId })
  }
}

function triggerPeriodic(turn: Turn): void {
  const dueAtMs = turn.state.idle ? idleDueAtMs(turn) : periodicDueAtMs(turn)
  if (dueAtMs === undefined || turn.nowMs < dueAtMs || !hasSlot(turn)) return
  trigger(turn, { purpose: 'periodic' })
  change(turn, { nextPeriodicAtMs: turn.nowMs + turn.state.settings.checkpointing.intervalMs! })
}

/** The interval and the minimum pause since the last completion have both passed then. */
function periodicDueAtMs(turn: Turn): number | undefined {
  const { nextPeriodicAtMs, lastCompletedAtMs, settings, idle } = turn.state
  if (!triggersAllowed(turn) || nextPeriodicAtMs === undefined || idle) return undefined
  const pausedUntilMs = (lastCompletedAtMs ?? Number.NEGATIVE_INFINITY) + settings.checkpointing.minPauseMs
  return Math.max(nextPeriodicAtMs, pausedUntilMs)
}

/** Of no wake-up's concern: somebody comes by once a week. */
function idleDueAtMs(turn: Turn): number | undefined {
  const { lastCompletedAtMs, settings } = turn.state
  const isPeriodic = settings.checkpointing.intervalMs !== undefined
  return isPeriodic && triggersAllowed(turn) && lastCompletedAtMs !== undefined
    ? lastCompletedAtMs + IDLE_CHECKPOINT_MS
    : undefined
}

function triggersAllowed(turn: Turn): boolean {
  const { status, deployment, ending } = turn.state
  return status === 'RUNNING' && deployment === 'running' && ending === undefined
}

/** What is due already waits for an event and not for time. */
function askToBeWoken(turn: Turn): void {
  const { pending, ending, restartAtMs, status, wakeAtMs } = turn.state
  const candidates = [
    ...pending
      .filter((one) => one.stage === 'collecting')
      .flatMap((one) => [one.deadlineMs, one.overtakeAtMs]),
    periodicDueAtMs(turn),
    restartAtMs,
    ending?.checkpointId === undefined ? ending?.triggerAtMs : undefined,
  ]
  const future = candidates.filter(
    (atMs) => atMs !== undefined && atMs > turn.nowMs && atMs < Infinity,
  ) as number[]
  const atMs = future.length === 0 || isTerminal(status) ? undefined : Math.min(...future)
  if (atMs === wakeAtMs) return
  change(turn, { wakeAtMs: atMs })
  if (atMs !== undefined) order(turn, { type: 'wake-at', atMs })
}
