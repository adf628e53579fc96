import { causeOf } from '../../checkpoint/failure-cause.ts'
import { taskOfActor } from '../../model/actors.ts'
import { assert } from '../../model/faults.ts'
import type { ActorId } from '../../model/ids.ts'
import type { RecordIdentity } from '../../model/poison-records.ts'
import { recordIdentityOf } from '../../state/record-identity.ts'
import {
  OtherCode,
  StaleView,
  type Behaviour,
  type Genesis,
  type Input,
  type Place,
  type StepOutcome,
  type StepWorld,
  type View,
} from '../actor/behaviour.ts'
import { truncateIngest } from '../ingest/truncation.ts'
import type { TaskGenesis, TaskOrder } from '../protocol.ts'
import type { JobRuntime } from '../runtime.ts'
import type { MissingRow } from '../state/row-missing.ts'
import { TaskRows } from '../state/task-rows.ts'
import { changedSettings, taskSettingsOf } from '../task-settings.ts'
import { LiveTask } from './live-task.ts'
import { positionBefore } from './in-flight.ts'
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
/** Without checkpoints nothing is gone back to; what was sent lately may still have to be sent again, unless the job is quiescent. */
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
  #rows: { readonly attempt: number; readonly rows: TaskRows } | undefined
  /** The live task, and the state that it stands at. */
  #live: { readonly task: LiveTask; readonly attempt: number; state: TaskState | undefined } | undefined
  /** What the live task has done and nobody knows yet: its commit makes it stand at the state after it. */
  #pending: TaskDelta | undefined

  constructor(runtime: JobRuntime, actor: ActorId) {
    this.#runtime = runtime
    this.#wiring = wireTask(runtime.plan, taskOfActor(actor))
    this.#pacing = new Pacing(runtime, actor)
    this.#chores = new TaskChores(runtime, this.#wiring)
  }

  begin(base: TaskState, genesis: Genesis, place: Place): TaskState {
    return beginTask(base, genesis, place, this.#wiring)
  }

  apply(state: TaskState, delta: TaskDelta, place: Place): TaskState {
    const next = applyTaskDelta(state, delta, place)
    if (this.#pending === delta) {
      this.#pending = undefined
      if (this.#live !== undefined) {
        this.#live.state = next
        this.#live.task.backends.committed(next.keyed)
      }
    }
    return next
  }

  foldable(state: TaskState, { position }: Place): number {
    const { restorableFrom, copying, over } = state
    if (this.#takesCheckpoints(state)) return restorableFrom
    // A savepoint is copied as of its barrier, however many turns that takes.
    const copiedAt = over === undefined ? copying?.position : undefined
    return Math.min(Math.max(position - RESEND_TURNS, restorableFrom), copiedAt ?? position)
  }

  /**
   * Without checkpoints turns are folded by their number, when a receiver may not have taken a message whose payload is an object:
   * the bucket removes it.
   */
  entriesAreRead(state: TaskState): boolean {
    return !this.#takesCheckpoints(state)
  }

  /** Before weeks in which nobody comes by: what a log holds ends. */
  wantsHead({ materializeTo, wasQuiet, isActive }: TaskState): boolean {
    return materializeTo?.done === true || (wasQuiet && !isActive)
  }

  isOver(state: TaskState): boolean {
    return state.over !== undefined
  }

  /** What is folded is never gone back to: what it had read need not be kept at the front door. */
  async afterHead({ operatorState }: TaskState): Promise<void> {
    if (this.#wiring !== undefined) {
      await truncateIngest(this.#runtime.mailbox, this.#wiring.vertex, operatorState)
    }
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
    const { genesis, over } = state
    if (isFenced || genesis === undefined) {
      await this.#drop()
      return nothing(inputs.length)
    }
    const rows = this.#rowsOf(genesis.namespace, view.place)
    const chore = await this.#guarded(view, inputs, () => this.#chores.next(view, genesis, rows, world))
    if (chore !== undefined) {
      // Other processes have had turns since: the chore's commit must not make the live task stand where it never was.
      if (this.#live?.state !== state) await this.#drop()
      return this.#outcome({ ...nothing(0), ...chore })
    }
    // The job is over, whatever code is deployed by now.
    if (over !== undefined || inputs.some(isToMaterialize)) {
      await this.#drop()
      return obeyed(view, inputs)
    }
    const wiring = this.#wiringOf(view, genesis)
    const outcome = await this.#guarded(view, inputs, () => this.#turn(view, inputs, world, wiring, rows))
    return isAtRest(state, outcome) ? { ...outcome, more: true } : outcome
  }

  /** What user code throws, or a savepoint that cannot be used, is the job's failure; the platform's faults are not. */
  async #guarded<T extends object | undefined>(
    { state }: View<TaskState>,
    inputs: readonly Input[],
    call: () => Promise<T>,
  ): Promise<T | StepOutcome<TaskDelta>> {
    try {
      return await call()
    } catch (cause) {
      await this.#drop()
      // One that is over has told why: what is still to be done of it is tried again.
      if (cause instanceof StaleView || state.over !== undefined) throw cause
      const platform = platformFaultIn(cause)
      if (platform !== undefined) throw platform
      return {
        ...nothing(inputs.length),
        delta: { over: 'failed' },
        outgoing: [toCoordinator({ type: 'failed', cause: causeOf(cause), ...this.#recordOf(cause) })],
      }
    }
  }

  #recordOf(cause: unknown): { readonly record?: RecordIdentity } {
    const { deadLetterAfter } = this.#runtime.config.poisonRecords
    const record = deadLetterAfter === undefined ? undefined : recordIdentityOf(cause)
    return record === undefined ? {} : { record }
  }

  /** Runs the turn; where it needed a row that was not there, fetches it and runs it again from the beginning. */
  async #turn(
    view: View<TaskState>,
    inputs: readonly Input[],
    world: StepWorld,
    wiring: TaskWiring,
    rows: TaskRows,
  ): Promise<StepOutcome<TaskDelta>> {
    const allowance = {
      sourceWaitsUntilMs: await this.#pacing.waitsUntilMs(wiring, world.nowMs),
      countsChannels: this.#runtime.config.checkpointing.unaligned,
      remainingMs: () => world.remainingMs(),
    }
    for (;;) {
      let missing: MissingRow | undefined
      try {
        const live = await this.#liveAt(view, wiring, rows, world.nowMs)
        const outcome = await new TaskTurn(view, wiring, live, rows, world.nowMs, allowance).run(inputs)
        // A user's function may have caught it: what came of that does not count.
        missing = live.backends.missing
        if (missing === undefined) {
          if (outcome.delta !== undefined) live.metrics.tell(this.#runtime.observe, world.nowMs)
          return this.#outcome(outcome)
        }
      } catch (cause) {
        missing = rowMissingIn(cause)?.missing ?? this.#live?.task.backends.missing
        if (missing === undefined) throw cause
      }
      await this.#drop()
      await rows.fetchMissing(view.state.keyed, missing)
    }
  }

  /** The live task stands nowhere until it is known what became of the turn. */
  #outcome(outcome: StepOutcome<TaskDelta>): StepOutcome<TaskDelta> {
    this.#pending = outcome.delta
    if (this.#live !== undefined && outcome.delta !== undefined) this.#live.state = undefined
    return outcome
  }

  async #liveAt(view: View<TaskState>, wiring: TaskWiring, rows: TaskRows, nowMs: number): Promise<LiveTask> {
    const { state, place } = view
    if (this.#live?.state === state && this.#live.attempt === place.attempt) return this.#live.task
    await this.#drop()
    const task = new LiveTask(this.#runtime, wiring, state, place, rows, nowMs)
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

  /** As the run was started: whoever is deployed with other settings reads its log as well. */
  #takesCheckpoints({ genesis }: TaskState): boolean {
    return (genesis?.settings ?? taskSettingsOf(this.#runtime.config)).takesCheckpoints
  }

  #rowsOf(namespace: string, { attempt }: Place): TaskRows {
    if (this.#rows?.attempt !== attempt) {
      const maxParallelism = this.#wiring?.vertex.maxParallelism ?? 1
      this.#rows = { attempt, rows: new TaskRows(this.#runtime.rows, namespace, maxParallelism) }
    }
    return this.#rows.rows
  }

  #wiringOf(view: View<TaskState>, { fingerprint, parallelism = {}, settings }: TaskGenesis): TaskWiring {
    const { plan, config } = this.#runtime
    const isSame = plan.vertices.every(
      (vertex) => (parallelism[vertex.id] ?? vertex.parallelism) === vertex.parallelism,
    )
    const changed = changedSettings(settings, config)
    if (fingerprint !== plan.fingerprint || !isSame || changed.length > 0 || this.#wiring === undefined) {
      const differs =
        changed.length > 0
          ? `with other settings (${changed.join(', ')})`
          : fingerprint === plan.fingerprint
            ? 'at another parallelism'
            : 'of other operators'
      throw new OtherCode(
        `attempt ${view.place.attempt} runs another version of the job, ${differs}, than this function was deployed with: ` +
          'stop the job with a savepoint, then start the new version from it',
      )
    }
    assert(view.place.attempt > 0, 'a task runs in an attempt')
    return this.#wiring
  }
}

/** The job may be about to sleep: what waits to be materialized is looked at once more. */
function isAtRest(state: TaskState, { delta }: StepOutcome<TaskDelta>): boolean {
  if (delta === undefined || delta.over !== undefined) return false
  return (delta.wasQuiet ?? state.wasQuiet) && !(delta.isActive ?? state.isActive)
}

/** What is left to do of a task that takes no more data, and, as the job is over, brings its rows up to a position. */
function obeyed(view: View<TaskState>, inputs: readonly Input[]): StepOutcome<TaskDelta> {
  const last = inputs.findLast(isToMaterialize)
  if (last === undefined) return nothing(inputs.length)
  const { position, inFlight = [] } = last.payload
  const restorableFrom = Math.max(view.state.restorableFrom, positionBefore(view, inFlight, position))
  const delta: TaskDelta = { over: 'closed', restorableFrom, materializeTo: { position, done: false } }
  return { ...nothing(inputs.length), delta, more: true }
}

type MaterializeOrder = Extract<TaskOrder, { readonly type: 'materialize' }>

function isToMaterialize(input: Input): input is Input & { readonly payload: MaterializeOrder } {
  return input.type === 'message' && (input.payload as TaskOrder).type === 'materialize'
}

function nothing(taken: number): StepOutcome<TaskDelta> {
  return { taken, delta: undefined, outgoing: [], nudges: [], wakeAtMs: undefined, more: false }
}
