import type { CheckpointFailureReason, DeclineReason, FailureCause } from '../checkpoint/failure-reasons.ts'
import type { TaskAck } from '../checkpoint/task-ack.ts'
import type { ChannelCounts, SegmentHandle } from '../checkpoint/checkpoint-record.ts'
import type { InFlight } from '../checkpoint/in-flight.ts'
import type { ChannelAddress } from '../checkpoint/in-flight-elements.ts'
import type { Element, RecordBatch } from '../model/elements.ts'
import type { ActorId } from '../model/ids.ts'
import type { PoisonRecord, RecordIdentity } from '../model/poison-records.ts'
import type { OperatorStateSnapshot } from '../state/operator-state.ts'
import type { TaskSettings } from './task-settings.ts'

/** What a task sends another: the elements of one edge, in order. */
export interface ElementsPayload {
  readonly type: 'elements'
  readonly edge: number
  readonly elements: readonly Element[]
}

/** Elements that wait at a task, to be taken before what comes on its channels. */
export type Stashed =
  /** Of one channel: it was blocked when they came, or they were under way on it at the checkpoint that the attempt begins from. */
  | {
      readonly from: ActorId
      readonly edge: number
      readonly elements: readonly Element[]
      readonly at?: undefined
    }
  /** Records that were under way, to an operator that nobody sends to any more in the shape the job has now: it is in a chain. */
  | { readonly at: ChannelAddress; readonly elements: readonly RecordBatch[] }

/** What the coordinator sends a task, on a channel of the attempt. */
export type TaskOrder =
  /** Every task of the attempt has its genesis: sources read, timers run. */
  | { readonly type: 'start' }
  /** Sources only: send the barrier. As CoordinatorCommand `trigger`. */
  | {
      readonly type: 'trigger'
      readonly checkpointId: number
      readonly triggeredAtMs: number
      readonly kind: 'checkpoint' | 'savepoint'
      readonly stopSources: boolean
      readonly drain: boolean
    }
  /**
   * Transactions up to this checkpoint are to be committed. `restorableFrom`: the log position, in this task, of the
   * oldest checkpoint that may still be gone back to or copied from; everything up to it may be folded and materialized.
   */
  | {
      readonly type: 'complete'
      readonly checkpointId: number
      readonly restorableFrom: number
      /** What was under way from this task at that oldest checkpoint: it stays in the log as well. */
      readonly inFlight?: readonly InFlightStretch[] | undefined
    }
  | { readonly type: 'aborted'; readonly checkpointId: number; readonly reason: CheckpointFailureReason }
  /** Everything is committed: close, and report `closed`. */
  | { readonly type: 'finish' }
  /** What may be folded now, where no checkpoint completed: a savepoint was copied, a checkpoint was discarded. */
  | {
      readonly type: 'restorable-from'
      readonly position: number
      readonly inFlight?: readonly InFlightStretch[] | undefined
    }
  /** Where no checkpoints are taken, whose barriers would tell: answer with a `quiescence`. */
  | { readonly type: 'tell-quiescence' }
  /**
   * The job is over, and may be gone on with from a checkpoint at this log position, in weeks or at another parallelism:
   * take no more data, bring every row up to it, write a head there, and report `materialized`. A task that failed or is
   * closed does so too. After a while the job ends without: see `unmaterialized` in its status.
   */
  | {
      readonly type: 'materialize'
      readonly position: number
      readonly inFlight?: readonly InFlightStretch[] | undefined
    }

/**
 * What the coordinator orders a task past its queue: to take an unaligned checkpoint now. It is the one order that an actor
 * has at a time (TurnLog.putOrder).
 */
export interface OvertakeOrder {
  readonly type: 'overtake'
  readonly attempt: number
  readonly checkpointId: number
  readonly triggeredAtMs: number
}

/** Messages that were under way from a task at a checkpoint, as its log has them. */
export type InFlightStretch = InFlight

/** What a task sends the coordinator, on a channel of the attempt. */
export type TaskReport =
  /** Its state is there (imported, where it begins from a savepoint): it waits for `start`. */
  | { readonly type: 'ready' }
  | { readonly type: 'acknowledge'; readonly checkpointId: number; readonly ack: TaskAck }
  | {
      readonly type: 'decline'
      readonly checkpointId: number
      readonly reason: DeclineReason
      readonly message: string
    }
  /** It takes no more turns in this attempt. */
  | {
      readonly type: 'failed'
      readonly cause: FailureCause
      /** The record that a function threw at, where it was one and the job counts such failures. */
      readonly record?: RecordIdentity | undefined
    }
  | { readonly type: 'input-ended' }
  /** A turn of data or a timer, after the task told that it had none: an idle job wakes up. */
  | { readonly type: 'active' }
  /** The answer to `tell-quiescence`. */
  | ({ readonly type: 'quiescence' } & Quiescence)
  | { readonly type: 'closed' }
  /** The answer to `materialize`. */
  | { readonly type: 'materialized'; readonly position: number }

/** What a task has done up to a place in its log. */
export interface Quiescence {
  /** Of the turn that answers. */
  readonly position: number
  /** Whether it had a turn of data or a timer since it was asked before. */
  readonly active: boolean
  /** Messages that it had sent to and taken from each neighbour by then, in this attempt. */
  readonly channels: ChannelCounts
}

/** What those outside ask of a job: the command line, a dead-letter queue, the schedules. */
export type JobRequest =
  /** Starts a run of the deployed code. Refused while one runs. `from`: `latest`, or the location of a checkpoint or savepoint. */
  | {
      readonly type: 'start'
      readonly requestId: string
      readonly from: string | undefined
      readonly allowNonRestoredState: boolean
    }
  | { readonly type: 'trigger-savepoint'; readonly requestId: string; readonly target: string | undefined }
  | { readonly type: 'trigger-checkpoint'; readonly requestId: string }
  | {
      readonly type: 'stop'
      readonly requestId: string
      readonly target: string | undefined
      readonly drain: boolean
    }
  | { readonly type: 'cancel'; readonly requestId: string }
  | { readonly type: 'suspend'; readonly requestId: string }
  /** A message of a channel went to a dead-letter queue: what was to be done will never be. */
  | {
      readonly type: 'dead-letter'
      readonly requestId: string
      readonly actor: string
      /** Of the channel. Undefined, from older code: whatever the message was, it counts as one of the present attempt. */
      readonly attempt?: number | undefined
      readonly reason: string
    }
  /** An actor is refused something for good, and has no turn to say so in: each such message is told of once. */
  | {
      readonly type: 'denied'
      readonly requestId: string
      readonly actor: ActorId
      /** Of the actor; undefined where it could not be read. */
      readonly attempt: number | undefined
      readonly message: string
    }
  /** The safety schedule: starts a job that was deployed and never started, and re-arms what was lost. */
  | { readonly type: 'tick' }
  /** The weekly visit: does what a tick does, and removes what late hands left. */
  | { readonly type: 'visit' }

/** What a task's genesis carries, besides its base. Plain data. */
export interface TaskGenesis {
  readonly runId: string
  /** Names the series that the attempt is one of: attempts of a job are counted on for ever, over savepoints as well. */
  readonly lineage: string
  /** Of the plan; a function with another one takes no turn of the attempt. */
  readonly fingerprint: string
  /** Of the plan, by vertex id: the fingerprint does not tell, and channels lead elsewhere at another one. */
  readonly parallelism?: Readonly<Record<string, number>> | undefined
  readonly namespace: string
  /** A function with others takes no turn of the attempt either. Undefined: the attempt is of older code. */
  readonly settings?: TaskSettings | undefined
  /** The checkpoint at the base: barriers up to it are of no account. Undefined without a base. */
  readonly checkpointId?: number | undefined
  /** What was under way from this task at the base, where that is an unaligned checkpoint: it is sent again, first of all. */
  readonly inFlight?: readonly InFlightStretch[] | undefined
  /**
   * What was under way to this task at the unaligned checkpoint that the attempt begins from, where it was copied out of the
   * logs: it is taken first of all. Undefined: of what was under way, the base has what had reached the task.
   */
  readonly stash?: readonly Stashed[] | undefined
  /** State from elsewhere than the base: another parallelism, or a savepoint. Undefined: what the base holds. */
  readonly restore: TaskGenesisRestore | undefined
  /** Records that its operators are not to be given any more. Undefined: none. */
  readonly poisonRecords?: readonly PoisonRecord[] | undefined
}

export interface TaskGenesisRestore {
  readonly watermarkMs: number
  readonly inputEnded: boolean
  readonly operatorState: readonly (readonly [uid: string, state: OperatorStateSnapshot])[]
  /** Rows to be imported into the namespace before the task is ready, where it is a new one; oldest first. */
  readonly segments: readonly (readonly [uid: string, handles: readonly SegmentHandle[]])[]
  /** Positions of this attempt are above this: no row of the namespace reflects a later one. */
  readonly positionFloor: number
  readonly allowNonRestoredState: boolean
}
