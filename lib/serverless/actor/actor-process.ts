import { actorKind } from '../../model/actors.ts'
import { assert, messageOf } from '../../model/faults.ts'
import type { ActorId } from '../../model/ids.ts'
import { denialIn, PlatformFault } from '../../ports/platform-fault.ts'
import type { Invocation, JobRuntime } from '../runtime.ts'
import { Admission, type Admitted, type OnLost } from './admission.ts'
import {
  ObjectGone,
  StaleView,
  type Behaviour,
  type Outgoing,
  type StepOutcome,
  type View,
} from './behaviour.ts'
import { HeadStore } from './head-store.ts'
import { History, type ChannelCount } from './history.ts'
import { consumedBy, type Delivery } from './inbox.ts'
import { LOG_LIMITS } from './limits.ts'
import {
  actorFolder,
  appendTurn,
  decodeEntries,
  payloadBytes,
  type LogItem,
  type LostItem,
  type OutboxMessage,
  type TurnItem,
} from './log-entry.ts'
import { storeNamed } from './named-blob.ts'
import { pack, unpack } from './packing.ts'
import { PendingWakeUp } from './pending-wake-up.ts'
import { Sender } from './sender.ts'

/** Why an actor had no turn, or cannot go on. */
export interface ActorFault {
  readonly actor: ActorId
  /** Undefined: not even that could be read. */
  readonly attempt: number | undefined
  /** A message that came to nothing because of it. */
  readonly messageId: string
  readonly cause: unknown
}

/** Tells of what the actor may be unable to write down itself. False: somebody is to be told, and could not be. */
export type OnFault = (fault: ActorFault) => Promise<boolean>

/** What came of a look at the mailbox. */
interface Round<Delta> {
  readonly outcome: StepOutcome<Delta>
  readonly isCommitted: boolean
  /** Deliveries that the step did not come to. */
  readonly untaken: readonly Delivery[]
  readonly tooEarly: readonly Delivery[]
}

/**
 * One actor in one process: the protocol of turns (DESIGN: the turn). It keeps what it read of the log, which is only ever
 * a prefix of it: every round begins with one strongly consistent read of what came since. A turn is committed by one
 * conditional append; whatever it sends is sent after that, and the messages that led to it are let go last. So a crash
 * before the append has had no effect, and after it nothing is lost: the messages come back, and whoever takes them finds
 * the outbox.
 *
 * One call of `handle` at a time.
 */
export class ActorProcess<State, Delta> {
  readonly #actor: ActorId
  readonly #behaviour: Behaviour<State, Delta>
  readonly #runtime: JobRuntime
  readonly #onFault: OnFault
  readonly #sender: Sender
  readonly #admission: Admission<State, Delta>
  readonly #heads: HeadStore<State>
  readonly #wakeUp: PendingWakeUp
  #history: History<State, Delta> | undefined
  /** The sort key of the last entry read. */
  #cursor: string | undefined
  #order: unknown
  /** Turns up to here have sent everything. */
  #sentThrough = 0
  /** Turns of others that may not have. */
  #unsent: readonly TurnItem[] = []
  #turnsSinceHead = 0
  #bytesSinceHead = 0
  /** When the oldest entry was written that no head stands for; Infinity: there is none. */
  #unheadedSinceMs = Number.POSITIVE_INFINITY
  /** What was looked for since the last turn, and was not there. */
  readonly #gone = new Set<string>()

  constructor(
    actor: ActorId,
    behaviour: Behaviour<State, Delta>,
    runtime: JobRuntime,
    onFault: OnFault = () => Promise.resolve(true),
  ) {
    this.#actor = actor
    this.#behaviour = behaviour
    this.#runtime = runtime
    this.#onFault = onFault
    this.#sender = new Sender(actor, runtime.mailbox, runtime.random)
    const onLost: OnLost = async ({ from, attempt, messageId }, lost) => {
      // An attempt ends by the failure of a task: whom the coordinator can hear no more.
      const whose = actorKind(actor) === 'coordinator' ? from : actor
      const cause = lossOf(lost)
      const isTold = await this.#report('a message is let go', { actor: whose, attempt, messageId, cause })
      if (!isTold) throw cause
    }
    this.#admission = new Admission(actor, behaviour, runtime, this.#sender, onLost, this.#gone)
    this.#heads = new HeadStore(actor, behaviour, runtime)
    this.#wakeUp = new PendingWakeUp(actor, runtime.wakeUps)
  }

  /** Deals with deliveries in order. Resolves to the ids of those that have to come again. */
  async handle(deliveries: readonly Delivery[], invocation: Invocation): Promise<readonly string[]> {
    let left = deliveries
    let more = false
    let conflicts = 0
    this.#wakeUp.receive(deliveries)
    const beganMs = invocation.remainingMs()
    // While an invocation goes on, nothing else reaches the actor: what goes on by itself gives way to orders.
    const mayGoOn = (waiting: readonly Delivery[]): boolean => {
      const leftMs = invocation.remainingMs()
      return leftMs > LOG_LIMITS.reserveMs && (waiting.length > 0 || beganMs - leftMs < LOG_LIMITS.sliceMs)
    }
    // Unknown while the log is read: what was read so far may be of one that is over.
    let attempt: number | undefined
    try {
      do {
        attempt = undefined
        const history = await this.#catchUp()
        attempt = history.current.place.attempt
        await this.#sendUnsent()
        await this.#wakeUp.sendOn(this.#runtime.now())
        const round = await this.#round(history, left, invocation)
        if (round === 'lost' && ++conflicts > LOG_LIMITS.conflictsMax) break
        if (round === 'lost' || round === 'old') continue
        this.#gone.clear()
        const { outcome, isCommitted, untaken, tooEarly } = round
        left = [...untaken, ...tooEarly]
        more = outcome.more
        if (untaken.length === 0 && !more) break
        assert(isCommitted || outcome.taken > 0, `${this.#actor}: a step that has more to do got on`)
      } while (mayGoOn(left))
      if (more) await this.#sender.sendNudges([this.#actor])
    } catch (cause) {
      // It may have been left half-way: what counts is in the log.
      this.#history = undefined
      const first = deliveries[0]
      if (first !== undefined) {
        const { messageId } = first
        await this.#report('its messages come again', { actor: this.#actor, attempt, messageId, cause })
      }
      // What was taken already is dropped when it comes again; but something has to come, where there is more to do.
      return deliveries.map(({ messageId }) => messageId)
    }
    return left.map(({ messageId }) => messageId)
  }

  /** 'lost': others have had a turn since the log was read. 'old': something that the log tells of is gone. */
  async #round(
    history: History<State, Delta>,
    deliveries: readonly Delivery[],
    invocation: Invocation,
  ): Promise<'lost' | 'old' | Round<Delta>> {
    try {
      const { admitted, tooEarly } = await this.#admission.admit(deliveries, history)
      const turn = await this.#turn(history, admitted, invocation)
      if (turn === 'lost') return 'lost'
      const untaken = admitted.slice(turn.outcome.taken).map(({ delivery }) => delivery)
      return { ...turn, untaken, tooEarly }
    } catch (cause) {
      this.#forgetOld(cause)
      // Each of them once: they are no sign that others are at work.
      return cause instanceof ObjectGone ? 'old' : 'lost'
    }
  }

  async #turn(
    history: History<State, Delta>,
    admitted: readonly Admitted[],
    invocation: Invocation,
  ): Promise<'lost' | Pick<Round<Delta>, 'outcome' | 'isCommitted'>> {
    const { current } = history
    const nowMs = Math.max(current.nowMs, this.#runtime.now())
    const outcome = await this.#step(history, admitted, nowMs, invocation)
    const wakeAtMs = this.#wakeUp.timeToAskFor(outcome.wakeAtMs, nowMs)
    const taken = admitted.slice(0, outcome.taken)
    const consumed = consumedBy(taken.map(({ message }) => message))
    const isTurn = outcome.delta !== undefined || outcome.outgoing.length > 0 || consumed.length > 0
    if (!isTurn) {
      await this.#sender.sendNudges(outcome.nudges)
      if (wakeAtMs !== undefined) await this.#wakeUp.wakeAt(wakeAtMs)
      await this.#writeHead(history)
      return { outcome, isCommitted: false }
    }
    const item: TurnItem = {
      type: 'turn',
      attempt: current.place.attempt,
      position: current.place.position + 1,
      nowMs,
      consumed,
      outbox: await this.#outboxOf(outcome.outgoing, current.sent, current.place),
      nudges: outcome.nudges,
      wakeAtMs,
      delta: outcome.delta,
      sentThrough: this.#sentThrough,
    }
    const { log, blobs } = this.#runtime
    const appended = await appendTurn(log, blobs, this.#actor, item)
    // Somebody else's turn, or this very one whose answer was lost: either way the log knows.
    if (appended.outcome === 'exists') return 'lost'
    this.#cursor = undefined
    history.add({ ...item, blob: appended.blob })
    this.#turnsSinceHead++
    this.#bytesSinceHead += appended.bytes
    this.#unheadedSinceMs = Math.min(this.#unheadedSinceMs, nowMs)
    await this.#send(item)
    await this.#writeHead(history)
    return { outcome, isCommitted: true }
  }

  #step(
    history: History<State, Delta>,
    admitted: readonly Admitted[],
    nowMs: number,
    invocation: Invocation,
  ): Promise<StepOutcome<Delta>> {
    const { current, folded, isFenced } = history
    const view: View<State> = {
      actor: this.#actor,
      state: current.state,
      place: current.place,
      folded: { state: folded.state, place: folded.place },
      stateAt: (position) => history.stateAt(position),
      isFenced,
      order: this.#order,
      receivedFrom: (sender) => countOf(current.received.get(sender), current.place.attempt),
      sentTo: (receiver) => countOf(current.sent.get(receiver), current.place.attempt),
      sentBetween: (stretch) => history.sentBetween(stretch),
    }
    const inputs = admitted.map(({ input }) => input)
    const world = { nowMs, remainingMs: () => invocation.remainingMs() - LOG_LIMITS.reserveMs }
    return this.#behaviour.step(view, inputs, world)
  }

  /**
   * Forgets a view that turned out to be old. What is gone is gone because the log has moved on; where the log was read anew
   * and still wants it, it is lost, and nobody will ever find it.
   * @throws PlatformFault, one that lasts, then; and `cause` if it is something else.
   */
  #forgetOld(cause: unknown): void {
    if (!(cause instanceof StaleView)) throw cause
    this.#history = undefined
    if (!(cause instanceof ObjectGone)) return
    if (this.#gone.has(cause.location)) throw lossOf(cause)
    this.#gone.add(cause.location)
  }

  /** Brings what this process knows up to date. */
  async #catchUp(): Promise<History<State, Delta>> {
    for (;;) {
      try {
        this.#history ??= await this.#load()
        const missing = await this.#readOn(this.#history)
        const unknown = missing.filter((location) => !this.#gone.has(location))
        if (unknown.length === 0) {
          this.#history.assertWhole()
          return this.#history
        }
        // What this process began from has been folded meanwhile: a newer head tells more. All at once: the whole log is read anew.
        for (const location of unknown) this.#gone.add(location)
        this.#history = undefined
      } catch (cause) {
        if (!(cause instanceof ObjectGone)) throw cause
        this.#forgetOld(cause)
      }
    }
  }

  /** Reads what was appended since this process last looked. Resolves to objects that were not there. */
  async #readOn(history: History<State, Delta>): Promise<readonly string[]> {
    const missing: string[] = []
    const isLost = (cause: unknown): boolean => {
      if (!(cause instanceof ObjectGone)) return denialIn(cause) !== undefined
      missing.push(cause.location)
      return true
    }
    for (let more = true; more;) {
      const page = await this.#runtime.log.read(this.#actor, this.#cursorOf(history))
      const items = await decodeEntries(page.entries, this.#runtime.blobs, isLost)
      for (const [index, entry] of page.entries.entries()) {
        this.#took(history, items[index]!)
        this.#cursor = entry.sort
        this.#bytesSinceHead += entry.body.length
      }
      more = page.more
      if (!more) this.#order = page.order === undefined ? undefined : unpack(page.order.body)
    }
    return missing
  }

  async #load(): Promise<History<State, Delta>> {
    const snapshot = await this.#heads.read()
    this.#cursor = undefined
    this.#turnsSinceHead = 0
    this.#bytesSinceHead = 0
    this.#unheadedSinceMs = Number.POSITIVE_INFINITY
    this.#wakeUp.reset()
    // What a head folds was sent before the head was written.
    this.#sentThrough = snapshot?.place.position ?? 0
    this.#unsent = []
    return new History(this.#behaviour, snapshot)
  }

  #took(history: History<State, Delta>, item: LogItem | LostItem): void {
    history.add(item)
    if (item.type === 'fence' || item.type === 'lost') return
    this.#turnsSinceHead++
    if (item.type === 'genesis') {
      // What an attempt that is over did not send is of no use.
      this.#unsent = []
      this.#sentThrough = item.position
      return
    }
    this.#unheadedSinceMs = Math.min(this.#unheadedSinceMs, item.nowMs)
    this.#unsent = [...this.#unsent.filter(({ position }) => position > item.sentThrough), item]
    this.#sentThrough = Math.max(this.#sentThrough, item.sentThrough)
    this.#wakeUp.noteTurn(item.wakeAtMs)
  }

  #cursorOf(history: History<State, Delta>): string | undefined {
    return this.#cursor ?? this.#heads.sortOf(history.current.place)
  }

  /** Whoever committed these turns may not have lived to send what they hold. */
  async #sendUnsent(): Promise<void> {
    for (const item of this.#unsent) {
      const isAtHand = item.wakeAtMs !== undefined && this.#wakeUp.isAtHand(item.wakeAtMs)
      await this.#send(isAtHand ? { ...item, wakeAtMs: undefined } : item)
    }
    this.#unsent = []
  }

  async #send(item: TurnItem): Promise<void> {
    await this.#sender.sendFirst(item.outbox)
    await this.#sender.sendNudges(item.nudges)
    if (item.wakeAtMs !== undefined) await this.#wakeUp.wakeAt(item.wakeAtMs)
    this.#sentThrough = item.position
  }

  async #outboxOf(
    outgoing: readonly Outgoing[],
    sent: ReadonlyMap<ActorId, ChannelCount>,
    place: { readonly attempt: number; readonly position: number },
  ): Promise<OutboxMessage[]> {
    const counts = new Map<ActorId, ChannelCount>()
    const outbox: OutboxMessage[] = []
    for (const { to, attempt = place.attempt, payload, packed } of outgoing) {
      const known = counts.get(to) ?? sent.get(to)
      const sequence = known?.attempt === attempt ? known.next : 0
      counts.set(to, { attempt, next: sequence + 1 })
      // What is sent again has a blob of its own: the other goes when the turn that sent it first is folded.
      const bytes = packed === undefined ? pack(payload) : await payloadBytes(this.#runtime.blobs, packed)
      const prefix = `log/${actorFolder(this.#actor)}/${place.attempt}-${place.position + 1}-payload`
      outbox.push({
        to,
        attempt,
        sequence,
        payload:
          bytes.length <= LOG_LIMITS.payloadInlineBytes
            ? { bytes }
            : { blob: await storeNamed(this.#runtime.blobs, prefix, bytes) },
      })
    }
    return outbox
  }

  /** A head that cannot be written is written another time: the log has everything. */
  async #writeHead(history: History<State, Delta>): Promise<void> {
    const { headEveryTurns } = this.#behaviour
    const isDue =
      this.#runtime.now() - this.#unheadedSinceMs >= LOG_LIMITS.unheadedMsMax ||
      this.#turnsSinceHead >= headEveryTurns ||
      this.#bytesSinceHead >= LOG_LIMITS.tailBytesMax
    if (!isDue && this.#behaviour.wantsHead?.(history.current.state) !== true) return
    try {
      if (!(await this.#heads.write(history))) return
      // Not what is left after it: where that is many turns for good, every turn would write a head.
      this.#turnsSinceHead = 0
      this.#bytesSinceHead = 0
      this.#unheadedSinceMs = history.tailSinceMs
    } catch (cause) {
      this.#runtime.observe.event({
        type: 'warning',
        message: `${this.#actor}: no new head: ${messageOf(cause)}`,
      })
    }
  }

  #report(what: string, fault: ActorFault): Promise<boolean> {
    const message = `${this.#actor}: ${what}: ${messageOf(fault.cause)}`
    this.#runtime.observe.event({ type: 'warning', message })
    return this.#onFault(fault)
  }
}

/** No retry brings it back. */
function lossOf(cause: Error): PlatformFault {
  return new PlatformFault(`${cause.message}, though it is still needed`, { passes: false, cause })
}

function countOf(count: ChannelCount | undefined, attempt: number): number {
  return count?.attempt === attempt ? count.next : 0
}
