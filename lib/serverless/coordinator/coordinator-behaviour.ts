import { newCoordinator } from '../../checkpoint/coordinator.ts'
import { actorKind, taskOfActor } from '../../model/actors.ts'
import type { Behaviour, Input, StepOutcome, StepWorld, View } from '../actor/behaviour.ts'
import { denialIn } from '../../ports/platform-fault.ts'
import type { JobRequest, TaskReport } from '../protocol.ts'
import type { JobRuntime } from '../runtime.ts'
import { COORDINATOR_LIMITS } from './coordinator-limits.ts'
import { giveUp } from './actor-faults.ts'
import { perform } from './effects.ts'
import { hear } from './hear.ts'
import {
  applyDelta,
  deltaOf,
  newImage,
  type CoordinatorDelta,
  type CoordinatorImage,
  type Effect,
} from './image.ts'
import { reportProblem, requestProblem } from './message-shapes.ts'
import { report } from './reports.ts'
import { request } from './requests.ts'
import { settle } from './settling.ts'
import { settingsOf } from './start.ts'
import { change, intend, type CoordinatorTurn } from './turn.ts'

/** A cold start reads the log since the last head; turns of a coordinator are small and few. */
const HEAD_EVERY_TURNS = 50

/**
 * The coordinator of a job as a durable actor. What `coordinate` wants done in the world is an effect: decided in one
 * committed turn, and done in the next, at least once. Orders to tasks are messages of the turn that decides on them.
 */
export function coordinatorBehaviour(runtime: JobRuntime): Behaviour<CoordinatorImage, CoordinatorDelta> {
  const initial = newImage(newCoordinator(settingsOf(runtime.config)))
  return {
    initial,
    begin: (base) => base,
    apply: (image, delta) => applyDelta(image, delta),
    problemOf,
    step: (view, inputs, world) => step(runtime, view, inputs, world),
    foldable: (image) => foldable(image),
    isOver: () => false,
    encode: (image) => image,
    // What an earlier version did not know of is as at the beginning.
    decode: (encoded) => ({ ...initial, ...(encoded as CoordinatorImage) }),
    headEveryTurns: HEAD_EVERY_TURNS,
  }
}

async function step(
  runtime: JobRuntime,
  view: View<CoordinatorImage>,
  inputs: readonly Input[],
  world: StepWorld,
): Promise<StepOutcome<CoordinatorDelta>> {
  const before = view.state
  const turn: CoordinatorTurn = {
    image: { ...before, effects: [] },
    committed: before,
    runtime,
    nowMs: world.nowMs,
    outgoing: [],
    nudges: new Set(),
  }
  const left = await performAll(turn, before.effects, world)
  let taken = 0
  for (; taken < inputs.length && (taken === 0 || world.remainingMs() > 0); taken++) {
    await take(turn, inputs[taken]!)
  }
  beOnTime(turn)
  if (left.length > 0) change(turn, { effects: inOrder([...left, ...turn.image.effects]) })
  settle(turn)
  keepSchedule(turn)
  // An empty list is as good as another: nothing changed.
  if (before.effects.length + turn.image.effects.length === 0) change(turn, { effects: before.effects })
  const isChanged = deltaOf(before, turn.image) !== undefined
  return {
    taken,
    delta: isChanged ? deltaOf(before, noted(turn, view)) : undefined,
    outgoing: turn.outgoing,
    nudges: [...turn.nudges],
    wakeAtMs: wakeAtMs(turn.image),
    more: turn.image.effects.length > 0,
  }
}

/**
 * In order; at least one of them, or nothing would ever get on. What the platform refuses is given up, but for fences: no
 * request waits behind it, such as the one that ends the job. Resolves to those that are left.
 */
async function performAll(
  turn: CoordinatorTurn,
  effects: readonly Effect[],
  world: StepWorld,
): Promise<readonly Effect[]> {
  for (const [index, effect] of effects.entries()) {
    if (index > 0 && world.remainingMs() <= 0) return effects.slice(index)
    const rest = await performed(turn, effect, world)
    if (rest !== undefined) return [rest, ...effects.slice(index + 1)]
  }
  return []
}

async function performed(
  turn: CoordinatorTurn,
  effect: Effect,
  world: StepWorld,
): Promise<Effect | undefined> {
  try {
    return await perform(turn, effect, world)
  } catch (cause) {
    const denial = denialIn(cause)
    // Tasks that are not fenced would go on with a job that says it is over.
    if (denial === undefined || effect.type === 'fence') throw cause
    giveUp(turn, effect, denial)
    return undefined
  }
}

/** One publication is enough, and the last thing done. */
function inOrder(effects: readonly Effect[]): readonly Effect[] {
  const publications = effects.filter(({ type }) => type === 'publish')
  return [...effects.filter(({ type }) => type !== 'publish'), ...publications.slice(-1)]
}

async function take(turn: CoordinatorTurn, input: Input): Promise<void> {
  switch (input.type) {
    case 'message':
      if (actorKind(input.from) !== 'task') return
      return report(turn, taskOfActor(input.from), input.attempt, input.payload as TaskReport)
    case 'request':
      return request(turn, input.payload as JobRequest)
    case 'nudge':
  }
}

function problemOf(input: Input): string | undefined {
  switch (input.type) {
    case 'message':
      return actorKind(input.from) === 'task' ? reportProblem(input.payload) : undefined
    case 'request':
      return requestProblem(input.payload)
    case 'nudge':
      return undefined
  }
}

/** Whatever woke it: what is due is done. */
function beOnTime(turn: CoordinatorTurn): void {
  const { wakeAtMs: dueAtMs } = turn.image.coordinator
  if (dueAtMs !== undefined && turn.nowMs >= dueAtMs) hear(turn, { type: 'tick' })
}

/** The safety schedule costs a call a minute: it is on while there is something that could be lost. */
function keepSchedule(turn: CoordinatorTurn): void {
  const on = needsSchedule(turn.image)
  const { isScheduleOn, effects } = turn.image
  const ordered = effects.findLast((effect) => effect.type === 'schedule')
  const known = ordered?.type === 'schedule' ? ordered.on : isScheduleOn
  if (on !== known) intend(turn, { type: 'schedule', on })
}

function needsSchedule({ run, startAsked, coordinator }: CoordinatorImage): boolean {
  if (run === undefined) return !startAsked
  if (run.ended) return false
  const { status, idle, pending, queued, ending } = coordinator
  const isAsleep =
    status === 'RUNNING' && idle && ending === undefined && pending.length + queued.length === 0
  return !isAsleep
}

/** Told with a turn that is written anyway: the observer hears of it once it is committed. */
function noted(turn: CoordinatorTurn, { state: before, place }: View<CoordinatorImage>): CoordinatorImage {
  const { runtime, nowMs } = turn
  for (const happening of before.tells) runtime.observe.event(happening)
  const tells = turn.image.tells.slice(before.tells.length)
  return { ...turn.image, tells, milestones: milestones(turn.image, place.position, nowMs) }
}

/** `position`: of the turn before this one, which began once all that was committed had been sent. */
function milestones(
  { milestones: known }: CoordinatorImage,
  position: number,
  atMs: number,
): CoordinatorImage['milestones'] {
  const last = known.at(-1)
  if (last !== undefined && atMs - last.atMs < COORDINATOR_LIMITS.milestoneEveryMs) return known
  const old = known.filter((one) => atMs - one.atMs >= COORDINATOR_LIMITS.resendWithinMs)
  return [...old.slice(-1), ...known.filter((one) => !old.includes(one)), { position, atMs }]
}

/** Turns that may have to send again what they sent are kept apart. */
function foldable({ milestones: known }: CoordinatorImage): number {
  const last = known.at(-1)
  if (last === undefined) return 0
  const old = known.filter((one) => last.atMs - one.atMs >= COORDINATOR_LIMITS.resendWithinMs)
  return old.at(-1)?.position ?? 0
}

function wakeAtMs({ coordinator, settling }: CoordinatorImage): number | undefined {
  const times = [coordinator.wakeAtMs, settling?.deadlineMs].filter((atMs) => atMs !== undefined)
  return times.length === 0 ? undefined : Math.min(...times)
}
