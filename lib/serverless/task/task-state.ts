import type { OperatorStateSnapshot } from '../../state/operator-state.ts'
import type { ReadStatus } from '../../stream/source.ts'
import type { TaskProgress } from '../../task/task-snapshot.ts'
import type { SegmentHandle } from '../../checkpoint/checkpoint-record.ts'
import type { InFlightElement } from '../../checkpoint/in-flight-elements.ts'
import { assert } from '../../model/faults.ts'
import type { Genesis, Place } from '../actor/behaviour.ts'
import type { Stashed, TaskGenesis } from '../protocol.ts'
import { underWay } from './in-flight.ts'
import type { TaskWiring } from './task-wiring.ts'
import {
  applyKeyed,
  decodeKeyed,
  emptyKeyedImage,
  encodeKeyed,
  restoredKeyedImage,
  type KeyedDelta,
  type KeyedImage,
} from '../state/keyed-image.ts'

/** What a source task is doing. */
export interface Reading {
  readonly status: ReadStatus
  /** It stopped at the barrier of this checkpoint, and reads on if that comes to nothing. */
  readonly stoppedAt: number | undefined
}

/** A savepoint whose rows are being copied out, as of a position. */
export interface Copying {
  readonly checkpointId: number
  readonly position: number
  /** The acknowledgement as of the barrier, but for segments. Plain data. */
  readonly ack: unknown
  readonly cursor: unknown
  readonly segments: readonly (readonly [uid: string, handle: SegmentHandle])[]
}

/** How far a task has come with the rows of the savepoint that it begins from. */
export interface Importing {
  readonly cursor: unknown
  readonly done: boolean
}

/** All that is known of a task at a place in its log. */
export interface TaskState {
  /** But for {@link TaskGenesis.stash}, which is in {@link stash} as far as it is left. */
  readonly genesis: TaskGenesis | undefined
  /** Goes on from state of an earlier attempt, of another parallelism or of a savepoint. */
  readonly isRestored: boolean
  /** When its first turn was, about. Epoch milliseconds. */
  readonly begunAtMs: number
  /** Where the attempt begins, until its first turn leaves {@link progress}. */
  readonly begin: { readonly watermarkMs: number; readonly inputEnded: boolean }
  /** Undefined: the attempt has had no turn yet. */
  readonly progress: TaskProgress | undefined
  /** By uid. */
  readonly operatorState: ReadonlyMap<string, OperatorStateSnapshot>
  readonly keyed: KeyedImage
  readonly stash: readonly Stashed[]
  /** The stash came with the genesis: nothing is taken before the attempt is known to have begun. */
  readonly stashIsGiven: boolean
  readonly started: boolean
  readonly reading: Reading
  /** The position of the oldest checkpoint that may be gone back to. */
  readonly restorableFrom: number
  /** Takes nothing more in this attempt: it failed, or everything is done. */
  readonly over: 'failed' | 'closed' | undefined
  /** Whether it had a turn of data or a timer since its last barrier or, without checkpoints, since it was last asked. */
  readonly isActive: boolean
  /** It told then that it had none: the next is news. */
  readonly wasQuiet: boolean
  readonly importing: Importing | undefined
  readonly copying: Copying | undefined
  /** The job is over: every row is brought up to this position, and that is reported. */
  readonly materializeTo: { readonly position: number; readonly done: boolean } | undefined
  /** It closes as soon as no operator wants another turn. */
  readonly finishing: boolean
}

/** What one turn changes: only what it names. */
export interface TaskDelta {
  readonly begunAtMs?: number
  readonly progress?: TaskProgress
  readonly operatorState?: readonly (readonly [uid: string, snapshot: OperatorStateSnapshot])[]
  readonly keyed?: KeyedDelta
  /** All of it: what is new, and of the rest the numbers that it had before; the log has that already. */
  readonly stash?: readonly (number | Stashed)[]
  readonly started?: boolean
  readonly reading?: Reading
  readonly restorableFrom?: number
  readonly over?: 'failed' | 'closed'
  readonly isActive?: boolean
  readonly wasQuiet?: boolean
  readonly importing?: Importing | null
  readonly copying?: Copying | null
  readonly materializeTo?: { readonly position: number; readonly done: boolean }
  readonly finishing?: boolean
}

const NOT_READING: Reading = { status: 'more', stoppedAt: undefined }

export const initialTaskState: TaskState = {
  genesis: undefined,
  isRestored: false,
  begunAtMs: 0,
  begin: { watermarkMs: Number.NEGATIVE_INFINITY, inputEnded: false },
  progress: undefined,
  operatorState: new Map(),
  keyed: emptyKeyedImage,
  stash: [],
  stashIsGiven: false,
  started: false,
  reading: NOT_READING,
  restorableFrom: 0,
  over: undefined,
  isActive: false,
  wasQuiet: false,
  importing: undefined,
  copying: undefined,
  materializeTo: undefined,
  finishing: false,
}

/** What of a task's wiring its state depends on. */
export type StateWiring = Pick<TaskWiring, 'isSource' | 'channelOf'>

/**
 * An attempt begins. From a base it goes on with the state at that position: what was consumed and sent after the barrier
 * there comes again. From elsewhere, it begins with what the genesis carries.
 */
export function beginTask(
  base: TaskState,
  { base: basePlace, content }: Genesis,
  place: Place,
  wiring: StateWiring | undefined,
): TaskState {
  const { stash, ...genesis } = content as TaskGenesis
  const { restore } = genesis
  const fresh: TaskState = {
    ...initialTaskState,
    genesis,
    stash: stash ?? [],
    stashIsGiven: stash !== undefined && stash.length > 0,
    restorableFrom: basePlace === undefined ? place.position : Math.min(base.restorableFrom, place.position),
  }
  if (restore !== undefined) {
    return {
      ...fresh,
      isRestored: true,
      begin: { watermarkMs: restore.watermarkMs, inputEnded: restore.inputEnded },
      operatorState: new Map(restore.operatorState),
      keyed: restoredKeyedImage(place.position - 1),
      importing: { cursor: undefined, done: false },
    }
  }
  if (basePlace === undefined) return fresh
  return {
    ...fresh,
    isRestored: true,
    begin: base.progress === undefined ? base.begin : endOf(base.progress, wiring?.isSource === true),
    operatorState: base.operatorState,
    keyed: base.keyed,
    stash: stash ?? overtaken(base, genesis.checkpointId, wiring),
  }
}

type Overtaken = Stashed & { readonly elements: readonly InFlightElement[] }

/** What an unaligned barrier overtook of what the task had consumed already: channels that the barrier had come on are past it. */
export function overtaken(
  { stash, progress }: TaskState,
  checkpointId: number | undefined,
  wiring: StateWiring | undefined,
): readonly Overtaken[] {
  if (checkpointId === undefined || progress === undefined) return []
  // Channels whose barrier waits in the stash: what came behind it, its sender sends again.
  const past = new Set<number>()
  return stash.flatMap((stashed): readonly Overtaken[] => {
    // It came before everything on the channels.
    if (stashed.at !== undefined) return [stashed]
    const channel = wiring?.channelOf(stashed.from, stashed.edge)
    if (channel === undefined || progress.aligner.lastIds[channel]! >= checkpointId || past.has(channel))
      return []
    const elements = underWay(stashed.elements, checkpointId)
    if (stashed.elements.some((one) => one.kind === 'barrier' && one.checkpointId >= checkpointId))
      past.add(channel)
    return elements.length === 0 ? [] : [{ ...stashed, elements }]
  })
}

export function applyTaskDelta(state: TaskState, delta: TaskDelta, { position }: Place): TaskState {
  const { operatorState, keyed, stash, importing, copying, ...plain } = delta
  return {
    ...state,
    ...plain,
    stash: stash === undefined ? state.stash : stashAfter(state.stash, stash),
    operatorState:
      operatorState === undefined ? state.operatorState : new Map([...state.operatorState, ...operatorState]),
    keyed: keyed === undefined ? state.keyed : applyKeyed(state.keyed, keyed, position),
    importing: importing === undefined ? state.importing : (importing ?? undefined),
    copying: copying === undefined ? state.copying : (copying ?? undefined),
  }
}

/** Says what became of a stash. */
export function stashDelta(
  before: readonly Stashed[],
  after: readonly Stashed[],
): readonly (number | Stashed)[] {
  const numbers = new Map(before.map((stashed, number) => [stashed, number]))
  return after.map((stashed) => numbers.get(stashed) ?? stashed)
}

function stashAfter(before: readonly Stashed[], delta: readonly (number | Stashed)[]): readonly Stashed[] {
  return delta.map((one) => {
    if (typeof one !== 'number') return one
    const stashed = before[one]
    assert(stashed !== undefined, `${one} is in a stash of ${before.length}`)
    return stashed
  })
}

export function encodeTaskState(state: TaskState): unknown {
  return { ...state, operatorState: [...state.operatorState], keyed: encodeKeyed(state.keyed) }
}

export function decodeTaskState(encoded: unknown): TaskState {
  const { operatorState, keyed, ...rest } = encoded as Omit<TaskState, 'operatorState' | 'keyed'> & {
    operatorState: [string, OperatorStateSnapshot][]
    keyed: unknown
  }
  return { ...rest, operatorState: new Map(operatorState), keyed: decodeKeyed(keyed) }
}

/** Where an attempt goes on that begins at a barrier. */
function endOf(progress: TaskProgress, isSource: boolean): TaskState['begin'] {
  const watermarkMs = isSource ? progress.watermarksMs[0]! : progress.valve.currentMs
  return { watermarkMs, inputEnded: progress.ended }
}
