import type { TaskId } from '../../model/ids.ts'
import type { Standstill } from '../protocol.ts'
import { hear } from './hear.ts'
import type { Standing } from './image.ts'
import { allTasks, change, orderTasks, type CoordinatorTurn } from './turn.ts'

/**
 * Where checkpoints are taken, their barriers tell whether a job is idle (lib/checkpoint/idleness.ts). Where none are, its tasks
 * are asked, with each tick of the safety schedule; and what all have told lets them fold their logs, which end after weeks.
 */
export function askForStandstill(turn: CoordinatorTurn): void {
  const { coordinator, standing, run } = turn.image
  const { attempt, deployment, status, ending, pending, completed, settings } = coordinator
  const { intervalMs } = settings.checkpointing
  if (intervalMs !== undefined || settings.pauseWhenIdle !== true) return
  const isRunning = deployment === 'running' && status === 'RUNNING' && attempt === run?.deployedAttempt
  // What is retained from the time when there were checkpoints is gone back to, and may not be folded over.
  if (!isRunning || ending !== undefined || pending.length + completed.length > 0) return
  // Those that are slow to answer are not asked twice.
  if (standing?.attempt === attempt && Object.keys(standing.told).length < allTasks(turn).length) return
  change(turn, { standing: { attempt, told: {}, isOver: false } })
  orderTasks(turn, allTasks(turn), () => ({ type: 'stand-still' }))
}

/** A task begins to do something: what it told is over. */
export function endStandstill(turn: CoordinatorTurn): void {
  const { standing } = turn.image
  if (standing !== undefined) change(turn, { standing: { ...standing, isOver: true } })
}

/** The last of them knows: nothing is under way between tasks that did nothing, so nothing will be done. */
export function hearStandstill(turn: CoordinatorTurn, task: TaskId, told: Standstill): void {
  const { standing, coordinator } = turn.image
  const { attempt } = coordinator
  if (standing?.attempt !== attempt) return
  const all: Standing = { ...standing, told: { ...standing.told, [task]: told } }
  change(turn, { standing: all })
  if (allTasks(turn).some((one) => all.told[one] === undefined)) return
  // What each had sent by then was taken by then: nobody will ask for it again.
  if (!isNothingUnderWay(all.told)) return
  orderTasks(turn, allTasks(turn), (one) => ({ type: 'restorable-from', position: all.told[one]!.position }))
  if (!all.isOver && Object.values(all.told).every(({ active }) => !active))
    hear(turn, { type: 'at-rest', attempt })
}

function isNothingUnderWay(told: Readonly<Record<TaskId, Standstill>>): boolean {
  return Object.entries(told).every(([sender, { channels }]) =>
    Object.entries(channels.sent).every(
      ([receiver, count]) => told[receiver as TaskId]?.channels.received[sender as TaskId] === count,
    ),
  )
}
