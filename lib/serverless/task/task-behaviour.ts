import { causeOf } from '../../embedded/failure-cause.ts'
import { taskOfActor } from '../../model/actors.ts'
import { assert } from '../../model/faults.ts'
import type { ActorId } from '../../model/ids.ts'
import type { Behaviour, Genesis, Input, Place, StepOutcome, StepWorld, View } from '../actor/behaviour.ts'
import type { JobRuntime } from '../runtime.ts'
import { RowMissing } from '../state/overlay-backend.ts'
import { TaskRows } from '../state/task-rows.ts'
import { LiveTask } from './live-task.ts'
import { Pacing } from './pacing.ts'
import { platformFaultIn, rowMissingIn } from './step-faults.ts'
import { TaskChores } from './task-chores.ts'
import {
  applyTaskDelta,
  beginTask,
  decodeTaskState,
  encodeTaskState,
  initialTaskState,
  type TaskDelta,
  type TaskState,
} from './task-state.ts'
import { TaskTurn, toCoordinator } from './task-turn.ts'
import { wireTask, type TaskWiring } from './task-wiring.ts'

/** A new head after this many turns: what a cold start reads of the log, entry by entry. */
const HEAD_EVERY_TURNS = 64
/** Without checkpoints nothing is gone back to; what was sent lately may still have to be sent again. */
const RESEND_TURNS = 512

export function taskBehaviour(runtime: JobRuntime, actor: ActorId): Behaviour<TaskState, TaskDelta> {
  return new TaskBehaviour(runtime, actor)
}

/**
 * A task as an actor. Its operators live as objects in a {@link LiveTask}, which is made from the state and good for as long
 * as every turn since was this process's own; what a turn adds to the log is all that another process needs to go on.
 */
class TaskBehaviour implements Behaviour<TaskState, TaskDelta> {
  readonly initial = initialTaskState
  readonly headEveryTurns = HEAD_EVERY_TURNS
  readonly #runtime: JobRuntime
  readonly #wiring: TaskWiring | undefined
  readonly #pacing: Pacing
  readonly #chores: TaskChores
  #rows: { readonly namespace: string; readonly rows: TaskRows } | undefined
  /** The live task, and the state that it stands at. */
  #live: { readonly task: LiveTask; readonly attempt: number; state: TaskState | undefined } | undefined
  /** What the live task has done and nobody knows yet: its commit makes it stand at the state after it. */
  #pending: TaskDelta | undefined

  constructor(runtime: JobRuntime, actor: ActorId) {
    this.#runtime = runtime
    this.#wiring = wireTask(runtime.plan, taskOfActor(actor))
    this.#pacing = new Pacing(runtime, actor)
    this.#chores = new TaskChores(runtime)
  }

  begin(base: TaskState, genesis: Genesis, place: Place): TaskState {
    return beginTask(base, genesis, place, this.#wiring?.isSource ?? false)
  }

  apply(state: TaskState, delta: TaskDelta, place: Place): TaskState {
    const next = applyTaskDelta(state, delta, place)
    if (this.#pending === delta) {
      this.#pending = undefined
      if (this.#live !== undefined) this.#live.state = next
    }
    return next
  }

  foldable(state: TaskState, { position }: Place): number {
    const { intervalMs } = this.#runtime.config.checkpointing
    return intervalMs === undefined ? position - RESEND_TURNS : state.restorableFrom
  }

  isOver(state: TaskState): boolean {
    return state.over !== undefined
  }

  encode(state: TaskState): unknown {
    return encodeTaskState(state)
  }

  decode(encoded: unknown): TaskState {
    return decodeTaskState(encoded)
  }

  async step(
    view: View<TaskState>,
    inputs: readonly Input[],
    world: StepWorld,
  ): Promise<StepOutcome<TaskDelta>> {
    const { state, isFenced } = view
    const { genesis } = state
    if (isFenced || genesis === undefined) {
      await this.#drop()
      return nothing(inputs.length)
    }
    const rows = this.#rowsOf(genesis.namespace)
    const chore = await this.#chores.next(view, rows, world)
    if (chore !== undefined) return { ...nothing(0), ...chore }
    if (state.over !== undefined) {
      await this.#drop()
      return nothing(inputs.length)
    }
    const wiring = this.#wiringOf(view, genesis.fingerprint)
    try {
      return await this.#turn(view, inputs, world, wiring, rows)
    } catch (cause) {
      await this.#drop()
      const platform = platformFaultIn(cause)
      if (platform !== undefined) throw platform
      return {
        ...nothing(inputs.length),
        delta: { over: 'failed' },
        outgoing: [toCoordinator({ type: 'failed', cause: causeOf(cause) })],
      }
    }
  }

  /** Runs the turn; where it needed a row that was not there, fetches it and runs it again from the beginning. */
  async #turn(
    view: View<TaskState>,
    inputs: readonly Input[],
    world: StepWorld,
    wiring: TaskWiring,
    rows: TaskRows,
  ): Promise<StepOutcome<TaskDelta>> {
    const allowance = { sourceWaitsUntilMs: await this.#pacing.waitsUntilMs(wiring, world.nowMs) }
    for (;;) {
      let missing: RowMissing | undefined
      try {
        const live = await this.#liveAt(view, wiring, rows, world.nowMs)
        const outcome = await new TaskTurn(view, wiring, live, rows, world.nowMs, allowance).run(inputs)
        // A user's function may have caught it: what came of that does not count.
        missing = live.backends.missing
        if (missing === undefined) {
          this.#pending = outcome.delta
          if (this.#live !== undefined && outcome.delta !== undefined) this.#live.state = undefined
          return outcome
        }
      } catch (cause) {
        missing = rowMissingIn(cause) ?? this.#live?.task.backends.missing
        if (missing === undefined) throw cause
      }
      await this.#drop()
      await rows.fetchMissing(view.state.keyed, missing)
    }
  }

  async #liveAt(view: View<TaskState>, wiring: TaskWiring, rows: TaskRows, nowMs: number): Promise<LiveTask> {
    const { state, place } = view
    if (this.#live?.state === state && this.#live.attempt === place.attempt) return this.#live.task
    await this.#drop()
    const task = new LiveTask(this.#runtime, wiring, state, place.attempt, rows, nowMs)
    this.#live = { task, attempt: place.attempt, state }
    await task.task.open()
    return task
  }

  async #drop(): Promise<void> {
    const live = this.#live
    this.#live = undefined
    this.#pending = undefined
    // What its closing throws is of no account: it is a cache that is let go of, not the end of the task.
    await live?.task.task.close().catch(() => {})
  }

  #rowsOf(namespace: string): TaskRows {
    if (this.#rows?.namespace !== namespace) {
      this.#rows = {
        namespace,
        rows: new TaskRows({ store: this.#runtime.rows, namespace, plan: this.#runtime.plan }),
      }
    }
    return this.#rows.rows
  }

  #wiringOf(view: View<TaskState>, fingerprint: string): TaskWiring {
    const { plan } = this.#runtime
    if (fingerprint !== plan.fingerprint || this.#wiring === undefined) {
      throw new Error(
        `${view.actor}: attempt ${view.place.attempt} runs the job with fingerprint ${fingerprint}, but this function was ` +
          `deployed with ${plan.fingerprint}: stop the job with a savepoint, then start the new version from it`,
      )
    }
    assert(view.place.attempt > 0, 'a task runs in an attempt')
    return this.#wiring
  }
}

function nothing(taken: number): StepOutcome<TaskDelta> {
  return { taken, delta: undefined, outgoing: [], nudges: [], wakeAtMs: undefined, more: false }
}
