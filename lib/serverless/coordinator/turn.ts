import { checkpointLocation } from '../../checkpoint/checkpoint-paths.ts'
import { taskActor } from '../../model/actors.ts'
import type { ActorId, CheckpointId, TaskId } from '../../model/ids.ts'
import type { Outgoing } from '../actor/behaviour.ts'
import type { JobHappening } from '../observe.ts'
import type { TaskOrder } from '../protocol.ts'
import type { JobRuntime } from '../runtime.ts'
import { COORDINATOR_LIMITS } from './coordinator-limits.ts'
import type { CoordinatorImage, Effect, JobAnswer, Removal, RunImage } from './image.ts'
import { tasksSinksFirst } from './plan-shape.ts'

/** One turn of the coordinator while it is at work. Never outlives its step. */
export interface CoordinatorTurn {
  image: CoordinatorImage
  /** What it was when the turn began: what may be told. */
  readonly committed: CoordinatorImage
  readonly runtime: JobRuntime
  readonly nowMs: number
  readonly outgoing: Outgoing[]
  readonly nudges: Set<ActorId>
}

export function change(turn: CoordinatorTurn, changes: Partial<CoordinatorImage>): void {
  turn.image = { ...turn.image, ...changes }
}

export function changeRun(turn: CoordinatorTurn, changes: Partial<RunImage>): void {
  const { run } = turn.image
  if (run !== undefined) change(turn, { run: { ...run, ...changes } })
}

/** To be done once this turn is committed. Publications are all one: it shows what is known when it is done. */
export function intend(turn: CoordinatorTurn, effect: Effect): void {
  const { effects, published } = turn.image
  if (effect.type !== 'publish') return change(turn, { effects: [...effects, effect] })
  const others = effects.filter(({ type }) => type !== 'publish')
  change(turn, { effects: [...others, effect], published: published + 1 })
}

export function tell(turn: CoordinatorTurn, happening: JobHappening): void {
  change(turn, { tells: [...turn.image.tells, happening] })
}

/** Told, and shown in the job's status until newer ones push it out. */
export function warn(turn: CoordinatorTurn, message: string): void {
  tell(turn, { type: 'warning', message })
  const others = turn.image.warnings.filter((one) => one.message !== message)
  const warnings = [...others, { atMs: turn.nowMs, message }]
  change(turn, { warnings: warnings.slice(-COORDINATOR_LIMITS.warningsMax) })
  intend(turn, { type: 'publish' })
}

/** To the tasks that were begun last. There are none before the first attempt of a run was begun. */
export function orderTasks(
  turn: CoordinatorTurn,
  tasks: readonly TaskId[],
  orderOf: (task: TaskId) => TaskOrder,
): void {
  const attempt = turn.image.run?.deployedAttempt ?? 0
  if (attempt === 0) return
  for (const task of tasks) turn.outgoing.push({ to: taskActor(task), attempt, payload: orderOf(task) })
}

export function allTasks(turn: CoordinatorTurn): readonly TaskId[] {
  return turn.image.run === undefined ? [] : tasksSinksFirst(turn.image.run.shape)
}

export function nudgeAll(turn: CoordinatorTurn): void {
  for (const task of allTasks(turn)) turn.nudges.add(taskActor(task))
}

/** Now, and again at visits until nobody can be so late as to write to it still. */
export function remove(turn: CoordinatorTurn, removal: Removal): void {
  intend(turn, removal)
  const removed = [...turn.image.removed, { removal, atMs: turn.nowMs }]
  for (const surplus of removed.slice(0, -COORDINATOR_LIMITS.removedMax)) intend(turn, surplus.removal)
  change(turn, { removed: removed.slice(-COORDINATOR_LIMITS.removedMax) })
}

/** With the copy of what was under way at it. */
export function removeCheckpoint(turn: CoordinatorTurn, runId: string, checkpointId: CheckpointId): void {
  const { inFlightCopies } = turn.image
  const copy = inFlightCopies.find((one) => one.runId === runId && one.checkpointId === checkpointId)
  if (copy !== undefined) change(turn, { inFlightCopies: inFlightCopies.filter((one) => one !== copy) })
  if (copy?.blob === undefined) return intend(turn, { type: 'remove-checkpoint', runId, checkpointId })
  const { jobName } = turn.runtime.plan
  remove(turn, { type: 'remove-directory', directory: checkpointLocation({ jobName, runId }, checkpointId) })
}

export function removeAgain(turn: CoordinatorTurn): void {
  const { removed } = turn.image
  for (const { removal } of removed) intend(turn, removal)
  const recent = removed.filter(({ atMs }) => turn.nowMs - atMs < COORDINATOR_LIMITS.lateMsMax)
  if (recent.length < removed.length) change(turn, { removed: recent })
}

/** Removes what is left of savepoints that came to nothing. */
export function removeSpoiled(turn: CoordinatorTurn): void {
  const { spoiled } = turn.image
  if (spoiled.length === 0) return
  change(turn, { spoiled: [] })
  for (const directory of spoiled) remove(turn, { type: 'remove-directory', directory })
}

export function isAnswered(turn: CoordinatorTurn, requestId: string): boolean {
  return turn.image.answers.some((one) => one.requestId === requestId)
}

export function answer(turn: CoordinatorTurn, requestId: string, given: JobAnswer): void {
  const answers = [...turn.image.answers, { requestId, atMs: turn.nowMs, answer: given }]
  change(turn, { answers: answers.slice(-COORDINATOR_LIMITS.answersMax) })
  intend(turn, { type: 'publish' })
}
