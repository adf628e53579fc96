import type { CoordinatorEvent } from '../../checkpoint/coordinator-events.ts'
import { ingestSourcesOf } from '../../connectors/ingest/ingest-sources.ts'
import { ingestActor } from '../../model/actors.ts'
import { isTerminal } from '../../checkpoint/job-status.ts'
import { UserError } from '../../model/faults.ts'
import { denialIn } from '../../ports/platform-fault.ts'
import type { JobRequest } from '../protocol.ts'
import { COORDINATOR_LIMITS } from './coordinator-limits.ts'
import { hearDenial } from './actor-faults.ts'
import { hear } from './hear.ts'
import { shownStatus, type JobAnswer } from './image.ts'
import { mismatch } from './plan-shape.ts'
import { askForQuiescence } from './quiescence.ts'
import { isPlainName, locationOf, nameOf } from './restore-source.ts'
import { start } from './start.ts'
import {
  answer,
  change,
  intend,
  isAnswered,
  nudgeAll,
  removeAgain,
  warn,
  type CoordinatorTurn,
} from './turn.ts'

const ACCEPTED: JobAnswer = { type: 'accepted' }

/** What those outside ask. The same request twice is one. */
export async function request(turn: CoordinatorTurn, asked: JobRequest): Promise<void> {
  if (asked.type === 'tick') return tick(turn)
  if (asked.type === 'visit') return visit(turn)
  const { requestId } = asked
  if (isAnswered(turn, requestId)) return
  const { run } = turn.image
  if (asked.type === 'start') return requestStart(turn, asked)
  if (run === undefined) return refuse(turn, requestId, 'the job was never started')
  failIfOtherCode(turn)
  switch (asked.type) {
    case 'trigger-checkpoint': {
      if (turn.image.coordinator.settings.checkpointing.intervalMs === undefined) {
        const message =
          'periodic checkpoints are off (execution.checkpointing.interval): nothing could be restored from one. Take a savepoint'
        return refuse(turn, requestId, message)
      }
      return hear(turn, { type: 'trigger-checkpoint', requestId })
    }
    case 'trigger-savepoint':
    case 'stop': {
      const obstacle = wrongTarget(turn, asked.target) ?? otherSavepoint(turn, requestId)
      if (obstacle !== undefined) return refuse(turn, requestId, obstacle)
      return hear(turn, asked)
    }
    case 'suspend': {
      const { checkpointing } = turn.image.coordinator.settings
      if (!run.ended && checkpointing.intervalMs === undefined) {
        const message =
          'periodic checkpoints are off (execution.checkpointing.interval): nothing could be started from again. Stop it with a ' +
          'savepoint, or cancel it'
        return refuse(turn, requestId, message)
      }
      return end(turn, requestId, 'suspend')
    }
    case 'cancel':
      return end(turn, requestId, 'cancel')
    case 'dead-letter':
      return deadLetter(turn, asked)
    case 'denied':
      hearDenial(turn, asked)
      return answer(turn, requestId, ACCEPTED)
  }
}

async function requestStart(
  turn: CoordinatorTurn,
  asked: Extract<JobRequest, { type: 'start' }>,
): Promise<void> {
  const { run } = turn.image
  if (run !== undefined && !run.ended) {
    const status = shownStatus(turn.image)
    const message = isTerminal(turn.image.coordinator.status)
      ? `the job is about to end (${status}): ask again when it has`
      : `the job is ${status}: end it first, with stop, suspend or cancel`
    return refuse(turn, asked.requestId, message)
  }
  // Whoever asks for a start does not want another one, whatever comes of this.
  turn.image = { ...turn.image, startAsked: true }
  const before = turn.image
  try {
    await start(turn, asked)
  } catch (cause) {
    const obstacle = cause instanceof UserError ? cause : denialIn(cause)
    if (obstacle === undefined) throw cause
    turn.image = before
    return refuse(turn, asked.requestId, obstacle.message)
  }
  answer(turn, asked.requestId, ACCEPTED)
}

function end(turn: CoordinatorTurn, requestId: string, type: 'cancel' | 'suspend'): void {
  const before = turn.image.coordinator
  hear(turn, { type } satisfies CoordinatorEvent)
  const isHeard = turn.image.coordinator !== before || before.status === 'CANCELLING'
  if (isHeard) return answer(turn, requestId, ACCEPTED)
  refuse(turn, requestId, `the job is ${shownStatus(turn.image)}`)
}

/**
 * What a message was to bring about never will be: neither the attempt nor its channels can be trusted. Where the attempt is
 * over, nobody waits for it: many die together, and those that come late are not to fail the attempt that made up for them.
 */
function deadLetter(
  turn: CoordinatorTurn,
  { requestId, actor, reason, attempt: channelAttempt }: Extract<JobRequest, { type: 'dead-letter' }>,
): void {
  const { attempt } = turn.image.coordinator
  const isOver = channelAttempt !== undefined && channelAttempt !== attempt
  const what = `${actor}: a message came to the dead-letter queue: ${reason}`
  const note = isOver ? `. It was of attempt ${channelAttempt}, and nobody waits for it` : ''
  warn(turn, `${what}${note}`)
  if (!isOver) {
    const message =
      `a message to ${actor} came to the dead-letter queue: ${reason}. What it was to do will not be done, so the job goes ` +
      'back to its last checkpoint'
    hear(turn, { type: 'task-failed', attempt, task: undefined, cause: { message } })
  }
  answer(turn, requestId, ACCEPTED)
}

/** The safety schedule: makes up for what was lost on the way. */
async function tick(turn: CoordinatorTurn): Promise<void> {
  const { run, startAsked, coordinator } = turn.image
  if (run === undefined) {
    if (!startAsked) await start(turn, { from: undefined, allowNonRestoredState: false })
    return
  }
  // It is on all the same: somebody switched it on late.
  if (turn.image.isScheduleOn === false) change(turn, { isScheduleOn: undefined })
  failIfOtherCode(turn)
  visitIngest(turn)
  hear(turn, { type: 'tick' })
  askForQuiescence(turn)
  const isUnderWay = coordinator.deployment !== 'none' || turn.image.settling !== undefined
  if (isUnderWay) nudgeAll(turn)
}

/** Comes seldom, whatever the job does: time to look for what those left who were late, or died. */
async function visit(turn: CoordinatorTurn): Promise<void> {
  // Somebody may have switched it late.
  change(turn, { isScheduleOn: undefined })
  await tick(turn)
  removeAgain(turn)
  intend(turn, { type: 'sweep' })
}

/** Ingest partitions that take nothing for weeks are visited all the same: their logs end, and unread records are told of. */
function visitIngest(turn: CoordinatorTurn): void {
  const { ingestVisitedAtMs } = turn.image
  if (turn.nowMs - ingestVisitedAtMs < COORDINATOR_LIMITS.ingestVisitEveryMs) return
  change(turn, { ingestVisitedAtMs: turn.nowMs })
  for (const { uid, spec } of ingestSourcesOf(turn.runtime.plan)) {
    for (let partition = 0; partition < spec.partitions; partition++) {
      turn.nudges.add(ingestActor(uid, partition))
    }
  }
}

/** Tasks of other code than that of the run take no turns: better that the job says so than that it stands still. */
function failIfOtherCode(turn: CoordinatorTurn): void {
  const { run, coordinator } = turn.image
  const { attempt, deployment } = coordinator
  if (run === undefined || (deployment !== 'running' && deployment !== 'deploying')) return
  const message = mismatch(run, turn.runtime)
  if (message === undefined) return
  hear(turn, { type: 'task-failed', attempt, task: undefined, cause: { message, isUserMistake: true } })
}

/** Tasks copy the rows of one savepoint at a time. */
function otherSavepoint(turn: CoordinatorTurn, requestId: string): string | undefined {
  const other = turn.image.coordinator.pending.find(({ kind }) => kind === 'savepoint')
  return other === undefined || other.requestId === requestId
    ? undefined
    : `savepoint ${other.checkpointId} is under way: ask again when it is complete`
}

function wrongTarget(
  { runtime: { blobs } }: CoordinatorTurn,
  target: string | undefined,
): string | undefined {
  if (target === undefined || isPlainName(nameOf(blobs, target))) return undefined
  return `target: expected a directory within ${locationOf(blobs, '')}, got ${target}`
}

function refuse(turn: CoordinatorTurn, requestId: string, message: string): void {
  answer(turn, requestId, { type: 'refused', message })
}
