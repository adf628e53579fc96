import type { CoordinatorState } from '../../checkpoint/coordinator-state.ts'
import type { TaskId } from '../../model/ids.ts'
import type { Quiescence } from '../protocol.ts'
import { COORDINATOR_LIMITS } from './coordinator-limits.ts'
import { hear } from './hear.ts'
import type { QuiescenceRound } from './image.ts'
import { allTasks, change, orderTasks, type CoordinatorTurn } from './turn.ts'

/**
 * Who has not answered by then is asked anew: a queue may have been taken away with the order, or a function did not know it yet. It
 * is by the next one on its channel that a task misses an order, which has to be in time for what the coordinator keeps.
 */
const ASKED_ANEW_AFTER_MS = COORDINATOR_LIMITS.resendWithinMs - 2 * 60_000

/**
 * Where checkpoints are taken, their barriers tell whether a job is idle (lib/checkpoint/idleness.ts). Where none are, its tasks
 * are asked, with each tick of the safety schedule; and what all have told lets them fold their logs, which end after weeks.
 */
export function askForQuiescence(turn: CoordinatorTurn): void {
  const { coordinator, quiescence, run } = turn.image
  const { attempt, deployment, status, pending, settings } = coordinator
  const { intervalMs } = settings.checkpointing
  if (intervalMs !== undefined || settings.pauseWhenIdle !== true) return
  const isRunning = deployment === 'running' && status === 'RUNNING' && attempt === run?.deployedAttempt
  if (!isRunning || pending.length > 0 || isEnding(coordinator)) return
  const isOpen = quiescence?.attempt === attempt && turn.nowMs - quiescence.askedAtMs < ASKED_ANEW_AFTER_MS
  if (isOpen) return
  change(turn, { quiescence: { attempt, askedAtMs: turn.nowMs, told: {}, isOver: false } })
  orderTasks(turn, allTasks(turn), () => ({ type: 'tell-quiescence' }))
}

/** A task begins to do something: what it has told is over. */
export function endQuiescence(turn: CoordinatorTurn): void {
  const { quiescence } = turn.image
  if (quiescence !== undefined) change(turn, { quiescence: { ...quiescence, isOver: true } })
}

/**
 * The last of them knows: between tasks that did nothing, nothing is under way. A late answer to a round that was given up may
 * count in the next: what its task has begun to do since, it has said behind it.
 */
export function hearQuiescence(
  turn: CoordinatorTurn,
  task: TaskId,
  { position, active, channels }: Quiescence,
): void {
  const { quiescence, coordinator } = turn.image
  const { attempt } = coordinator
  if (quiescence?.attempt !== attempt) return
  if (isEnding(coordinator)) return change(turn, { quiescence: undefined })
  const told: QuiescenceRound['told'] = { ...quiescence.told, [task]: { position, active, channels } }
  const tasks = allTasks(turn)
  if (tasks.some((one) => told[one] === undefined))
    return change(turn, { quiescence: { ...quiescence, told } })
  change(turn, { quiescence: undefined })
  // What each had sent by then was taken by then: nobody will ask for it again.
  if (!isNothingUnderWay(told)) return
  orderTasks(turn, tasks, (one) => ({ type: 'restorable-from', position: told[one]!.position }))
  const isQuiet = Object.values(told).every((one) => !one.active)
  if (isQuiet && !quiescence.isOver) hear(turn, { type: 'quiescent', attempt })
}

/**
 * Its final checkpoint, the only one there is, may be gone back to until the job is over, be it after restarts: what answers tell
 * may be of positions past it.
 */
function isEnding({ ending, completed }: CoordinatorState): boolean {
  return ending !== undefined || completed.length > 0
}

function isNothingUnderWay(told: Readonly<Record<TaskId, Quiescence>>): boolean {
  return Object.entries(told).every(([sender, { channels }]) =>
    Object.entries(channels.sent).every(
      ([receiver, count]) => told[receiver as TaskId]?.channels.received[sender as TaskId] === count,
    ),
  )
}
