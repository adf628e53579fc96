import type { TaskId } from '../../model/ids.ts'
import type { Quiescence } from '../protocol.ts'
import { hear } from './hear.ts'
import type { QuiescenceRound } from './image.ts'
import { allTasks, change, orderTasks, type CoordinatorTurn } from './turn.ts'

/**
 * Where checkpoints are taken, their barriers tell whether a job is idle (lib/checkpoint/idleness.ts). Where none are, its tasks
 * are asked, with each tick of the safety schedule; and what all have told lets them fold their logs, which end after weeks.
 */
export function askForQuiescence(turn: CoordinatorTurn): void {
  const { coordinator, quiescence, run } = turn.image
  const { attempt, deployment, status, ending, pending, settings } = coordinator
  const { intervalMs } = settings.checkpointing
  if (intervalMs !== undefined || settings.pauseWhenIdle !== true) return
  const isRunning = deployment === 'running' && status === 'RUNNING' && attempt === run?.deployedAttempt
  if (!isRunning || ending !== undefined || pending.length > 0) return
  // Those that are slow to answer are not asked twice.
  if (quiescence?.attempt === attempt && Object.keys(quiescence.told).length < allTasks(turn).length) return
  change(turn, { quiescence: { attempt, told: {}, isOver: false } })
  orderTasks(turn, allTasks(turn), () => ({ type: 'tell-quiescence' }))
}

/** A task begins to do something: what it told is over. */
export function endQuiescence(turn: CoordinatorTurn): void {
  const { quiescence } = turn.image
  if (quiescence !== undefined) change(turn, { quiescence: { ...quiescence, isOver: true } })
}

/** The last of them knows: nothing is under way between tasks that did nothing, so nothing will be done. */
export function hearQuiescence(turn: CoordinatorTurn, task: TaskId, told: Quiescence): void {
  const { quiescence, coordinator } = turn.image
  const { attempt } = coordinator
  if (quiescence?.attempt !== attempt) return
  const all: QuiescenceRound = { ...quiescence, told: { ...quiescence.told, [task]: told } }
  change(turn, { quiescence: all })
  if (allTasks(turn).some((one) => all.told[one] === undefined)) return
  // What each had sent by then was taken by then: nobody will ask for it again.
  if (!isNothingUnderWay(all.told)) return
  orderTasks(turn, allTasks(turn), (one) => ({ type: 'restorable-from', position: all.told[one]!.position }))
  if (!all.isOver && Object.values(all.told).every(({ active }) => !active))
    hear(turn, { type: 'quiescent', attempt })
}

function isNothingUnderWay(told: Readonly<Record<TaskId, Quiescence>>): boolean {
  return Object.entries(told).every(([sender, { channels }]) =>
    Object.entries(channels.sent).every(
      ([receiver, count]) => told[receiver as TaskId]?.channels.received[sender as TaskId] === count,
    ),
  )
}
