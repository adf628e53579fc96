import type { ChannelAddress } from '../../checkpoint/in-flight-elements.ts'
import { COORDINATOR, taskOfActor } from '../../model/actors.ts'
import type { ActorId } from '../../model/ids.ts'
import type { Element, RecordBatch } from '../../model/elements.ts'
import { assert } from '../../model/faults.ts'
import type { TaskSnapshot } from '../../task/task-snapshot.ts'
import { isDeepStrictEqual } from 'node:util'
import type { Input, Outgoing, StepOutcome, View } from '../actor/behaviour.ts'
import type { ElementsPayload, OvertakeOrder, Stashed, TaskOrder, TaskReport } from '../protocol.ts'
import type { TaskRows } from '../state/task-rows.ts'
import { acknowledgement, type BarrierTurn } from './acknowledgement.ts'
import { changedOperatorState, type LiveTask } from './live-task.ts'
import { channelCounts, positionBefore, sentAgain } from './in-flight.ts'
import { packed } from './outputs.ts'
import { prefetch } from './prefetch.ts'
import { SourceReading } from './source-reading.ts'
import { stashDelta, type TaskDelta, type TaskState } from './task-state.ts'
import type { TaskWiring } from './task-wiring.ts'
import { RECORDS_MAX, TurnBudget } from './turn-budget.ts'

/** What a task is ordered while its job goes on. */
type TurnOrder = Exclude<TaskOrder, { readonly type: 'materialize' }>

/** What a turn may do besides taking its inputs. */
export interface TurnAllowance {
  /** The tasks below are too far behind: a source reads nothing before this time. */
  readonly sourceWaitsUntilMs: number | undefined
  /** Unaligned checkpoints are taken: acknowledgements tell how far channels are. */
  readonly countsChannels: boolean
  /** Milliseconds left for it: as soon as there are none it ends, be it between two records of an element. */
  remainingMs(): number
}

/** One turn of a task: elements in, effects out; then what it changed. Made for one run of one step. */
export class TaskTurn {
  readonly #view: View<TaskState>
  readonly #wiring: TaskWiring
  readonly #live: LiveTask
  readonly #rows: TaskRows
  readonly #nowMs: number
  readonly #allowance: TurnAllowance
  readonly #budget: TurnBudget
  readonly #reading: SourceReading
  readonly #kept: Stashed[] = []
  readonly #waiting = new Set<number>()
  readonly #reports: TaskReport[] = []
  readonly #delta: { -readonly [Field in keyof TaskDelta]: TaskDelta[Field] } = {}
  #taken = 0
  /** It is to tell what it has done, once the turn is over. */
  #isAskedForQuiescence = false
  #started: boolean

  constructor(
    view: View<TaskState>,
    wiring: TaskWiring,
    live: LiveTask,
    rows: TaskRows,
    nowMs: number,
    allowance: TurnAllowance,
  ) {
    this.#view = view
    this.#wiring = wiring
    this.#live = live
    this.#rows = rows
    this.#nowMs = nowMs
    this.#allowance = allowance
    this.#budget = new TurnBudget(() => allowance.remainingMs())
    const { isSource } = wiring
    this.#reading = new SourceReading(view.state.reading, isSource, nowMs, allowance.sourceWaitsUntilMs)
    this.#started = view.state.started
  }

  async run(inputs: readonly Input[]): Promise<StepOutcome<TaskDelta>> {
    const { task } = this.#live
    this.#live.beginTurn(this.#nowMs, this.#view.place.position + 1, () => this.#allowance.remainingMs())
    if (this.#isHeld) {
      await this.#hold(inputs)
      return this.#outcome(inputs)
    }
    this.#budget.want(task.recordsWanted)
    await prefetch(this.#view, this.#wiring, this.#live, this.#rows, {
      nowMs: this.#nowMs,
      inputs,
      recordsMax: RECORDS_MAX,
    })
    this.#goOnFiring()
    await this.#overtake()
    await this.#takeStash()
    await this.#takeInputs(inputs)
    if (!this.#isEnded && this.#started) {
      this.#fireProcessingTimers()
      await this.#reading.read(this.#live, this.#budget, () => this.#isEnded)
    }
    await task.endBatch()
    return this.#outcome(inputs)
  }

  /** A barrier, a watermark with timers still to fire, or enough records end the turn: what follows is for the next. */
  get #isEnded(): boolean {
    const { snapshot, task } = this.#live
    return snapshot !== undefined || task.isFiring || this.#budget.isFull
  }

  /** It was given what was under way, and does not know yet that its attempt has begun. */
  get #isHeld(): boolean {
    return this.#view.state.stashIsGiven && !this.#started
  }

  /**
   * Nothing may come before what it was given: all else waits behind it. And that waits for the start, so that an attempt which
   * its coordinator gave up leaves no task at work.
   */
  async #hold(inputs: readonly Input[]): Promise<void> {
    for (const stashed of this.#view.state.stash) this.keep(stashed)
    for (; this.#taken < inputs.length && this.#isHeld; this.#taken++) {
      const input = inputs[this.#taken]!
      if (input.type !== 'message') continue
      if (input.from === COORDINATOR) await this.#obey(input.payload as TurnOrder)
      else {
        const { edge, elements } = input.payload as ElementsPayload
        this.keep({ from: input.from, edge, elements })
      }
    }
  }

  /** Fires what a watermark has made due, step by step. */
  #goOnFiring(): void {
    const { task } = this.#live
    while (task.isFiring && this.#budget.mayFire) {
      this.#budget.spendFiringStep()
      task.goOnFiring()
    }
  }

  /** An order that is past the queue: the barrier goes before everything that waits for this task. */
  async #overtake(): Promise<void> {
    const { task } = this.#live
    const order = this.#view.order as OvertakeOrder | undefined
    if (order === undefined || order.attempt !== this.#view.place.attempt || task.isFiring) return
    await task.overtake(order.checkpointId, order.triggeredAtMs)
  }

  /** What waited on channels that are free now, in order. */
  async #takeStash(): Promise<void> {
    for (const stashed of this.#view.state.stash) {
      if (stashed.at === undefined) {
        this.#live.taking = () => `${taskOfActor(stashed.from)}, what waited`
        await this.#takeElements(stashed)
      } else this.#takeWithin(stashed)
    }
  }

  async #takeInputs(inputs: readonly Input[]): Promise<void> {
    while (this.#taken < inputs.length && !this.#isEnded) {
      const input = inputs[this.#taken]!
      if (input.type === 'nudge') this.#reading.noticeData()
      else if (input.type === 'message') {
        if (input.from === COORDINATOR) await this.#obey(input.payload as TurnOrder)
        else {
          const { from } = input
          const { edge, elements } = input.payload as ElementsPayload
          this.#live.taking = () => `${taskOfActor(from)}, message ${this.#numberOf(from, inputs)}`
          await this.#takeElements({ from, edge, elements })
        }
      }
      this.#taken++
    }
  }

  /** Of the message from there that is being taken, on its channel in this attempt. */
  #numberOf(from: ActorId, inputs: readonly Input[]): number {
    const before = inputs.slice(0, this.#taken).filter((one) => one.type === 'message' && one.from === from)
    return this.#view.receivedFrom(from) + before.length
  }

  /** For a later turn: nothing of it has happened yet, not even to event time. */
  private keep(stashed: Stashed): void {
    this.#kept.push(stashed)
  }

  /** Takes records that were under way to an operator of the chain, until the turn ends; keeps the rest. */
  #takeWithin(stashed: Extract<Stashed, { readonly at: ChannelAddress }>): void {
    const { at, elements } = stashed
    let left = elements
    while (left.length > 0 && !this.#isEnded) {
      const [first, ...others] = left
      const rest = this.#takeRecords(first!, (index) =>
        this.#live.task.acceptAt(at.targetUid, first!, index, index + 1),
      )
      left = rest === undefined ? others : [rest, ...others]
    }
    if (left.length > 0) this.keep(left === elements ? stashed : { at, elements: left })
  }

  /** Takes the elements until the channel is blocked or the turn ends; keeps the rest. */
  async #takeElements(stashed: Extract<Stashed, { readonly from: ActorId }>): Promise<void> {
    const { from, edge, elements } = stashed
    const { task } = this.#live
    const channel = this.#wiring.channelOf(from, edge)
    assert(channel !== undefined, `${this.#view.actor} has a channel from ${from} on edge ${edge}`)
    let left = elements
    while (left.length > 0 && !this.#isEnded && !task.isBlocked(channel) && !this.#waiting.has(channel)) {
      const [first, ...others] = left
      const rest = await this.#accept(channel, first!)
      left = rest === undefined ? others : [rest, ...others]
    }
    if (left.length === 0) return
    this.#waiting.add(channel)
    this.keep(left === elements ? stashed : { from, edge, elements: left })
  }

  /** What it has not taken of the element, because the turn ended inside. */
  async #accept(channel: number, element: Element): Promise<Element | undefined> {
    if (element.kind === 'records')
      return this.#takeRecords(element, (index) =>
        this.#live.task.acceptRecords(channel, element, index, index + 1),
      )
    if (element.kind !== 'barrier') this.#budget.noticeData()
    const done = this.#live.task.accept(channel, element)
    if (done instanceof Promise) await done
    this.#goOnFiring()
    return undefined
  }

  #takeRecords(
    { kind, values, timestamps }: RecordBatch,
    take: (index: number) => void,
  ): RecordBatch | undefined {
    for (let at = 0; at < values.length; at++) {
      if (this.#budget.isExhausted)
        return { kind, values: values.slice(at), timestamps: timestamps.slice(at) }
      this.#budget.spendRecords(1)
      take(at)
    }
    return undefined
  }

  async #obey(order: TurnOrder): Promise<void> {
    const { task } = this.#live
    switch (order.type) {
      case 'start':
        this.#started = true
        return
      case 'trigger': {
        const { checkpointId, triggeredAtMs, kind, stopSources, drain } = order
        if (drain && !task.inputEnded) task.drain()
        if (stopSources) this.#reading.stopAt(checkpointId)
        await task.injectBarrier(checkpointId, triggeredAtMs, kind === 'savepoint')
        return
      }
      case 'complete':
        await task.checkpointComplete(order.checkpointId)
        this.#restorableFrom(positionBefore(this.#view, order.inFlight ?? [], order.restorableFrom))
        return
      case 'aborted':
        await task.checkpointAborted(order.checkpointId)
        this.#reading.goOnAfter(order.checkpointId)
        if (this.#view.state.copying?.checkpointId === order.checkpointId) this.#delta.copying = null
        return
      case 'finish':
        this.#delta.finishing = true
        return
      case 'restorable-from':
        this.#restorableFrom(positionBefore(this.#view, order.inFlight ?? [], order.position))
        return
      case 'tell-quiescence':
        this.#isAskedForQuiescence = true
    }
  }

  #restorableFrom(position: number): void {
    const known = this.#delta.restorableFrom ?? this.#view.state.restorableFrom
    if (position > known) this.#delta.restorableFrom = position
  }

  #fireProcessingTimers(): void {
    const { task } = this.#live
    const dueMs = task.nextProcessingTime()
    if (dueMs === undefined || dueMs > this.#nowMs) return
    this.#budget.noticeData()
    task.onProcessingTime()
  }

  async #outcome(inputs: readonly Input[]): Promise<StepOutcome<TaskDelta>> {
    const { state, place } = this.#view
    const { task, backends, outputs, snapshot, inputEnded } = this.#live
    const capture = await task.capture()
    const rows = backends.takeChanges()
    const operatorState = changedOperatorState(state.operatorState, capture.operators)
    const delta = this.#delta
    if (state.progress === undefined) delta.begunAtMs = this.#nowMs
    if (!isDeepStrictEqual(capture.progress, state.progress)) delta.progress = capture.progress
    if (operatorState.length > 0) delta.operatorState = operatorState
    if (rows.length > 0) delta.keyed = { rows }
    if (state.progress === undefined) {
      // What an attempt begins with, readers make out by the plan that they have: so its first turn says all of it.
      if (this.#kept.length > 0 || state.stash.length > 0) delta.stash = this.#kept
    } else if (!sameItems(this.#kept, state.stash)) delta.stash = stashDelta(state.stash, this.#kept)
    if (!isDeepStrictEqual(this.#reading.state, state.reading)) delta.reading = this.#reading.state
    if (this.#started !== state.started) delta.started = this.#started
    this.#tellActivity(rows.length > 0)
    const sent = [...(await this.#sentAgain()), ...packed(outputs.take(), this.#wiring.vertex.name)]
    if (snapshot !== undefined || this.#isAskedForQuiescence) {
      const { senders, receivers } = this.#wiring
      const taken = inputs.slice(0, this.#taken)
      const channels = channelCounts(this.#view, senders, receivers, taken, sent)
      const position = place.position + 1
      const active = this.#activity()
      if (snapshot !== undefined) {
        const counts = this.#allowance.countsChannels ? channels : undefined
        this.#acknowledge(snapshot, { position, active, rows: rows.length, channels: counts })
      }
      if (this.#isAskedForQuiescence) this.#reports.push({ type: 'quiescence', position, active, channels })
    }
    if (inputEnded) this.#reports.push({ type: 'input-ended' })
    if ((delta.finishing ?? state.finishing) && !task.wantsTurn) {
      delta.over = 'closed'
      this.#reports.push({ type: 'closed' })
    }
    const outgoing = [...sent, ...this.#reports.map(toCoordinator)]
    return {
      taken: this.#taken,
      delta: Object.keys(delta).length === 0 ? undefined : delta,
      outgoing,
      nudges: [],
      wakeAtMs: delta.over === undefined ? this.#wakeAtMs() : undefined,
      more: delta.over === undefined && this.#hasMore(inputs.length),
    }
  }

  /** In the first turn of an attempt, what was under way at the checkpoint that it begins from. */
  async #sentAgain(): Promise<readonly Outgoing[]> {
    const { genesis, progress } = this.#view.state
    if (progress !== undefined || genesis?.checkpointId === undefined) return []
    const { inFlight = [], checkpointId } = genesis
    return sentAgain(this.#view, inFlight, checkpointId, this.#live.blobs)
  }

  /** An idle job has no checkpoints triggered: the first that goes on tells the coordinator. */
  #tellActivity(changedRows: boolean): void {
    const { state } = this.#view
    const isActive = this.#budget.sawData || changedRows
    if (isActive && !state.isActive) {
      this.#delta.isActive = true
      if (state.wasQuiet) {
        this.#delta.wasQuiet = false
        this.#reports.push({ type: 'active' })
      }
    }
  }

  /** What is told of the time since this was told before. */
  #activity(): boolean {
    const active = this.#delta.isActive ?? this.#view.state.isActive
    this.#delta.isActive = false
    this.#delta.wasQuiet = !active
    return active
  }

  #acknowledge(snapshot: TaskSnapshot, barrier: BarrierTurn): void {
    const { vertex, keyed } = this.#wiring
    const ack = acknowledgement(snapshot, vertex, barrier)
    const { position } = barrier
    const { checkpointId } = snapshot
    if (snapshot.isSavepoint && keyed !== undefined)
      this.#delta.copying = { checkpointId, position, ack, cursor: undefined, segments: [] }
    else this.#reports.push({ type: 'acknowledge', checkpointId, ack })
  }

  #wakeAtMs(): number | undefined {
    const timerMs = this.#started ? this.#live.task.nextProcessingTime() : undefined
    const times = [timerMs ?? Infinity, this.#reading.nextAtMs(this.#started)].filter(
      (atMs) => atMs > this.#nowMs,
    )
    const nextMs = Math.min(...times)
    return nextMs === Infinity ? undefined : nextMs
  }

  #isBlocked(stashed: Stashed): boolean {
    if (stashed.at !== undefined) return false
    return this.#live.task.isBlocked(this.#wiring.channelOf(stashed.from, stashed.edge)!)
  }

  #hasMore(inputCount: number): boolean {
    const { task } = this.#live
    if (this.#taken < inputCount || this.#isHeld) return false
    if (task.isFiring || task.wantsTurn) return true
    // Sources may have stopped at its barrier: nothing else comes that the copy could go along with.
    if (this.#delta.copying !== undefined && this.#delta.copying !== null) return true
    if (this.#kept.some((stashed) => !this.#isBlocked(stashed))) return true
    if (!this.#started) return false
    const dueMs = task.nextProcessingTime()
    if (dueMs !== undefined && dueMs <= this.#nowMs) return true
    return this.#reading.hasMore(this.#budget.records > 0)
  }
}

/** What a step that failed leaves behind: the job's failure, told once. */
export function toCoordinator(report: TaskReport): Outgoing {
  return { to: COORDINATOR, payload: report }
}

function sameItems(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((one, i) => one === b[i])
}
