import type { TaskId } from '../model/ids.ts'
import type { EventOutcome } from './coordinator-events.ts'
import type { PendingCheckpoint } from './coordinator-state.ts'
import type { TaskAck } from './task-ack.ts'
import { change, type Turn } from './turn.ts'

/**
 * A job is idle once no task did anything before the last completed barrier, nor since: whatever was ever done is in
 * that checkpoint, and another one would hold the same. Without checkpoints it is idle once its tasks are known to rest.
 */

/** A task begins to do something: the job wakes up. */
export function taskActive(turn: Turn, task: TaskId): EventOutcome {
  const { tasks, deployment, quietTasks } = turn.state
  if (!tasks.some((known) => known.task === task)) return 'unknown-task'
  if (deployment !== 'deploying' && deployment !== 'running') return 'not-applicable'
  if (!quietTasks.includes(task)) return 'duplicate'
  wake(turn, task)
  return 'accepted'
}

/** All tasks are known to do nothing, without a checkpoint. */
export function jobQuiescent(turn: Turn): EventOutcome {
  const { deployment, tasks, idle, settings } = turn.state
  if (settings.pauseWhenIdle !== true || deployment !== 'running') return 'not-applicable'
  if (idle) return 'duplicate'
  change(turn, { quietTasks: tasks.map(({ task }) => task), idle: true })
  return 'accepted'
}

/** What an acknowledgement tells of the time before its barrier. */
export function hearActivity(turn: Turn, task: TaskId, ack: TaskAck): void {
  if (turn.state.settings.pauseWhenIdle !== true) return
  if (ack.active !== false) wake(turn, task)
  else if (!turn.state.quietTasks.includes(task)) {
    change(turn, { quietTasks: [...turn.state.quietTasks, task] })
  }
}

/** The checkpoint is complete. One of an attempt that is over tells nothing of the present one. */
export function fallIdle(turn: Turn, { attempt, acks }: PendingCheckpoint): void {
  const { settings, tasks, quietTasks } = turn.state
  if (settings.pauseWhenIdle !== true || attempt !== turn.state.attempt) return
  const nothingDone = Object.values(acks).every((ack) => ack.active === false)
  if (nothingDone && quietTasks.length === tasks.length) change(turn, { idle: true })
}

/** After a long sleep the next checkpoint comes one interval later: there is nothing in one that comes at once. */
function wake(turn: Turn, task: TaskId): void {
  const { quietTasks, idle, nextPeriodicAtMs, settings } = turn.state
  change(turn, { quietTasks: quietTasks.filter((other) => other !== task), idle: false })
  const { intervalMs } = settings.checkpointing
  if (!idle || nextPeriodicAtMs === undefined || intervalMs === undefined) return
  if (nextPeriodicAtMs <= turn.nowMs) change(turn, { nextPeriodicAtMs: turn.nowMs + intervalMs })
}
