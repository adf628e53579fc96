import { isTerminal } from '../../checkpoint/job-status.ts'
import type { TaskId } from '../../model/ids.ts'
import { giveUp } from './attempts.ts'
import { COORDINATOR_LIMITS } from './coordinator-limits.ts'
import { uncopied } from './in-flight-copies.ts'
import { inFlightAtOldest, positionsOf } from './restorable.ts'
import {
  allTasks,
  change,
  changeRun,
  intend,
  orderTasks,
  removeSpoiled,
  tell,
  type CoordinatorTurn,
} from './turn.ts'

/**
 * A job at its end settles before it shows it: the rows are brought up to the oldest checkpoint that is kept, and what was
 * under way at it is copied, since logs last for weeks only and a start at another parallelism reads rows alone; then its tasks
 * are fenced.
 */
export function settle(turn: CoordinatorTurn): void {
  const { run, coordinator, settling, effects } = turn.image
  if (run === undefined || run.ended || !isTerminal(coordinator.status)) return
  // Whoever decided to begin tasks has done so, or will: they are ended after that.
  if (effects.some(({ type }) => type === 'deploy' || type === 'copy-in-flight')) return
  if (settling === undefined) return begin(turn)
  if (settling.missing.length === 0 || turn.nowMs >= settling.deadlineMs) end(turn)
}

/** A task's answer to `materialize`. */
export function materialized(turn: CoordinatorTurn, task: TaskId): void {
  const { settling } = turn.image
  if (settling === undefined || !settling.missing.includes(task)) return
  change(turn, { settling: { ...settling, missing: settling.missing.filter((other) => other !== task) } })
}

function begin(turn: CoordinatorTurn): void {
  const { lineage, coordinator, run } = turn.image
  const deadlineMs = turn.nowMs + COORDINATOR_LIMITS.settleTimeoutMs
  // What is copied, the logs need not keep when they are brought to the checkpoint.
  const ids = uncopied(turn.image)
  for (const checkpointId of ids) intend(turn, { type: 'copy-in-flight', checkpointId, deadlineMs })
  if (ids.length > 0) return
  const oldest = coordinator.completed[0]
  const positions = oldest === undefined || lineage === undefined ? undefined : positionsOf(oldest, lineage)
  const isDone = lineage?.materialized?.checkpointId === oldest?.checkpointId
  const missing = isDone ? (lineage?.materialized?.missing ?? []) : (Object.keys(positions ?? {}) as TaskId[])
  // At the beginning of the logs, rows are where they were.
  if (oldest === undefined || positions === undefined || missing.length === 0) return end(turn)
  if (run?.deployedAttempt === 0) return end(turn)
  change(turn, { settling: { deadlineMs, checkpointId: oldest.checkpointId, missing } })
  orderTasks(turn, missing, (task) => ({
    type: 'materialize',
    position: positions[task]!,
    inFlight: inFlightAtOldest(turn.image, task),
  }))
}

function end(turn: CoordinatorTurn): void {
  const { run, lineage, coordinator, settling } = turn.image
  const { completed, status, cause } = coordinator
  if (run === undefined) return
  // Also of an attempt that nobody lived to tell of: some of its tasks may have been begun.
  if (coordinator.attempt > run.attemptsBefore)
    intend(turn, { type: 'fence', attempt: coordinator.attempt, tasks: allTasks(turn) })
  if (lineage !== undefined && completed.length === 0) {
    giveUp(turn, { ...lineage, retained: [] })
    change(turn, { lineage: undefined, restorable: undefined })
  } else if (lineage !== undefined) {
    const materializedNow =
      settling === undefined
        ? lineage.materialized
        : { checkpointId: settling.checkpointId, missing: settling.missing }
    change(turn, { lineage: { ...lineage, retained: completed, materialized: materializedNow } })
  }
  tell(turn, { type: 'status', from: run.lastStatus, to: status, cause })
  changeRun(turn, { ended: true })
  change(turn, { settling: undefined })
  removeSpoiled(turn)
  intend(turn, { type: 'publish' })
}
