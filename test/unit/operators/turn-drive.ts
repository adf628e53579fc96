import { NO_TIMESTAMP } from '../../../lib/model/elements.ts'
import { createOperator } from '../../../lib/operators/create-operator.ts'
import type { Operator, OperatorContext } from '../../../lib/operators/operator.ts'
import type { Outside } from '../../../lib/ports/outside.ts'
import { HeapOperatorState, type OperatorStateSnapshot } from '../../../lib/state/operator-state.ts'
import type { JobObjects, Sink } from '../../../lib/stream/sink.ts'

export interface TurnTaskOptions {
  readonly attempt?: number
  readonly subtask?: number
  readonly parallelism?: number
  readonly outside?: Outside | undefined
  readonly jobObjects?: JobObjects
  /** Operator state at the checkpoint that the attempt begins from, and the position that it continues. */
  readonly restored?: OperatorStateSnapshot
  readonly position?: number
}

interface Instance {
  readonly operator: Operator
  readonly state: HeapOperatorState
  /** Of its turn. */
  readonly place: { position: number }
}

/** What a turn does with its inputs, in order. */
export interface TurnWork<T> {
  push(this: void, ...values: readonly T[]): Promise<void>
  /** State as checkpoint `id` holds it. */
  barrier(this: void, id: number): Promise<OperatorStateSnapshot>
  complete(this: void, id: number): Promise<void>
}

/**
 * A sink's task on a runtime that works in turns, reduced to what matters: state that is committed with each turn, and
 * instances that come and go. Unless told to stay, an instance lives for one turn.
 */
export class TurnTask<T> {
  readonly #sink: Sink<T>
  readonly #options: TurnTaskOptions
  /** As of the last committed turn of the attempt. */
  #committed: OperatorStateSnapshot | undefined
  #position: number
  #instance: Instance | undefined

  constructor(sink: Sink<T>, options: TurnTaskOptions = {}) {
    this.#sink = sink
    this.#options = options
    this.#position = options.position ?? 0
  }

  get position(): number {
    return this.#position
  }

  /** Whether the sink asks for another turn. */
  wantsTurn = false

  /** Of the turn at hand. */
  remainingMs = (): number => 20_000

  /** How many records the sink could do with in the next turn, if the process stayed. */
  get recordsWanted(): number {
    return this.#instance?.operator.recordsWanted ?? Number.NaN
  }

  readonly warnings: string[] = []

  /**
   * One turn. `lost`: its process dies before the commit, or another one commits in its place; nothing of it counts.
   * Rejects, and commits nothing, if the sink does.
   */
  async turn(
    work: (turn: TurnWork<T>) => Promise<void> = () => Promise.resolve(),
    outcome: 'commits' | 'commits and stays' | 'lost' = 'commits',
  ): Promise<void> {
    const before = this.#instance
    this.#instance = undefined
    const instance = before ?? (await this.#open())
    const { operator, state } = instance
    await work(workOf(operator, state))
    await operator.endBatch()
    await operator.endTurn()
    operator.snapshot(0)
    const captured = state.snapshot()
    const { wantsTurn } = operator
    if (outcome === 'lost') return
    this.#committed = captured
    this.#position++
    this.wantsTurn = wantsTurn
    if (outcome !== 'commits and stays') return
    instance.place.position = this.#position + 1
    this.#instance = instance
  }

  async #open(): Promise<Instance> {
    const { attempt = 1, subtask = 0, parallelism = 1, outside, jobObjects, restored } = this.#options
    const state = new HeapOperatorState(this.#committed ?? restored, 'sink')
    // A stalled instance does not notice that the log has gone on.
    const place = { position: this.#position + 1 }
    const context: OperatorContext = {
      jobName: 'job',
      runId: 'run',
      uid: 'sink',
      name: 'sink',
      subtaskIndex: subtask,
      parallelism,
      attempt,
      output: { record() {}, watermark() {}, status() {} },
      sideOutput: () => undefined,
      keySelector: undefined,
      keyedState: undefined,
      operatorState: state,
      isRestored: restored !== undefined,
      isResumed: this.#committed !== undefined,
      turns: {
        lineage: 'lineage',
        position: () => place.position,
        remainingMs: () => this.remainingMs(),
      },
      outside,
      jobObjects,
      now: () => 0,
      enumerateSplits: () => Promise.resolve([]),
      wakeUp() {},
      warn: (message) => void this.warnings.push(message),
      autoWatermarkIntervalMs: 0,
    }
    const operator = createOperator({ type: 'sink', sink: this.#sink as Sink<unknown> }, context)
    await operator.open()
    return { operator, state, place }
  }
}

function workOf<T>(operator: Operator, state: HeapOperatorState): TurnWork<T> {
  return {
    async push(...values) {
      for (const value of values) operator.record(value, NO_TIMESTAMP)
      await operator.endBatch()
    },
    async barrier(id) {
      await operator.prepareBarrier(id)
      operator.snapshot(id)
      return state.snapshot()
    },
    async complete(id) {
      await operator.checkpointComplete(id)
    },
  }
}
