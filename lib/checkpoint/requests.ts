import { MANUAL_REQUESTS_MAX } from './checkpoint-limits.ts'
import type { EventOutcome } from './coordinator-events.ts'
import { trigger } from './pending-checkpoints.ts'
import type { CheckpointFailureReason } from './failure-reasons.ts'
import { answer, change, type Turn } from './turn.ts'

/** A savepoint heeds neither the minimum pause nor the number of concurrent checkpoints. */
export function requestSavepoint(turn: Turn, requestId: string, target: string | undefined): EventOutcome {
  if (isKnown(turn, requestId)) return 'duplicate'
  const obstacle = whyNot(turn)
  if (obstacle !== undefined) return refuse(turn, requestId, obstacle)
  trigger(turn, { purpose: 'savepoint', requestId, target })
  return 'accepted'
}

/** A checkpoint asked for by hand heeds no pause, but waits for its turn. */
export function requestCheckpoint(turn: Turn, requestId: string): EventOutcome {
  if (isKnown(turn, requestId)) return 'duplicate'
  const obstacle = whyNot(turn)
  if (obstacle !== undefined) return refuse(turn, requestId, obstacle)
  if (turn.state.queued.length >= MANUAL_REQUESTS_MAX) {
    return refuse(turn, requestId, `${MANUAL_REQUESTS_MAX} checkpoints asked for by hand are waiting already`)
  }
  change(turn, { queued: [...turn.state.queued, requestId] })
  return 'accepted'
}

/** Stop with a savepoint: the job runs on until it is stored, then finishes. */
export function requestStop(
  turn: Turn,
  requestId: string,
  target: string | undefined,
  drain: boolean,
): EventOutcome {
  if (isKnown(turn, requestId)) return 'duplicate'
  const obstacle = whyNot(turn)
  if (obstacle !== undefined) return refuse(turn, requestId, obstacle)
  change(turn, {
    ending: {
      type: 'stop',
      requestId,
      target,
      drain,
      checkpointId: undefined,
      triggerAtMs: turn.nowMs,
      closing: false,
    },
  })
  return 'accepted'
}

/** The attempt that was to serve these requests ends: those without a checkpoint under way are answered now. */
export function abandonRequests(turn: Turn, reason: CheckpointFailureReason, message: string): void {
  const { ending, committedSavepoint } = turn.state
  abandonQueued(turn, reason, message)
  if (ending?.type === 'stop' && (ending.closing || ending.checkpointId === undefined)) {
    const kept =
      ending.closing && committedSavepoint !== undefined
        ? `; its savepoint is at ${committedSavepoint.location}`
        : ''
    answer(turn, ending.requestId, { type: 'failed', reason, message: `${message}${kept}` })
  }
}

export function abandonQueued(turn: Turn, reason: CheckpointFailureReason, message: string): void {
  for (const requestId of turn.state.queued) answer(turn, requestId, { type: 'failed', reason, message })
  change(turn, { queued: [] })
}

function whyNot(turn: Turn): string | undefined {
  const { status, ending } = turn.state
  if (status !== 'RUNNING') return `the job is ${status}, not RUNNING`
  if (ending === undefined) return undefined
  return `the job is about to ${ending.type}`
}

function refuse(turn: Turn, requestId: string, message: string): EventOutcome {
  answer(turn, requestId, { type: 'refused', message })
  return 'not-applicable'
}

function isKnown(turn: Turn, requestId: string): boolean {
  const { queued, pending, ending } = turn.state
  return (
    queued.includes(requestId) ||
    ending?.requestId === requestId ||
    pending.some((one) => one.requestId === requestId)
  )
}
