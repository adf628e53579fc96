import { assert } from '../../model/faults.ts'
import type { ActorId } from '../../model/ids.ts'
import type { Behaviour, ChannelStretch, Place, SentMessage } from './behaviour.ts'
import {
  sortOf,
  type GenesisItem,
  type LogItem,
  type LostItem,
  type OutboxMessage,
  type TurnItem,
} from './log-entry.ts'

/** What an actor's log adds up to at a place. Never changed in place. */
export interface Snapshot<State> {
  readonly place: Place
  readonly state: State
  /** By sender: the attempt of its channel, and the number expected next. */
  readonly received: ReadonlyMap<ActorId, ChannelCount>
  /** By receiver: the number that the next message gets. */
  readonly sent: ReadonlyMap<ActorId, ChannelCount>
  /** The time of the last turn. */
  readonly nowMs: number
}

export interface ChannelCount {
  readonly attempt: number
  readonly next: number
}

/** What an actor's behaviour tells of its history. */
export type Chronicle<State, Delta> = Pick<
  Behaviour<State, Delta>,
  'initial' | 'begin' | 'apply' | 'foldable' | 'entriesAreRead'
>

/** Items are missing: the log does not hang together. Never so while its actor is at work. */
export class BrokenChain extends Error {
  constructor(found: string) {
    super(`Invariant broken: ${found}`)
  }
}

/** An item of the chain that leads to the present state. */
type ChainItem = (TurnItem | GenesisItem) & { readonly blob?: string | undefined }

/**
 * An actor's history as far as it was read: folded up to a position that is never gone back to, and the items after it.
 * A new attempt's genesis cuts off what came after its base (invariant 2, fencing); so a cache of it is only ever a
 * prefix of the log, which a read from `cursor` brings up to date.
 */
export class History<State, Delta> {
  readonly #behaviour: Chronicle<State, Delta>
  readonly #initial: Snapshot<State>
  #folded: Snapshot<State>
  #tail: ChainItem[] = []
  #current: Snapshot<State>
  #fencedAttempt = -1
  /** The first in its chain: nothing can follow it but an attempt that goes on from before. */
  #lost: LostItem | undefined
  /** Blobs of items that no longer count, by where the items sort: no reader comes by once a head sorts after them. */
  #spent: { readonly sort: string; readonly blob: string }[] = []

  constructor(behaviour: Chronicle<State, Delta>, folded: Snapshot<State> | undefined) {
    this.#behaviour = behaviour
    this.#initial = {
      place: { attempt: 0, position: 0 },
      state: behaviour.initial,
      received: new Map(),
      sent: new Map(),
      nowMs: 0,
    }
    this.#folded = folded ?? this.#initial
    this.#current = this.#folded
  }

  get current(): Snapshot<State> {
    return this.#current
  }

  get folded(): Snapshot<State> {
    return this.#folded
  }

  /** No turn may follow in the present attempt. */
  get isFenced(): boolean {
    return this.#fencedAttempt >= this.#current.place.attempt && this.#fencedAttempt > 0
  }

  /** Items since the folded state. */
  get tail(): readonly ChainItem[] {
    return this.#tail
  }

  /** When the first turn of the tail was. Epoch milliseconds; Infinity: there is none. */
  get tailSinceMs(): number {
    const first = this.#tail.find((item) => item.type === 'turn')
    return first?.nowMs ?? Number.POSITIVE_INFINITY
  }

  /** The state as of a position that is not folded over. */
  stateAt(position: number): State {
    const { place } = this.#folded
    assert(
      position >= place.position && position <= this.#current.place.position,
      `position ${position} is between ${place.position} and ${this.#current.place.position}`,
    )
    if (position === this.#current.place.position) return this.#current.state
    return this.#tail
      .filter((item) => item.position <= position)
      .reduce((snapshot, item) => this.#after(snapshot, item), this.#folded).state
  }

  /** The state at a place; undefined where that is folded over, or on a chain that another attempt has cut off. */
  stateOf({ attempt, position }: Place): State | undefined {
    const folded = this.#folded.place
    const there =
      position === folded.position ? folded : this.#tail.find((item) => item.position === position)
    return there?.attempt === attempt ? this.stateAt(position) : undefined
  }

  /** What was sent on a channel, of these numbers; undefined where some of it is folded. */
  sentBetween({ to, attempt, first, end }: ChannelStretch): readonly SentMessage[] | undefined {
    const messages = this.#tail.flatMap((item) =>
      item.type === 'turn'
        ? item.outbox
            .filter((one) => one.to === to && one.attempt === attempt)
            .filter(({ sequence }) => sequence >= first && sequence < end)
            .map(({ payload }) => ({ position: item.position, payload }))
        : [],
    )
    return messages.length < end - first ? undefined : messages
  }

  /** What was sent to `to` in the present attempt, from a number on; undefined where it reaches back too far. */
  sentFrom(to: ActorId, attempt: number, next: number): readonly OutboxMessage[] | undefined {
    const messages = this.#tail.flatMap((item) =>
      item.type === 'turn'
        ? item.outbox.filter((one) => one.to === to && one.attempt === attempt && one.sequence >= next)
        : [],
    )
    const count = this.#current.sent.get(to)
    const expected = count?.attempt === attempt ? Math.max(0, count.next - next) : 0
    return messages.length < expected ? undefined : messages
  }

  /** @throws the cause for which an item is lost that still counts. */
  assertWhole(): void {
    if (this.#lost !== undefined) throw this.#lost.cause
  }

  /** Takes the next item of the log. */
  add(item: LogItem | LostItem): void {
    if (item.type === 'fence') {
      this.#fencedAttempt = Math.max(this.#fencedAttempt, item.attempt)
      return
    }
    if (item.type === 'lost') {
      if (this.#lost === undefined || item.position < this.#lost.position) this.#lost = item
      return
    }
    if (this.#lost !== undefined) {
      if (item.type === 'turn' || !cutsOff(item, this.#lost)) return
      this.#lost = undefined
    }
    if (item.type === 'genesis') this.#begin(item)
    else {
      // A late append of a superseded attempt sorts before its successor's genesis: only a reader that is not there yet meets it.
      const { attempt, position } = this.#current.place
      if (item.attempt !== attempt || item.position !== position + 1)
        throw new BrokenChain(`turn ${item.attempt}/${item.position} follows ${attempt}/${position}`)
      this.#tail.push(item)
      this.#current = this.#after(this.#current, item)
    }
    this.#fold()
  }

  /** Blobs that nobody reads any more who begins at a head of this version. */
  takeSpentBlobs(headVersion: string): string[] {
    const free = this.#spent.filter(({ sort }) => sort <= headVersion)
    this.#spent = this.#spent.filter(({ sort }) => sort > headVersion)
    return free.map(({ blob }) => blob)
  }

  #begin(item: GenesisItem): void {
    const { base } = item.genesis
    if (base === undefined) {
      this.#spend(this.#tail)
      this.#tail = []
      this.#folded = this.#current = this.#begun(this.#initial, item)
      return
    }
    const { folded } = this
    if (base.position < folded.place.position) {
      throw new BrokenChain(
        `attempt ${item.attempt} goes on from position ${base.position}, but history is folded up to ${folded.place.position}`,
      )
    }
    const kept = this.#tail.filter(({ position }) => position <= base.position)
    const from = kept.at(-1) ?? folded.place
    if (from.position !== base.position || from.attempt !== base.attempt) {
      throw new BrokenChain(
        `attempt ${item.attempt} goes on from ${base.attempt}/${base.position}, but the log has ` +
          `${from.attempt}/${from.position} there`,
      )
    }
    this.#spend(this.#tail.slice(kept.length))
    this.#tail = [...kept, item]
    this.#current = this.#begun(
      kept.reduce((snapshot, one) => this.#after(snapshot, one), folded),
      item,
    )
  }

  #begun(base: Snapshot<State>, { attempt, position, genesis }: GenesisItem): Snapshot<State> {
    const place = { attempt, position }
    const state = this.#behaviour.begin(base.state, genesis, place)
    return { place, state, received: new Map(), sent: new Map(), nowMs: base.nowMs }
  }

  #after(snapshot: Snapshot<State>, item: ChainItem): Snapshot<State> {
    if (item.type === 'genesis') return this.#begun(snapshot, item)
    const place = { attempt: item.attempt, position: item.position }
    return {
      place,
      state:
        item.delta === undefined
          ? snapshot.state
          : this.#behaviour.apply(snapshot.state, item.delta as Delta, place),
      received: counted(
        snapshot.received,
        item.consumed.map(({ from, attempt, next }) => [from, { attempt, next }]),
      ),
      sent: counted(
        snapshot.sent,
        item.outbox.map(({ to, attempt, sequence }) => [to, { attempt, next: sequence + 1 }]),
      ),
      nowMs: item.nowMs,
    }
  }

  #fold(): void {
    const { state, place } = this.#current
    const upTo = Math.min(this.#behaviour.foldable(state, place), place.position)
    let folded = 0
    while (folded < this.#tail.length && this.#tail[folded]!.position <= upTo) folded++
    if (folded === 0) return
    const items = this.#tail.slice(0, folded)
    this.#folded =
      folded === this.#tail.length
        ? this.#current
        : items.reduce((snapshot, item) => this.#after(snapshot, item), this.#folded)
    this.#tail = this.#tail.slice(folded)
    this.#spend(items)
  }

  #spend(items: readonly ChainItem[]): void {
    if (this.#behaviour.entriesAreRead?.(this.#current.state) === true) return
    for (const item of items) {
      const sort = sortOf(item)
      if (item.blob !== undefined) this.#spent.push({ sort, blob: item.blob })
      if (item.type !== 'turn') continue
      for (const { payload } of item.outbox)
        if ('blob' in payload) this.#spent.push({ sort, blob: payload.blob })
    }
  }
}

function cutsOff({ genesis: { base } }: GenesisItem, { position }: LostItem): boolean {
  return base === undefined || base.position < position
}

function counted(
  counts: ReadonlyMap<ActorId, ChannelCount>,
  changes: readonly (readonly [ActorId, ChannelCount])[],
): ReadonlyMap<ActorId, ChannelCount> {
  return changes.length === 0 ? counts : new Map([...counts, ...changes])
}
