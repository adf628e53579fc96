import type { LogPositions } from '../../checkpoint/checkpoint-record.ts'
import type {
  CompletedCheckpoint,
  CoordinatorState,
  RestorePoint,
} from '../../checkpoint/coordinator-state.ts'
import type { CheckpointFailureReason } from '../../checkpoint/failure-reasons.ts'
import type { JobEdge } from '../../graph/plan.ts'
import { isTerminal, type JobStatus } from '../../checkpoint/job-status.ts'
import type { Attempt, CheckpointId, TaskId } from '../../model/ids.ts'
import type { PoisonRecord } from '../../model/poison-records.ts'
import type { JobHappening } from '../observe.ts'
import type { Quiescence } from '../protocol.ts'
import type { TaskSettings } from '../task-settings.ts'

/** All that the coordinator of a job knows, over all its runs: plain, immutable data. */
export interface CoordinatorImage {
  /** Of the present run, or the last one. */
  readonly coordinator: CoordinatorState
  readonly run: RunImage | undefined
  /** Whose state the tasks work on; undefined before the first attempt, and once nothing of it is kept. */
  readonly lineage: Lineage | undefined
  /** Lineages that were left for a new one, while something of theirs is still there to go back to. */
  readonly former: readonly Lineage[]
  /** The newest savepoint of earlier runs. */
  readonly earlierSavepoint: RestorePoint | undefined
  /** The log position, by task, that nothing older than is gone back to; undefined: where the lineage began. */
  readonly restorable: Readonly<Record<TaskId, number>> | undefined
  /** Tasks that have yet to report: `ready` while an attempt is deployed, `closed` while the job finishes. */
  readonly awaited: readonly TaskId[]
  readonly settling: Settling | undefined
  /** What tasks were asked, where no checkpoints tell whether the job is idle. */
  readonly quiescence: QuiescenceRound | undefined
  /** Of what was under way at unaligned checkpoints. They go with the checkpoints. */
  readonly inFlightCopies: readonly InFlightCopy[]
  /** Directories of savepoints that came to nothing: tasks may still be copying to them. */
  readonly spoiled: readonly string[]
  /** What was removed, oldest first, and is removed again at visits: whoever was late may have written to it since. */
  readonly removed: readonly Removed[]
  /** Decided and committed, and now to be done; in order. */
  readonly effects: readonly Effect[]
  /** To be told to the observer with the next turn. */
  readonly tells: readonly JobHappening[]
  /** What its user should know of and failed nothing, each once; the latest last. */
  readonly warnings: readonly Warned[]
  /** The latest answers to requests, oldest first. */
  readonly answers: readonly Answered[]
  /** Somebody asked for a start: from then on the schedule starts nothing by itself. */
  readonly startAsked: boolean
  /** What the safety schedule was last told; undefined: nothing yet. */
  readonly isScheduleOn: boolean | undefined
  /** Counts publications of the public record. */
  readonly published: number
  /** When ingest partitions were last nudged for no other reason than time. */
  readonly ingestVisitedAtMs: number
  /** By when turns had sent all they had to, once in a while; oldest first. */
  readonly milestones: readonly Milestone[]
}

export interface RunImage {
  readonly runId: string
  /** The id of the job's first run, in which attempts began to be counted. */
  readonly firstRunId: string
  readonly shape: PlanShape
  /** Undefined: the run is of older code. */
  readonly settings?: TaskSettings | undefined
  /** Operators that can have rows. As all of the plan, of the code that began the run: other code may run here by now. */
  readonly keyed: readonly KeyedOperator[]
  readonly origin: Origin | undefined
  readonly allowNonRestoredState: boolean
  readonly startedAtMs: number
  /** The last attempt before this run. */
  readonly attemptsBefore: number
  /** The attempt whose tasks were begun last in this run; 0: none yet. Orders go to it and to no other. */
  readonly deployedAttempt: Attempt
  /** Its tasks are gone, and what is kept of it is safe. */
  readonly ended: boolean
  /** What to show until then, once its coordinator is at the end. */
  readonly lastStatus: JobStatus
}

/** What has to be the same for a task to go on with the log of an earlier attempt. */
export interface PlanShape {
  readonly fingerprint: string
  readonly vertices: readonly {
    readonly id: string
    readonly parallelism: number
    readonly operatorUids: readonly string[]
  }[]
  readonly edges: readonly ShapeEdge[]
}

/** As of a plan, of which it has the number. */
export type ShapeEdge = Pick<
  JobEdge,
  'sourceVertex' | 'tagId' | 'targetVertex' | 'inputIndex' | 'partitioning'
> & {
  /** The operator whose output it takes. */
  readonly sourceUid: string
  readonly targetUid: string
}

/** What was under way at an unaligned checkpoint, copied out of the logs. */
export interface InFlightCopy {
  readonly runId: string
  readonly checkpointId: CheckpointId
  /** The object; undefined: nothing was under way. */
  readonly blob: string | undefined
  /** Set where it could not be copied, and is in the logs alone. */
  readonly failed?: true
}

/** What a run began from. */
export interface Origin {
  readonly point: RestorePoint
  readonly begin: Begin
}

/** How the tasks of an attempt come by their state. */
export type Begin =
  /** They begin with none, in a namespace of their own. */
  | { readonly type: 'nothing' }
  /** They go on from these positions of their own logs. `inFlight`: undefined where the logs have what was under way. */
  | {
      readonly type: 'base'
      readonly logs: LogPositions
      readonly checkpointId: CheckpointId
      readonly inFlight?: InFlightCopy | undefined
    }
  /** At another parallelism: operator state from a record, rows where they are, all of them at `floor` or below. */
  | {
      readonly type: 'rescale'
      readonly directory: string
      readonly floor: number
      readonly inFlight?: InFlightCopy | undefined
    }
  /** From a savepoint, into a namespace of their own. */
  | { readonly type: 'import'; readonly directory: string }
  /** They cannot. */
  | { readonly type: 'refused'; readonly message: string }

/** A line of state, and the checkpoints that lie on it: its tasks' logs hang together and its rows share a namespace. */
export interface Lineage {
  readonly runId: string
  readonly namespace: string
  /** The attempt in which the logs begin: checkpoints from before it are not positions in them. */
  readonly since: Attempt
  /** Positions above this one are after its beginning. */
  readonly floor: number
  readonly shape: PlanShape
  /** Keyed operators: who has rows in the namespace. */
  readonly keyed: readonly KeyedOperator[]
  /** Rows may have been written. */
  readonly hasRows: boolean
  /** Retained when the last run on it ended; while one goes on, its coordinator knows. By ascending id. */
  readonly retained: readonly CompletedCheckpoint[]
  /** The oldest checkpoint retained when the last run ended, and the tasks whose rows were not brought up to it. */
  readonly materialized: Materialized | undefined
}

export interface KeyedOperator {
  readonly uid: string
  readonly maxParallelism: number
}

export interface Materialized {
  readonly checkpointId: CheckpointId
  readonly missing: readonly TaskId[]
}

/** Tasks of an attempt are asked whether they are quiescent, and have not all answered. */
export interface QuiescenceRound {
  readonly attempt: Attempt
  readonly askedAtMs: number
  readonly told: Readonly<Record<TaskId, Quiescence>>
  /** One of them has begun to do something since. */
  readonly isOver: boolean
}

/** The job is over, and its tasks make what is kept of it last. */
export interface Settling {
  readonly deadlineMs: number
  readonly checkpointId: CheckpointId
  readonly missing: readonly TaskId[]
}

/** What is to be done in the world. Each may be done more than once, and by several at a time. */
export type Effect =
  | {
      readonly type: 'deploy'
      readonly attempt: Attempt
      readonly begin: Begin
      readonly namespace: string
      readonly floor: number
      readonly restoredFrom: string | undefined
      /** Undefined: none. */
      readonly poisonRecords?: readonly PoisonRecord[] | undefined
    }
  /** Orders every task of the attempt to take the checkpoint now, past its queue. */
  | {
      readonly type: 'overtake'
      readonly attempt: Attempt
      readonly checkpointId: CheckpointId
      readonly triggeredAtMs: number
    }
  /** Of a checkpoint that is retained when the job is over. Given up at the deadline: it is in the logs for some weeks. */
  | { readonly type: 'copy-in-flight'; readonly checkpointId: CheckpointId; readonly deadlineMs: number }
  /** Writes the record of a checkpoint that has all its acknowledgements. */
  | { readonly type: 'store'; readonly checkpointId: CheckpointId }
  | { readonly type: 'remove-checkpoint'; readonly runId: string; readonly checkpointId: CheckpointId }
  /** Whatever there is of a savepoint that came to nothing, or of a checkpoint that was started from. */
  | { readonly type: 'remove-directory'; readonly directory: string }
  | { readonly type: 'fence'; readonly attempt: Attempt; readonly tasks: readonly TaskId[] }
  | {
      readonly type: 'drop-rows'
      readonly namespace: string
      readonly keyed: readonly KeyedOperator[]
      /** Partitions that are done. */
      readonly done: number
    }
  | { readonly type: 'schedule'; readonly on: boolean }
  /** Removes what nobody refers to, and a visit finds by looking. */
  | { readonly type: 'sweep' }
  /** Writes the public record as of the turn that performs it. */
  | { readonly type: 'publish' }

/** Of what others may still write to, under names that are never used again. */
export type Removal = Extract<Effect, { readonly type: 'remove-directory' | 'drop-rows' }>

export interface Removed {
  readonly removal: Removal
  readonly atMs: number
}

/** What became of a request. */
export type JobAnswer =
  /** It is under way: the status shows how it goes. */
  | { readonly type: 'accepted' }
  | { readonly type: 'completed'; readonly checkpointId: number; readonly location: string }
  | { readonly type: 'failed'; readonly reason: CheckpointFailureReason; readonly message: string }
  /** Not even tried. */
  | { readonly type: 'refused'; readonly message: string }

export interface Answered {
  readonly requestId: string
  readonly atMs: number
  readonly answer: JobAnswer
}

export interface Warned {
  /** When it last was so. */
  readonly atMs: number
  readonly message: string
}

export interface Milestone {
  readonly position: number
  readonly atMs: number
}

/** Before anything happened. */
export function newImage(coordinator: CoordinatorState): CoordinatorImage {
  return {
    coordinator,
    run: undefined,
    lineage: undefined,
    former: [],
    earlierSavepoint: undefined,
    restorable: undefined,
    awaited: [],
    settling: undefined,
    quiescence: undefined,
    inFlightCopies: [],
    spoiled: [],
    removed: [],
    effects: [],
    tells: [],
    warnings: [],
    answers: [],
    startAsked: false,
    isScheduleOn: undefined,
    published: 0,
    ingestVisitedAtMs: 0,
    milestones: [],
  }
}

/** What one turn changed: of the image, and of the coordinator's state within it. */
export interface CoordinatorDelta {
  readonly image: Partial<Omit<CoordinatorImage, 'coordinator'>>
  readonly coordinator: Partial<CoordinatorState>
}

/** Undefined: nothing. */
export function deltaOf(before: CoordinatorImage, after: CoordinatorImage): CoordinatorDelta | undefined {
  const { coordinator, ...image } = changesOf(before, after)
  const delta = {
    image,
    coordinator: coordinator === undefined ? {} : changesOf(before.coordinator, coordinator),
  }
  return Object.keys(delta.image).length + Object.keys(delta.coordinator).length === 0 ? undefined : delta
}

export function applyDelta(image: CoordinatorImage, delta: CoordinatorDelta): CoordinatorImage {
  return { ...image, ...delta.image, coordinator: { ...image.coordinator, ...delta.coordinator } }
}

/** Parts that are another object, or another value. */
function changesOf<T extends object>(before: T, after: T): Partial<T> {
  const changes: Partial<T> = {}
  for (const key of Object.keys(after) as (keyof T)[]) {
    if (!Object.is(before[key], after[key])) changes[key] = after[key]
  }
  return changes
}

/** Shown to users: until a job's tasks are gone it is not at its end. */
export function shownStatus({ run, coordinator: { status } }: CoordinatorImage): JobStatus {
  return run === undefined || run.ended || !isTerminal(status) ? status : run.lastStatus
}
