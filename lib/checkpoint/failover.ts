import { asAttempt } from '../model/ids.ts'
import type { RecordIdentity } from '../model/poison-records.ts'
import { restorePoint } from './completed-checkpoints.ts'
import type { FailureCause } from './failure-reasons.ts'
import { abandonRequests } from './requests.ts'
import { abortCollecting, isStoring } from './pending-checkpoints.ts'
import { countFailure, noPoisonRecords } from './poison-records.ts'
import { decideRestart, type RestartDecision } from './restart-strategy.ts'
import { change, moveTo, order, tearDown, type Turn } from './turn.ts'

/** The job failed at a record: one that it keeps failing at is to be set aside. A mistake of the user's ends it anyway. */
export function noteFailingRecord(turn: Turn, record: RecordIdentity | undefined, cause: FailureCause): void {
  const { settings, poisonRecords = noPoisonRecords } = turn.state
  if (record === undefined || settings.deadLetterAfter === undefined || cause.isUserMistake === true) return
  change(turn, { poisonRecords: countFailure(poisonRecords, record, cause, settings.deadLetterAfter) })
}

/** The job failed: its tasks are ended, and the restart strategy says whether they start again. */
export function failJob(turn: Turn, cause: FailureCause): void {
  const { ending, settings, restartState, committedId } = turn.state
  abortCollecting(turn, 'job-failing', cause.message)
  abandonRequests(turn, 'job-failing', cause.message)
  change(turn, { consecutiveFailures: 0, nextPeriodicAtMs: undefined })

  // Whoever suspends the job wants it gone; it starts again when it is resumed.
  if (ending?.type === 'suspend') {
    change(turn, { cause, ending: { ...ending, closing: true } })
    tearDown(turn)
    return
  }

  const decision: RestartDecision =
    cause.isUserMistake === true
      ? { restart: false, reason: 'a restart would meet the same mistake', state: restartState }
      : decideRestart(settings.restart, restartState, turn.nowMs, turn.random)
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
  const { listed } = state.poisonRecords ?? noPoisonRecords
  order(turn, { type: 'deploy', attempt, restoreFrom, poisonRecords: listed })
}
