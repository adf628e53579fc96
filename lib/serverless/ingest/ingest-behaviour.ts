import {
  ID_WINDOW,
  IdWindow,
  shortHash,
  type IdWindowBounds,
  type SeenIds,
} from '../../connectors/ingest/id-window.ts'
import { ingestSourcesOf, type IngestSource } from '../../connectors/ingest/ingest-sources.ts'
import {
  bytesOf,
  identitiesOf,
  withoutRepeats,
  type RecordGroup,
} from '../../connectors/ingest/record-group.ts'
import { partitionOfActor, taskActor } from '../../model/actors.ts'
import { taskId, type ActorId } from '../../model/ids.ts'
import { actorFolder } from '../actor/log-entry.ts'
import {
  OtherCode,
  type Behaviour,
  type Input,
  type Place,
  type StepOutcome,
  type StepWorld,
  type View,
} from '../actor/behaviour.ts'
import { LOG_LIMITS } from '../actor/limits.ts'
import type { JobRuntime } from '../runtime.ts'
import { ingestRequestOf, type IngestDelta, type IngestState, type PositionMark } from './ingest-state.ts'
import { messageHash, TAKEN_MESSAGES } from './taken-messages.ts'

/** Bounds of one ingest partition, with their reasons. */
export const INGEST_LIMITS: {
  readonly turnBytes: number
  readonly headEveryTurns: number
  readonly truncateEntries: number
  readonly truncateEveryMs: number
  readonly markEveryMs: number
  readonly alarmAgeMs: number
} = {
  /** Records of one turn: what a reader must be able to hold at once. */
  turnBytes: 2 * 1024 * 1024,
  /** A cold start reads at most these: one page of the log, as a rule. */
  headEveryTurns: 200,
  /** A truncation is worth a turn of its own only where it frees this many entries, */
  truncateEntries: 64,
  /** or where the last one was this long ago. */
  truncateEveryMs: 60_000,
  /** How exactly the age of unread records is known: some hundred marks over the whole retention. */
  markEveryMs: 3_600_000,
  /** Unread records this old are told of: half of the time that the log keeps them. */
  alarmAgeMs: LOG_LIMITS.retentionMs / 2,
}

/**
 * An ingest partition: its log is the source. A turn appends what came in, without what came before within the window, and
 * wakes the task that reads it.
 *
 * What its state adds up to is folded at once: a cold start is short, however much is unread. The entries stay for their
 * reader until no retained checkpoint needs them: then their blobs are removed; the entries themselves end by their TTL.
 */
export function ingestBehaviour(runtime: JobRuntime, actor: ActorId): Behaviour<IngestState, IngestDelta> {
  const { sourceUid, partition } = partitionOfActor(actor)
  const source = ingestSourcesOf(runtime.plan).find(({ uid }) => uid === sourceUid)
  return new IngestBehaviour(runtime, actor, source && readerOf(source, partition))
}

/** The task that reads a partition. */
function readerOf({ vertexId, parallelism }: IngestSource, partition: number): ActorId {
  return taskActor(taskId(vertexId, partition % parallelism))
}

class IngestBehaviour implements Behaviour<IngestState, IngestDelta> {
  readonly initial: IngestState = {
    truncatedBelow: 0,
    truncatedAtMs: 0,
    lastPosition: 0,
    seen: [],
    messages: [],
    marks: [],
  }
  readonly headEveryTurns: number = INGEST_LIMITS.headEveryTurns
  readonly #runtime: JobRuntime
  readonly #actor: ActorId
  readonly #sourceUid: string
  /** Undefined: the job that is deployed has no such source. */
  readonly #reader: ActorId | undefined
  /** The window that a state's `seen` or `messages` make: handed on from each state to the next, and made anew where it is not there. */
  readonly #windows = new WeakMap<readonly SeenIds[], IdWindow>()

  constructor(runtime: JobRuntime, actor: ActorId, reader: ActorId | undefined) {
    this.#runtime = runtime
    this.#actor = actor
    this.#sourceUid = partitionOfActor(actor).sourceUid
    this.#reader = reader
  }

  begin(base: IngestState): IngestState {
    return base
  }

  apply(state: IngestState, delta: IngestDelta, { position }: Place): IngestState {
    const { nowMs, groups, truncateBelow, messages = [] } = delta
    const truncatedBelow = Math.max(state.truncatedBelow, truncateBelow ?? 0)
    const isTruncated = truncatedBelow > state.truncatedBelow
    const mark = groups.length === 0 ? undefined : { position, atMs: nowMs }
    const lastPosition = mark?.position ?? state.lastPosition
    return {
      truncatedBelow,
      truncatedAtMs: isTruncated ? nowMs : state.truncatedAtMs,
      seen: this.#after(state.seen, ID_WINDOW, groups.map(seenIn)),
      messages: this.#after(
        state.messages,
        TAKEN_MESSAGES,
        messages.length === 0 ? [] : [{ atMs: nowMs, hashes: messages }],
      ),
      lastPosition,
      marks: unreadMarks(state.marks, lastPosition, truncatedBelow, nowMs, mark),
    }
  }

  problemOf(input: Input): string | undefined {
    if (input.type === 'nudge' || ingestRequestOf(input.payload) !== undefined) return undefined
    return `Expected a request to an ingest partition of '${this.#sourceUid}', got data of another shape`
  }

  async step(
    { state, place }: View<IngestState>,
    inputs: readonly Input[],
    { nowMs }: StepWorld,
  ): Promise<StepOutcome<IngestDelta>> {
    const window = this.#windowOf(state.seen, ID_WINDOW)
    const before = this.#windowOf(state.messages, TAKEN_MESSAGES)
    const messages: string[] = []
    const fresh = new Set<string>()
    const groups: RecordGroup[] = []
    let bytes = 0
    let below = state.truncatedBelow
    let taken = 0
    for (const input of inputs) {
      const request = input.type === 'nudge' ? undefined : ingestRequestOf(input.payload)
      if (request?.type === 'truncate') below = Math.max(below, Math.min(request.below, place.position + 1))
      if (request?.type === 'records') {
        if (this.#reader === undefined) this.#refuseRecords()
        const size = bytesOf(request.group)
        if (groups.length > 0 && bytes + size > INGEST_LIMITS.turnBytes) break
        const { receivedAtMs } = request.group
        const message = messageHash(request.group)
        const isTaken = before.holds(message)
        if (!isTaken) messages.push(message)
        const isKnown = (identity: string): boolean => {
          const hash = shortHash(identity)
          return fresh.has(hash) || window.has(hash, receivedAtMs)
        }
        const group = isTaken ? undefined : withoutRepeats(request.group, isKnown)
        if (group !== undefined) {
          for (const identity of identitiesOf(group)) fresh.add(shortHash(identity))
          groups.push(group)
          bytes += size
        }
      }
      taken++
    }
    const truncateBelow =
      isWorthwhile(state, below, nowMs) || groups.length > 0 ? below : state.truncatedBelow
    const truncates = truncateBelow > state.truncatedBelow
    this.#measure(state, truncateBelow, nowMs)
    this.#count(groups, bytes)
    return {
      taken,
      delta:
        groups.length > 0 || truncates
          ? { nowMs, groups, truncateBelow: truncates ? truncateBelow : undefined, messages }
          : undefined,
      outgoing: [],
      nudges: groups.length > 0 && this.#reader !== undefined ? [this.#reader] : [],
      wakeAtMs: undefined,
      more: false,
    }
  }

  foldable(_state: IngestState, { position }: Place): number {
    return position
  }

  entriesAreRead(): boolean {
    return true
  }

  isOver(): boolean {
    return false
  }

  encode(state: IngestState): unknown {
    return { ...state, seen: state.seen.map(encodedSeen), messages: state.messages.map(encodedSeen) }
  }

  decode(encoded: unknown): IngestState {
    const state = encoded as EncodedState
    const { seen, messages = [] } = state
    return { ...state, seen: seen.map(decodedSeen), messages: messages.map(decodedSeen) }
  }

  /** Removes the blobs of entries that nobody will read any more. */
  async afterHead({ truncatedBelow }: IngestState): Promise<void> {
    const { blobs } = this.#runtime
    const prefix = `log/${actorFolder(this.#actor)}/`
    for (const name of await blobs.list(prefix)) {
      const position = Number(/^\d+-(\d+)-/.exec(name.slice(prefix.length))?.[1] ?? Number.NaN)
      if (position < truncatedBelow) await blobs.delete(name)
    }
  }

  /** Nobody would read them: they come again until the code has the source, and are dead letters in the end. */
  #refuseRecords(): never {
    throw new OtherCode(
      `the job that is deployed has no source '${this.#sourceUid}', which took these records. Deploy one that has it; else they ` +
        'become dead letters',
    )
  }

  #windowOf(seen: readonly SeenIds[], bounds: IdWindowBounds): IdWindow {
    let window = this.#windows.get(seen)
    if (window === undefined) {
      window = new IdWindow(bounds, seen)
      this.#windows.set(seen, window)
    }
    return window
  }

  #after(before: readonly SeenIds[], bounds: IdWindowBounds, added: readonly SeenIds[]): readonly SeenIds[] {
    if (added.length === 0) return before
    const window = this.#windowOf(before, bounds)
    // From here on it is the next state's.
    this.#windows.delete(before)
    for (const one of added) window.add(one)
    const { seen } = window
    this.#windows.set(seen, window)
    return seen
  }

  #count(groups: readonly RecordGroup[], bytes: number): void {
    const { observe } = this.#runtime
    const records = groups.reduce((sum, { bodies }) => sum + bodies.length, 0)
    if (records === 0) return
    observe.metric('numRecordsIngested', records, 'Count', this.#sourceUid)
    observe.metric('numBytesIngested', bytes, 'Bytes', this.#sourceUid)
  }

  /** Of what was unread before this turn. That nothing is left of it is told as well: an alarm that went off ends by that. */
  #measure({ marks, lastPosition }: IngestState, truncateBelow: number, nowMs: number): void {
    if (marks.length === 0) return
    const { observe } = this.#runtime
    const [oldest] = unreadMarks(marks, lastPosition, truncateBelow, nowMs)
    const ageMs = oldest === undefined ? 0 : nowMs - oldest.atMs
    const isTold = !isMarkDue(marks, nowMs)
    observe.metric('oldestUnreadAge', ageMs, 'Milliseconds', this.#sourceUid)
    if (ageMs < INGEST_LIMITS.alarmAgeMs || isTold) return
    const message =
      `Source '${this.#sourceUid}': records that came in ${Math.floor(ageMs / DAY_MS)} days ago are not read yet; they are kept for ` +
      `${Math.floor(LOG_LIMITS.retentionMs / DAY_MS)} days, and are lost then. Start the job, or find out why it does not get on`
    observe.event({ type: 'warning', message })
  }
}

/** One text for all hashes of a time: short texts cost a byte each, and time. */
type EncodedSeen = readonly [atMs: number, hashes: string]

interface EncodedState extends Omit<IngestState, 'seen' | 'messages'> {
  readonly seen: readonly EncodedSeen[]
  /** Undefined in the heads of older code. */
  readonly messages?: readonly EncodedSeen[]
}

const DAY_MS = 86_400_000
const HASHES = /.{16}/g

function encodedSeen({ atMs, hashes }: SeenIds): EncodedSeen {
  return [atMs, hashes.join('')]
}

function decodedSeen([atMs, hashes]: EncodedSeen): SeenIds {
  return { atMs, hashes: hashes.match(HASHES) ?? [] }
}

/** By when they were received: what waits in the queue is no older than what came in with it. */
function seenIn(group: RecordGroup): SeenIds {
  return { atMs: group.receivedAtMs, hashes: identitiesOf(group).map(shortHash) }
}

/** Permission to forget is no news: it waits for company, unless it frees all there is, or much, or has waited long. */
function isWorthwhile(state: IngestState, below: number, nowMs: number): boolean {
  if (below <= state.truncatedBelow) return false
  if (below > state.lastPosition) return state.lastPosition >= state.truncatedBelow
  const { truncateEntries, truncateEveryMs } = INGEST_LIMITS
  return below - state.truncatedBelow >= truncateEntries || nowMs - state.truncatedAtMs >= truncateEveryMs
}

/**
 * At most one mark an hour. The first is of the oldest unread entry, or of one within the hour before it: where all is read, or
 * past its time, there is none.
 */
function unreadMarks(
  marks: readonly PositionMark[],
  lastPosition: number,
  truncatedBelow: number,
  nowMs: number,
  next?: PositionMark,
): readonly PositionMark[] {
  if (lastPosition < truncatedBelow) return []
  const kept = marks.filter(({ atMs }) => atMs > nowMs - LOG_LIMITS.retentionMs)
  const all = next !== undefined && isMarkDue(kept, next.atMs) ? [...kept, next] : kept
  const first = all.findLastIndex(({ position }) => position <= truncatedBelow)
  return first <= 0 ? all : all.slice(first)
}

function isMarkDue(marks: readonly PositionMark[], nowMs: number): boolean {
  const last = marks.at(-1)
  return last === undefined || nowMs - last.atMs >= INGEST_LIMITS.markEveryMs
}
