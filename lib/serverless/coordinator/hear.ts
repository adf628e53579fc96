import { coordinate } from '../../checkpoint/coordinator.ts'
import type { CoordinatorCommand, RequestOutcome } from '../../checkpoint/coordinator-commands.ts'
import type { CoordinatorEvent } from '../../checkpoint/coordinator-events.ts'
import type { CoordinatorState } from '../../checkpoint/coordinator-state.ts'
import { isTerminal } from '../../checkpoint/job-status.ts'
import { poisonNotices } from '../../checkpoint/poison-records.ts'
import { unreachable } from '../../model/faults.ts'
import { savepointDirectory } from '../savepoint-place.ts'
import { beginAttempt, giveUp } from './attempts.ts'
import type { JobAnswer } from './image.ts'
import { advanceRestorable, inFlightAtOldest, restorableFrom } from './restorable.ts'
import {
  allTasks,
  answer,
  change,
  changeRun,
  intend,
  orderTasks,
  removeCheckpoint,
  removeSpoiled,
  tell,
  warn,
  type CoordinatorTurn,
} from './turn.ts'

/** Gives the coordinator an event, and makes of its commands what this runtime does: orders, effects, answers. */
export function hear(turn: CoordinatorTurn, event: CoordinatorEvent): void {
  const queue: CoordinatorEvent[] = [event]
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const before = turn.image.coordinator
    const { random } = turn.runtime
    const step = coordinate(before, next, { nowMs: turn.nowMs, random: () => random.next() })
    change(turn, { coordinator: step.state })
    const hasAdvanced = advanceRestorable(turn)
    if (next.type === 'stored' && step.outcome === 'accepted') completed(turn, next.checkpointId)
    for (const message of poisonNotices(before.poisonRecords, step.state.poisonRecords)) warn(turn, message)
    for (const command of step.commands) carryOut(turn, command, before, (followUp) => queue.push(followUp))
    if (step.state.idle !== before.idle) intend(turn, { type: 'publish' })
    const isTold = step.commands.some(({ type }) => type === 'notify-complete')
    if (hasAdvanced && !isTold && step.state.deployment === 'running') {
      orderTasks(turn, allTasks(turn), (task) => ({
        type: 'restorable-from',
        position: restorableFrom(turn.image, task),
        inFlight: inFlightAtOldest(turn.image, task),
      }))
    }
  }
}

function carryOut(
  turn: CoordinatorTurn,
  command: CoordinatorCommand,
  before: CoordinatorState,
  followUp: (event: CoordinatorEvent) => void,
): void {
  switch (command.type) {
    case 'deploy':
      return beginAttempt(turn, command)
    case 'trigger': {
      const { attempt, checkpointId, kind, triggeredAtMs, stopSources, drain } = command
      tell(turn, { type: 'checkpoint-triggered', checkpointId })
      if (command.isUnaligned) return intend(turn, { type: 'overtake', attempt, checkpointId, triggeredAtMs })
      const sources = turn.image.coordinator.tasks.filter((task) => task.isSource).map(({ task }) => task)
      const order = { type: 'trigger', checkpointId, kind, triggeredAtMs, stopSources, drain } as const
      return orderTasks(turn, sources, () => order)
    }
    case 'overtake': {
      const { attempt, checkpointId, triggeredAtMs } = command
      return intend(turn, { type: 'overtake', attempt, checkpointId, triggeredAtMs })
    }
    case 'store':
      return intend(turn, { type: 'store', checkpointId: command.pending.checkpointId })
    case 'notify-complete':
      return orderTasks(turn, allTasks(turn), (task) => ({
        type: 'complete',
        checkpointId: command.checkpointId,
        restorableFrom: restorableFrom(turn.image, task),
        inFlight: inFlightAtOldest(turn.image, task),
      }))
    case 'notify-aborted':
      return aborted(turn, command)
    case 'discard':
      return discard(turn, command, before)
    case 'tear-down':
      // Tasks of a job that goes on are ended by the genesis of the next attempt, those of one that ends when it has settled.
      change(turn, { awaited: [] })
      return followUp({ type: 'torn-down', attempt: command.attempt })
    case 'finish-tasks':
      change(turn, { awaited: allTasks(turn) })
      return orderTasks(turn, allTasks(turn), () => ({ type: 'finish' }))
    case 'wake-at':
      // The coordinator's state says when, and every turn passes it on.
      return
    case 'answer':
      return answer(turn, command.requestId, answerOf(command.outcome))
    case 'status': {
      const { from, to, cause } = command
      if (isTerminal(to)) return changeRun(turn, { lastStatus: from })
      tell(turn, { type: 'status', from, to, cause })
      return intend(turn, { type: 'publish' })
    }
    default:
      return unreachable(command)
  }
}

function completed(turn: CoordinatorTurn, checkpointId: number): void {
  const { completed: retained, lastSavepoint } = turn.image.coordinator
  const { lineage } = turn.image
  if (lineage !== undefined && !lineage.hasRows) change(turn, { lineage: { ...lineage, hasRows: true } })
  if (retained.some((one) => one.checkpointId === checkpointId)) forgetFormer(turn)
  removeSpoiled(turn)
  intend(turn, { type: 'publish' })
  const done = [...retained, lastSavepoint].find((one) => one?.checkpointId === checkpointId)
  // Newer ones completed before it: it is to be removed already.
  if (done === undefined) return
  const { location, figures } = done
  tell(turn, { type: 'checkpoint-completed', checkpointId, location, figures })
}

/** The present lineage can be gone back to from now on: what was kept of others is of no use any more. */
function forgetFormer(turn: CoordinatorTurn): void {
  const { former } = turn.image
  if (former.length === 0) return
  change(turn, { former: [] })
  for (const lineage of former) giveUp(turn, lineage)
}

type Command<Type> = Extract<CoordinatorCommand, { type: Type }>

function aborted(turn: CoordinatorTurn, command: Command<'notify-aborted'>): void {
  const { attempt, checkpointId, kind, reason, message } = command
  tell(turn, { type: 'checkpoint-failed', checkpointId, reason, message })
  if (kind === 'savepoint') spoil(turn, checkpointId)
  const { coordinator, run } = turn.image
  if (attempt !== run?.deployedAttempt || coordinator.deployment !== 'running') return
  orderTasks(turn, allTasks(turn), () => ({ type: 'aborted', checkpointId, reason }))
}

function discard(
  turn: CoordinatorTurn,
  { checkpointId }: Command<'discard'>,
  before: CoordinatorState,
): void {
  const { run } = turn.image
  // Its abortion has seen to it.
  if (run === undefined || isSavepoint(before, checkpointId)) return
  removeCheckpoint(turn, run.runId, checkpointId)
}

function isSavepoint({ pending }: CoordinatorState, checkpointId: number): boolean {
  return pending.some((one) => one.checkpointId === checkpointId && one.kind === 'savepoint')
}

/** It goes when a later checkpoint or savepoint is complete, or the job at its end: by then nobody writes to it any more. */
function spoil(turn: CoordinatorTurn, checkpointId: number): void {
  const { run } = turn.image
  if (run === undefined) return
  const { jobName } = turn.runtime.plan
  const directory = savepointDirectory({ jobName, runId: run.runId }, checkpointId)
  change(turn, { spoiled: [...turn.image.spoiled, directory] })
}

function answerOf(outcome: RequestOutcome): JobAnswer {
  if (outcome.type !== 'completed') return outcome
  const { checkpointId, location } = outcome.checkpoint
  return { type: 'completed', checkpointId, location }
}
