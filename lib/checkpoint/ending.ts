import { FINAL_CHECKPOINT_RETRY_MS } from './checkpoint-limits.ts'
import { condemnAll } from './completed-checkpoints.ts'
import type { EventOutcome } from './coordinator-events.ts'
import type { Ending } from './coordinator-state.ts'
import { failJob } from './failover.ts'
import { isTerminal } from './job-status.ts'
import { abortCollecting, findPending, isStoring, trigger } from './pending-checkpoints.ts'
import { abandonQueued, abandonRequests } from './requests.ts'
import { hasSlot } from './slots.ts'
import { answer, change, moveTo, order, tearDown, type Turn } from './turn.ts'

/** Ends the job at once, in any status. */
export function cancel(turn: Turn): EventOutcome {
  if (turn.state.status === 'CANCELLING') return 'duplicate'
  if (isTerminal(turn.state.status)) return 'not-applicable'
  const message = 'the job was cancelled'
  abortCollecting(turn, 'job-cancelled', message)
  abandonRequests(turn, 'job-cancelled', message)
  change(turn, { ending: undefined, restartAtMs: undefined, nextPeriodicAtMs: undefined })
  moveTo(turn, 'CANCELLING')
  tearDown(turn)
  return 'accepted'
}

/**
 * Puts the job aside, with a last checkpoint if checkpointing is on and it runs, undrained. Asked a second time, it
 * does not wait for that checkpoint any longer.
 */
export function suspend(turn: Turn): EventOutcome {
  const { status, deployment, ending, settings } = turn.state
  if (status === 'CANCELLING' || isTerminal(status)) return 'not-applicable'
  if (ending?.closing === true) return ending.type === 'suspend' ? 'duplicate' : 'not-applicable'

  const message = 'the job is being suspended'
  const runs = status === 'RUNNING' && deployment === 'running'
  // A checkpoint in which event time has ended would make all that comes after it late.
  const drained = ending?.drain === true && ending.checkpointId !== undefined
  const waits =
    runs && settings.checkpointing.intervalMs !== undefined && ending?.type !== 'suspend' && !drained
  abortCollecting(turn, 'job-suspended', message)
  abandonRequests(turn, 'job-suspended', message)
  change(turn, {
    nextPeriodicAtMs: undefined,
    restartAtMs: undefined,
    ending: endingOf('suspend', turn, !waits),
  })
  if (!waits) tearDown(turn)
  return 'accepted'
}

/** All inputs have ended: what is left to commit is, then the job finishes. */
export function finishWhenInputsEnded(turn: Turn): void {
  const { endedTasks, tasks, ending, status } = turn.state
  if (status === 'RUNNING' && ending === undefined && endedTasks.length === tasks.length) {
    change(turn, { ending: endingOf('finish', turn, false), nextPeriodicAtMs: undefined })
  }
}

/** Brings a job that is on its way out one step on: its last checkpoint triggered, complete or failed. */
export function goOnEnding(turn: Turn): void {
  const { ending, status, deployment } = turn.state
  if (ending === undefined || ending.closing || status !== 'RUNNING' || deployment !== 'running') return
  const needsCheckpoint =
    ending.type !== 'finish' ||
    turn.state.needsFinalCommit ||
    turn.state.settings.checkpointing.intervalMs !== undefined
  if (!needsCheckpoint) return close(turn, ending)

  if (ending.checkpointId === undefined) return triggerLast(turn, ending)
  if (findPending(turn, ending.checkpointId) !== undefined) return
  if (turn.state.committedId === ending.checkpointId) return close(turn, ending)
  lastCheckpointFailed(turn, ending)
}

/** Once the attempt is gone. */
export function afterEnding(turn: Turn): void {
  const { status, ending, cause } = turn.state
  if (isStoring(turn)) return
  if (status === 'CANCELLING') {
    if (turn.state.settings.checkpointing.retentionOnCancel === 'delete') condemnAll(turn)
    moveTo(turn, 'CANCELED')
  } else if (ending?.type === 'suspend') {
    moveTo(turn, 'SUSPENDED', cause)
  } else if (ending?.closing === true) {
    // As in Flink: a finished job has no use for its checkpoints, retained or not. Savepoints are the user's.
    condemnAll(turn)
    moveTo(turn, 'FINISHED')
    const savepoint = turn.state.committedSavepoint
    if (savepoint !== undefined) answer(turn, ending.requestId, { type: 'completed', checkpoint: savepoint })
  }
}

/** A savepoint needs no slot; the last checkpoint of a suspended or finished job does. */
function triggerLast(turn: Turn, ending: Ending): void {
  if (turn.nowMs < ending.triggerAtMs) return
  if (ending.type !== 'stop' && !hasSlot(turn)) return
  const { requestId, target, drain } = ending
  const purpose = ending.type === 'finish' ? 'final' : ending.type
  const checkpointId = trigger(turn, { purpose, requestId, target, drain })
  change(turn, { ending: { ...ending, checkpointId } })
}

/**
 * A final checkpoint is tried again (the tolerable number ends that), a suspended job goes without, and a job that
 * was to stop runs on; unless it was drained: event time has ended and cannot be taken back but by a restart.
 */
function lastCheckpointFailed(turn: Turn, ending: Ending): void {
  switch (ending.type) {
    case 'finish': {
      const triggerAtMs = turn.nowMs + FINAL_CHECKPOINT_RETRY_MS
      change(turn, { ending: { ...ending, checkpointId: undefined, triggerAtMs } })
      return
    }
    case 'suspend':
      change(turn, { ending: { ...ending, closing: true } })
      tearDown(turn)
      return
    case 'stop':
      change(turn, { ending: undefined })
      if (ending.drain)
        failJob(turn, { message: 'stop with drain: the savepoint failed after event time was ended' })
  }
}

function close(turn: Turn, ending: Ending): void {
  abortCollecting(turn, 'job-stopping', 'the job is ending')
  abandonQueued(turn, 'job-stopping', 'the job is ending')
  change(turn, { ending: { ...ending, closing: true }, nextPeriodicAtMs: undefined })
  if (ending.type === 'suspend') tearDown(turn)
  else order(turn, { type: 'finish-tasks', attempt: turn.state.attempt })
}

function endingOf(type: Ending['type'], turn: Turn, closing: boolean): Ending {
  return {
    type,
    requestId: undefined,
    target: undefined,
    drain: false,
    checkpointId: undefined,
    triggerAtMs: turn.nowMs,
    closing,
  }
}
