import { asAttempt } from '../model/ids.ts'
import type { RecordIdentity } from '../model/poison-records.ts'
import { restorePoint } from './completed-checkpoints.ts'
import type { FailureCause } from './failure-reasons.ts'
import { abandonRequests } from './requests.ts'
import { abortCollecting, isStoring } from './pending-checkpoints.ts'
import { countFailure, noPoisonRecords, poisonOf, TOO_MUCH_POISON } from './poison-records.ts'
import { decideRestart, type RestartDecision } from './restart-strategy.ts'
import { change, moveTo, order, tearDown, type Turn } from './turn.ts'

/** Whether the failure counts against a record that is to be set aside if the job keeps failing at it. */
function countAgainst(
  turn: Turn,
  record: RecordIdentity | undefined,
  cause: FailureCause,
): 'counted' | 'not counted' | 'too many' {
  const { settings, poisonRecords = noPoisonRecords, nextCheckpointId, completed } = turn.state
  const { deadLetterAfter } = settings
  if (record === undefined || deadLetterAfter === undefined) return 'not counted'
  const completedId = completed.at(-1)?.checkpointId
  const counted = countFailure(poisonRecords, record, cause, {
    deadLetterAfter,
    nextCheckpointId,
    completedId,
  })
  if (counted === undefined) return 'too many'
  change(turn, { poisonRecords: counted })
  return 'counted'
}

/**
 * The job failed, at `record` perhaps: its tasks are ended, and the restart strategy says whether they start again. A mistake
 * of the user's ends it anyway, unless a record is to blame that can be set aside.
 */
export function failJob(turn: Turn, cause: FailureCause, record?: RecordIdentity): void {
  const { ending, settings, restartState, committedId } = turn.state
  const blame = countAgainst(turn, record, cause)
  abortCollecting(turn, 'job-failing', cause.message)
  abandonRequests(turn, 'job-failing', cause.message)
  change(turn, { consecutiveFailures: 0, nextPeriodicAtMs: undefined })

  // Whoever suspends the job wants it gone; it starts again when it is resumed.
  if (ending?.type === 'suspend') {
    change(turn, { cause, ending: { ...ending, closing: true } })
    tearDown(turn)
    return
  }

  const refusal =
    blame === 'too many'
      ? TOO_MUCH_POISON
      : cause.isUserMistake === true && blame === 'not counted'
        ? 'a restart would meet the same mistake'
        : undefined
  const decision: RestartDecision =
    refusal === undefined
      ? decideRestart(settings.restart, restartState, turn.nowMs, turn.random)
      : { restart: false, reason: refusal, state: restartState }
  const told = decision.restart ? cause : { ...cause, notRestartedBecause: decision.reason }
  change(turn, {
    cause: told,
    // Event time has ended for good: the next attempt has nothing to do but to end as well.
    ending:
      ending?.drain === true && ending.checkpointId !== undefined && ending.checkpointId === committedId
        ? { ...ending, requestId: undefined, closing: false }
        : undefined,
    restartState: decision.state,
    restartAtMs: decision.restart ? turn.nowMs + decision.delayMs : undefined,
  })
  moveTo(turn, 'FAILING', told)
  tearDown(turn)
}

/** Once the failed attempt is gone: on to the next one, or the end. */
export function afterFailure(turn: Turn): void {
  if (turn.state.status === 'FAILING' && turn.state.restartAtMs !== undefined) {
    moveTo(turn, 'RESTARTING', turn.state.cause)
  }
  const { restartAtMs, status } = turn.state
  // Until it is known whether a checkpoint being written is complete, it is not known where to start from.
  if (isStoring(turn)) return
  if (status === 'FAILING') moveTo(turn, 'FAILED', turn.state.cause)
  if (status === 'RESTARTING' && restartAtMs !== undefined && turn.nowMs >= restartAtMs) deploy(turn)
}

/** The next attempt. It commits what it restores, so none may start from before that again. */
export function deploy(turn: Turn): void {
  const { state } = turn
  const attempt = asAttempt(state.attempt + 1)
  const restoreFrom = restorePoint(turn)
  const ownId = restoreFrom === state.initialRestorePoint ? undefined : restoreFrom?.checkpointId
  change(turn, {
    attempt,
    deployment: 'deploying',
    endedTasks: [],
    quietTasks: [],
    idle: false,
    restartAtMs: undefined,
    committedId: ownId ?? state.committedId,
  })
  order(turn, { type: 'deploy', attempt, restoreFrom, poisonRecords: poisonOf(state.poisonRecords) })
}
