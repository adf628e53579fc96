import type { BlobStore } from '../../ports/blob-store.ts'
import type { OperatorStateSnapshot } from '../../state/operator-state.ts'
import type { TaskSnapshot } from '../../task/task-snapshot.ts'
import type { TaskRestore, TaskSpec } from '../../task/task-spec.ts'
import { Task } from '../../task/task.ts'
import type { Place } from '../actor/behaviour.ts'
import { IngestLogReader } from '../ingest/ingest-log-reader.ts'
import type { JobRuntime } from '../runtime.ts'
import { overlayBackends, type OverlayBackends } from '../state/overlay-backends.ts'
import type { TaskRows } from '../state/task-rows.ts'
import { Outputs } from './outputs.ts'
import type { TaskState } from './task-state.ts'
import type { TaskWiring } from './task-wiring.ts'
import { TurnMetrics } from './turn-metrics.ts'

/** Event-time timers that fire between two looks at the time. */
const TIMERS_PER_STEP = 10

/**
 * The operators of a task as objects, made from its state at one place of its log: a cache, good for the turns that this
 * process commits, and dropped when the log holds another's.
 */
export class LiveTask {
  readonly task: Task
  readonly outputs: Outputs
  readonly backends: OverlayBackends
  readonly metrics: TurnMetrics
  readonly blobs: BlobStore
  /** Set by a barrier: the turn ends there. */
  snapshot: TaskSnapshot | undefined
  /** What to call the elements that the turn takes at the moment, in messages. */
  taking = (): string => ''
  /** All input has ended, and was passed on. */
  inputEnded = false
  #nowMs: number
  #position: number
  #remainingMs = (): number => Number.POSITIVE_INFINITY

  constructor(
    runtime: JobRuntime,
    wiring: TaskWiring,
    state: TaskState,
    place: Place,
    rows: TaskRows,
    nowMs: number,
  ) {
    this.#nowMs = nowMs
    this.#position = place.position + 1
    this.blobs = runtime.blobs
    this.outputs = new Outputs(wiring)
    this.backends = overlayBackends({ image: state.keyed, rows })
    this.task = new Task(specOf(runtime, wiring, state, place.attempt), restoreOf(state), {
      now: () => this.#nowMs,
      send: (edge, subtask, element) => this.outputs.send(edge, subtask, element),
      onSnapshot: (snapshot) => {
        this.snapshot = snapshot
      },
      onInputEnded: () => {
        this.inputEnded = true
      },
      placeOf: () => this.taking(),
      // Whoever has something for a source to read nudges its actor.
      wakeUp: () => {},
      warn: (message) => runtime.observe.event({ type: 'warning', message }),
      enumerateSplits: async (_uid, source) =>
        source.enumerateSplits({ parallelism: wiring.vertex.parallelism }),
      stateBackends: this.backends.factory,
      timersPerStep: TIMERS_PER_STEP,
      ingest: runtime.ingest ?? new IngestLogReader(runtime),
      turns: {
        lineage: state.genesis!.lineage,
        position: () => this.#position,
        remainingMs: () => this.#remainingMs(),
      },
      outside: runtime.outside,
      jobObjects: { store: runtime.blobs, random: runtime.random },
    })
    this.metrics = new TurnMetrics(this.task)
  }

  /** Of a source: records and dead letters since this object was made. */
  get recordsRead(): number {
    const { numRecordsIn, numDeadLetters } = this.task.operatorStates[0]!.operator.metrics
    return numRecordsIn + numDeadLetters
  }

  /** Begins the turn at this time that will stand at this position, and has so much time. */
  beginTurn(nowMs: number, position: number, remainingMs: () => number): void {
    this.#nowMs = nowMs
    this.#position = position
    this.#remainingMs = remainingMs
    this.snapshot = undefined
    this.inputEnded = false
    this.task.beginBatch()
  }
}

/** Names of operator state whose content is another than `before`. */
export function changedOperatorState(
  before: ReadonlyMap<string, OperatorStateSnapshot>,
  after: readonly { readonly uid: string; readonly operatorState: OperatorStateSnapshot }[],
): (readonly [uid: string, snapshot: OperatorStateSnapshot])[] {
  return after.flatMap(({ uid, operatorState }) =>
    sameOperatorState(before.get(uid) ?? {}, operatorState) ? [] : [[uid, operatorState] as const],
  )
}

function sameOperatorState(a: OperatorStateSnapshot, b: OperatorStateSnapshot): boolean {
  const names = Object.keys(b)
  if (Object.keys(a).length !== names.length) return false
  return names.every((name) => {
    const left = a[name]?.items
    const right = b[name]!.items
    return left?.length === right.length && right.every((item, i) => Buffer.compare(item, left[i]!) === 0)
  })
}

function specOf(runtime: JobRuntime, wiring: TaskWiring, state: TaskState, attempt: number): TaskSpec {
  const { plan, config } = runtime
  const { vertex } = wiring
  return {
    taskId: wiring.task,
    jobName: plan.jobName,
    runId: state.genesis!.runId,
    attempt,
    vertex,
    subtaskIndex: wiring.subtaskIndex,
    inputChannels: wiring.channels,
    mode: config.checkpointing.mode,
    // A watermark rides along with the records of its turn: holding it back would cost a wake-up of its own.
    autoWatermarkIntervalMs: 0,
    outputs: vertex.outputEdges.map((index) => {
      const edge = plan.edges[index]!
      const target = plan.vertices[edge.targetVertex]!
      return { edge, targetParallelism: target.parallelism, targetMaxParallelism: target.maxParallelism }
    }),
    poisonRecords: state.genesis!.poisonRecords,
  }
}

function restoreOf(state: TaskState): TaskRestore {
  const operators = [...state.operatorState].map(
    ([uid, operatorState]) => [uid, { segments: [], operatorState }] as const,
  )
  return {
    isRestored: state.isRestored || state.progress !== undefined,
    watermarkMs: state.begin.watermarkMs,
    inputEnded: state.begin.inputEnded,
    operators: new Map(operators),
    unknownState: state.genesis?.restore?.allowNonRestoredState === true ? 'drop' : 'refuse',
    ownsSegments: true,
    settledCheckpointId: state.genesis?.checkpointId,
    resumes: state.progress,
  }
}
