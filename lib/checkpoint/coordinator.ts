import { assert, unreachable } from '../model/faults.ts'
import { asAttempt, asCheckpointId, type Attempt, type TaskId } from '../model/ids.ts'
import type { RecordIdentity } from '../model/poison-records.ts'
import { complete } from './completed-checkpoints.ts'
import type { CoordinatorCommand } from './coordinator-commands.ts'
import type { CoordinatorEvent, EventOutcome, StartEvent } from './coordinator-events.ts'
import type { CoordinatorSettings, CoordinatorState } from './coordinator-state.ts'
import { cancel, suspend } from './ending.ts'
import { deploy, failJob } from './failover.ts'
import type { FailureCause } from './failure-reasons.ts'
import { jobQuiescent, taskActive } from './idleness.ts'
import { isTerminal } from './job-status.ts'
import { acknowledge, decline, storeFailed } from './pending-checkpoints.ts'
import { requestCheckpoint, requestSavepoint, requestStop } from './requests.ts'
import { initialRestartState } from './restart-strategy.ts'
import { advance, beginSchedule } from './schedule.ts'
import { change, moveTo, type Turn } from './turn.ts'

export interface CoordinatorEnv {
  /** Epoch milliseconds, never less than at the event before. */
  readonly nowMs: number
  /** A number in [0, 1). */
  readonly random: () => number
}

export interface CoordinatorStep {
  readonly state: CoordinatorState
  readonly commands: readonly CoordinatorCommand[]
  readonly outcome: EventOutcome
}

/** A coordinator that has not heard `start`. */
export function newCoordinator(settings: CoordinatorSettings): CoordinatorState {
  return {
    settings,
    status: 'CREATED',
    attempt: asAttempt(0),
    deployment: 'none',
    tasks: [],
    needsFinalCommit: false,
    nextCheckpointId: asCheckpointId(1),
    firstCheckpointId: asCheckpointId(1),
    committedId: undefined,
    pending: [],
    completed: [],
    condemned: [],
    lastSavepoint: undefined,
    committedSavepoint: undefined,
    initialRestorePoint: undefined,
    consecutiveFailures: 0,
    nextPeriodicAtMs: undefined,
    lastCompletedAtMs: undefined,
    queued: [],
    endedTasks: [],
    quietTasks: [],
    idle: false,
    ending: undefined,
    restartState: initialRestartState,
    restartAtMs: undefined,
    cause: undefined,
    poisonRecords: undefined,
    wakeAtMs: undefined,
  }
}

/** The whole coordinator: one event in; what it knows then and what it wants done out. Total and pure. */
export function coordinate(
  state: CoordinatorState,
  event: CoordinatorEvent,
  env: CoordinatorEnv,
): CoordinatorStep {
  const turn: Turn = { state, commands: [], nowMs: env.nowMs, random: env.random }
  const outcome = hear(turn, event)
  // A request that is refused is answered; nothing else comes of an event that was not accepted.
  if (outcome !== 'accepted') return { state, commands: turn.commands, outcome }
  advance(turn)
  return { state: turn.state, commands: turn.commands, outcome }
}

function hear(turn: Turn, event: CoordinatorEvent): EventOutcome {
  if (event.type !== 'start' && isTerminal(turn.state.status) && !isRequest(event)) return 'not-applicable'
  switch (event.type) {
    case 'start':
      return start(turn, event)
    case 'deployed':
      return ofThisAttempt(turn, event.attempt) ?? deployed(turn)
    case 'tick':
      change(turn, { wakeAtMs: undefined })
      return 'accepted'
    case 'acknowledge':
      return (
        ofThisAttempt(turn, event.attempt) ?? acknowledge(turn, event.checkpointId, event.task, event.ack)
      )
    case 'decline':
      return (
        ofThisAttempt(turn, event.attempt) ??
        decline(turn, event.checkpointId, event.task, event.reason, event.message)
      )
    case 'stored':
      return complete(turn, event.checkpointId, event.location)
    case 'store-failed':
      return storeFailed(turn, event.checkpointId, event.message)
    case 'task-failed':
      return ofThisAttempt(turn, event.attempt) ?? taskFailed(turn, event.cause, event.record)
    case 'input-ended':
      return ofThisAttempt(turn, event.attempt) ?? inputEnded(turn, event.task)
    case 'active':
      return ofThisAttempt(turn, event.attempt) ?? taskActive(turn, event.task)
    case 'quiescent':
      return ofThisAttempt(turn, event.attempt) ?? jobQuiescent(turn)
    case 'trigger-savepoint':
      return requestSavepoint(turn, event.requestId, event.target)
    case 'trigger-checkpoint':
      return requestCheckpoint(turn, event.requestId)
    case 'stop':
      return requestStop(turn, event.requestId, event.target, event.drain)
    case 'suspend':
      return suspend(turn)
    case 'cancel':
      return cancel(turn)
    case 'torn-down':
      return ofThisAttempt(turn, event.attempt) ?? tornDown(turn)
    default:
      return unreachable(event)
  }
}

/** Even a job that is over answers those who ask something of it. */
function isRequest(event: CoordinatorEvent): boolean {
  return event.type === 'trigger-savepoint' || event.type === 'trigger-checkpoint' || event.type === 'stop'
}

/** A message of a superseded attempt must not touch its successor. */
function ofThisAttempt(turn: Turn, attempt: Attempt): EventOutcome | undefined {
  return attempt === turn.state.attempt ? undefined : 'stale-attempt'
}

function start(turn: Turn, event: StartEvent): EventOutcome {
  const { status, attempt } = turn.state
  if (attempt !== 0) return 'duplicate'
  if (status !== 'CREATED') return 'not-applicable'
  assert(event.tasks.length > 0, 'a job has tasks')
  assert(
    event.retained.every((one) => one.checkpointId < event.nextCheckpointId),
    `the next checkpoint id, ${event.nextCheckpointId}, is above all those in use`,
  )
  change(turn, {
    attempt: event.lastAttempt,
    tasks: event.tasks,
    needsFinalCommit: event.needsFinalCommit,
    initialRestorePoint: event.restoreFrom,
    nextCheckpointId: event.nextCheckpointId,
    firstCheckpointId: event.nextCheckpointId,
    completed: event.retained,
  })
  deploy(turn)
  return 'accepted'
}

function deployed(turn: Turn): EventOutcome {
  const { deployment } = turn.state
  if (deployment === 'running') return 'duplicate'
  if (deployment !== 'deploying') return 'not-applicable'
  change(turn, { deployment: 'running', cause: undefined })
  moveTo(turn, 'RUNNING')
  beginSchedule(turn)
  return 'accepted'
}

/** The first failure of an attempt is the one that counts; the rest are its echoes. */
function taskFailed(turn: Turn, cause: FailureCause, record: RecordIdentity | undefined): EventOutcome {
  const { deployment } = turn.state
  if (deployment !== 'deploying' && deployment !== 'running') return 'not-applicable'
  failJob(turn, cause, record)
  return 'accepted'
}

function inputEnded(turn: Turn, task: TaskId): EventOutcome {
  const { tasks, endedTasks, deployment } = turn.state
  if (!tasks.some((known) => known.task === task)) return 'unknown-task'
  if (endedTasks.includes(task)) return 'duplicate'
  if (deployment !== 'deploying' && deployment !== 'running') return 'not-applicable'
  change(turn, { endedTasks: [...endedTasks, task] })
  return 'accepted'
}

function tornDown(turn: Turn): EventOutcome {
  const { deployment, ending } = turn.state
  if (deployment === 'none') return 'duplicate'
  if (deployment !== 'tearing-down' && ending?.closing !== true) return 'not-applicable'
  change(turn, { deployment: 'none' })
  return 'accepted'
}
