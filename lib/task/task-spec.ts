import type { JobEdge, JobVertex } from '../graph/plan.ts'
import type { TaskId } from '../model/ids.ts'
import type { PoisonRecord } from '../model/poison-records.ts'
import type { IngestLog } from '../ports/ingest-log.ts'
import type { KeyedStateBackendFactory, RestoredSegment, UnknownStatePolicy } from '../state/keyed-backend.ts'
import type { Turns } from '../operators/operator.ts'
import type { Outside } from '../ports/outside.ts'
import type { OperatorStateSnapshot } from '../state/operator-state.ts'
import type { JobObjects } from '../stream/sink.ts'
import type { SplitSource } from '../stream/source.ts'
import type { SendElement } from './record-writer.ts'
import type { TaskProgress, TaskSnapshot } from './task-snapshot.ts'

/** What a task is. */
export interface TaskSpec {
  readonly taskId: TaskId
  readonly jobName: string
  readonly runId: string
  readonly attempt: number
  readonly vertex: JobVertex
  readonly subtaskIndex: number
  /** Number of channels that lead to it; 0 for sources. */
  readonly inputChannels: number
  readonly mode: 'exactly-once' | 'at-least-once'
  readonly autoWatermarkIntervalMs: number
  readonly outputs: readonly TaskOutput[]
  /** Records that its operators are not to be given any more. Default: none. */
  readonly poisonRecords?: readonly PoisonRecord[] | undefined
}

export interface TaskOutput {
  readonly edge: JobEdge
  readonly targetParallelism: number
  readonly targetMaxParallelism: number
}

/** The state that an attempt begins with. */
export interface TaskRestore {
  readonly isRestored: boolean
  /** MIN_WATERMARK where there is none. */
  readonly watermarkMs: number
  /** Its input had ended, and the operators were told. */
  readonly inputEnded: boolean
  readonly operators: ReadonlyMap<string, OperatorRestore>
  readonly unknownState: UnknownStatePolicy
  /** The checkpoint that the attempt begins from, where barriers of it and of earlier ones may be under way to the task. */
  readonly settledCheckpointId?: number | undefined
  /**
   * This instance takes over from another one within the attempt, where that one was: nothing happened in between, and
   * nothing that belongs to the beginning of an attempt happens again.
   */
  readonly resumes?: TaskProgress | undefined
  /** False if the segments are another owner's: then the first snapshot holds every row. */
  readonly ownsSegments: boolean
}

export interface OperatorRestore {
  /** Oldest first. */
  readonly segments: readonly RestoredSegment[]
  readonly operatorState: OperatorStateSnapshot | undefined
}

/** What a task asks of whoever runs it. None of it runs user code or calls back into the task. */
export interface TaskEnvironment {
  /** Processing time in epoch milliseconds. */
  now(): number
  readonly send: SendElement
  onSnapshot(snapshot: TaskSnapshot): void
  /** All input has ended and been passed on. */
  onInputEnded(): void
  /** What to call the element of `channel` that the task has in hand, in messages: whose it is, and which. */
  placeOf?(channel: number): string
  /** A source that waited has something to read. */
  wakeUp(): void
  /** Tells the user what is no failure. */
  warn(message: string): void
  enumerateSplits(operatorUid: string, source: SplitSource<unknown, unknown>): Promise<readonly unknown[]>
  /** What came in at the runtime's front door; undefined where it has none. */
  readonly ingest?: IngestLog | undefined
  readonly stateBackends: KeyedStateBackendFactory
  /** Set by runtimes that work in turns. */
  readonly turns?: Turns | undefined
  /** What sinks may use of the world beyond the job. */
  readonly outside?: Outside | undefined
  /** Objects that are the job's own, where the runtime keeps such. */
  readonly jobObjects?: JobObjects | undefined
  /** Event-time timers that fire before the task gives way (see {@link Task.isFiring}). Default: all that are due. */
  readonly timersPerStep?: number | undefined
}
