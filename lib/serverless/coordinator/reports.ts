import type { CoordinatorEvent } from '../../checkpoint/coordinator-events.ts'
import { asAttempt, asCheckpointId, type TaskId } from '../../model/ids.ts'
import type { TaskReport } from '../protocol.ts'
import { startTasks } from './effects.ts'
import { hear } from './hear.ts'
import { endQuiescence, hearQuiescence } from './quiescence.ts'
import { materialized } from './settling.ts'
import { change, type CoordinatorTurn } from './turn.ts'

/** What a task of an attempt says; of another than the present one it is not heard. */
export function report(turn: CoordinatorTurn, task: TaskId, attemptNumber: number, told: TaskReport): void {
  const attempt = asAttempt(attemptNumber)
  switch (told.type) {
    case 'ready':
      if (isPresent(turn, attempt, 'deploying')) arrive(turn, task, () => startTasks(turn))
      return
    case 'closed':
      if (isPresent(turn, attempt, 'running')) {
        arrive(turn, task, () => hear(turn, { type: 'torn-down', attempt }))
      }
      return
    case 'materialized':
      if (attempt === turn.image.run?.deployedAttempt) materialized(turn, task)
      return
    case 'acknowledge': {
      const checkpointId = asCheckpointId(told.checkpointId)
      return hear(turn, { type: 'acknowledge', attempt, checkpointId, task, ack: told.ack })
    }
    case 'decline': {
      const { reason, message } = told
      const checkpointId = asCheckpointId(told.checkpointId)
      return hear(turn, { type: 'decline', attempt, checkpointId, task, reason, message })
    }
    case 'failed':
      return hear(turn, { type: 'task-failed', attempt, task, cause: told.cause, record: told.record })
    case 'quiescence':
      if (isPresent(turn, attempt, 'running')) hearQuiescence(turn, task, told)
      return
    case 'active':
      if (isPresent(turn, attempt, 'running')) endQuiescence(turn)
      return hear(turn, { type: told.type, attempt, task })
    case 'input-ended':
      return hear(turn, { type: told.type, attempt, task } satisfies CoordinatorEvent)
  }
}

/** One of those awaited; with the last of them, it goes on. */
function arrive(turn: CoordinatorTurn, task: TaskId, goOn: () => void): void {
  const { awaited } = turn.image
  if (!awaited.includes(task)) return
  const left = awaited.filter((other) => other !== task)
  change(turn, { awaited: left })
  if (left.length === 0) goOn()
}

function isPresent(turn: CoordinatorTurn, attempt: number, deployment: 'deploying' | 'running'): boolean {
  const { coordinator } = turn.image
  return attempt === coordinator.attempt && coordinator.deployment === deployment
}
