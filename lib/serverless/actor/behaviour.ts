import type { ActorId } from '../../model/ids.ts'
import type { PackedPayload } from './envelope.ts'

/**
 * What one kind of actor does; the kernel (actor-process.ts) does what all have in common: it catches up with the log,
 * orders channels, commits one turn by one conditional append, sends, and only then lets go of messages.
 *
 * `State` is what the log adds up to: plain data, never changed in place once returned. `Delta` is what one turn adds.
 */
export interface Behaviour<State, Delta> {
  /** What an actor of this kind is before its first log entry. */
  readonly initial: State
  /** A new attempt begins: from `base` (the state at the genesis's base, or `initial`). Pure. */
  begin(base: State, genesis: Genesis, place: Place): State
  /** The state after a turn. Pure: the same on every reader. */
  apply(state: State, delta: Delta, place: Place): State
  /**
   * Why an input can never be taken, whatever the state; undefined: it can. It goes to the dead letters, and the step is
   * given a nudge in its place. Default: every input can be taken.
   */
  problemOf?(input: Input): string | undefined
  /**
   * One step: looks at the inputs, in order, and says what comes of them. It may read from the world, and write where
   * writing twice changes nothing; nothing else of it counts before its turn is appended. A step whose turn was lost
   * to another is run again, on another state.
   * @throws StaleView if what it read shows that the state is old; anything else is a fault of the platform: its inputs come again.
   */
  step(view: View<State>, inputs: readonly Input[], world: StepWorld): Promise<StepOutcome<Delta>>
  /**
   * History up to this position is never gone back to: it may be folded. At most `place.position`. What was sent after it
   * can be sent again where a receiver lacks it; of what was sent before, it can only be told that it is gone.
   */
  foldable(state: State, place: Place): number
  /** It takes nothing more in this attempt but orders of the coordinator: messages of others are dropped unread. */
  isOver(state: State): boolean
  /**
   * Others read the entries of the log, also folded ones: the blobs that hold them are left to {@link afterHead}. Default:
   * false, and they are removed with what is folded.
   */
  entriesAreRead?(state: State): boolean
  /** For a head, which a cold start reads. */
  encode(state: State): unknown
  decode(encoded: unknown): State
  /** Whether a new head is due, beyond what the kernel's own bounds on the log say. */
  readonly headEveryTurns: number
  /** A head is due now, whatever the bounds say. */
  wantsHead?(state: State): boolean
  /** After a head was written, which holds this state. */
  afterHead?(state: State): Promise<void>
}

/** Where in an actor's history a state is. */
export interface Place {
  readonly attempt: number
  /** Counts on over attempts; 0 before the first entry. */
  readonly position: number
}

export interface View<State> {
  readonly actor: ActorId
  readonly state: State
  readonly place: Place
  /** The state at a place that is never gone back to. */
  readonly folded: { readonly state: State; readonly place: Place }
  /** The state as of a position between those two, in the present chain. */
  stateAt(position: number): State
  /** The attempt is over: no turn of it counts any more. */
  readonly isFenced: boolean
  /** What the actor was ordered last, past its queue. Plain data. */
  readonly order: unknown
  /** The number expected next from a sender, in the present attempt. */
  receivedFrom(sender: ActorId): number
  /** The number that the next message to a receiver gets, in the present attempt. */
  sentTo(receiver: ActorId): number
  /** What was sent on a channel of some attempt that is not folded, of these numbers; undefined where some of it is. */
  sentBetween(stretch: ChannelStretch): readonly SentMessage[] | undefined
}

/** Messages of a channel: from number `first` to before `end`. */
export interface ChannelStretch {
  readonly to: ActorId
  readonly attempt: number
  readonly first: number
  readonly end: number
}

export interface SentMessage {
  /** Of the turn that sent it. */
  readonly position: number
  readonly payload: PackedPayload
}

/** Begins an attempt: written by the coordinator, names what it goes on from. */
export interface Genesis {
  readonly attempt: number
  /** Of an earlier attempt's log of the same actor; undefined: from nothing, or from what `content` carries. */
  readonly base: Place | undefined
  /** Plain data for the behaviour. */
  readonly content: unknown
}

/** Something for a step to look at. */
export type Input =
  /** The next message of a channel. */
  | {
      readonly type: 'message'
      readonly from: ActorId
      /** The attempt of the sender; where the receiver has attempts of its own, the same as its own. */
      readonly attempt: number
      readonly payload: unknown
    }
  /** Look again: a wake-up, a continuation, news of data. */
  | { readonly type: 'nudge' }
  /** From outside the job, or from an actor of another attempt; may come twice. */
  | { readonly type: 'request'; readonly payload: unknown; readonly messageId: string }

export interface StepWorld {
  /** Epoch milliseconds; the same through the turn, and never less than in the last one. */
  readonly nowMs: number
  /** Milliseconds left for this step: what takes longer ends its turn and goes on in the next. */
  remainingMs(): number
}

/** What came of a step. */
export interface StepOutcome<Delta> {
  /** Inputs that are dealt with, from the first; the rest come again in the next step. */
  readonly taken: number
  /** Undefined with no outgoing messages: nothing happened, and no turn is written. */
  readonly delta: Delta | undefined
  /** In order for each receiver. */
  readonly outgoing: readonly Outgoing[]
  /** Actors to be nudged once the turn is committed. */
  readonly nudges: readonly ActorId[]
  /** Wake this actor then, at the latest. */
  readonly wakeAtMs: number | undefined
  /** There is more to do without further input. */
  readonly more: boolean
}

export interface Outgoing {
  readonly to: ActorId
  /** The attempt of the receiver that it is for. Undefined: the sender's own. */
  readonly attempt?: number | undefined
  /** Plain data. */
  readonly payload: unknown
  /** {@link payload}, packed, where the sender has done so already, or sends again what it sent before. */
  readonly packed?: PackedPayload | undefined
}

/** The world has moved on from the state that a step worked with: catch up, then run it again. */
export class StaleView extends Error {
  override readonly name: string = 'StaleView'
}

/** An object is not there that the state refers to: others have removed it since, or it is lost. */
export class ObjectGone extends StaleView {
  override readonly name: string = 'ObjectGone'
  /** Where it was. */
  readonly location: string

  constructor(location: string) {
    super(`${location} is gone`)
    this.location = location
  }
}

/** This process has other code than what it would have to go on with: its inputs come again, to one that may have the same. */
export class OtherCode extends Error {
  override readonly name: string = 'OtherCode'
}
