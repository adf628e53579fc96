import { buildStreamGraph } from '../graph/build-stream-graph.ts'
import { planJob } from '../graph/plan-job.ts'
import type { JobPlan } from '../graph/plan.ts'
import { durationMs, type Duration } from '../model/durations.ts'
import { NO_TIMESTAMP } from '../model/elements.ts'
import { assert, UserError } from '../model/faults.ts'
import type { OperatorMetrics } from '../operators/operator.ts'
import { SourceOperator } from '../operators/source.ts'
import type { Outside } from '../ports/outside.ts'
import { heapBackends } from '../state/heap-backend.ts'
import type { KeyedStateBackendFactory } from '../state/keyed-backend.ts'
import type { DataStream } from '../stream/data-stream.ts'
import { defineJob } from '../stream/job.ts'
import { sinkFunction, type Sink } from '../stream/sink.ts'
import { sourceFunction } from '../stream/source.ts'
import type { OutputTag } from '../stream/types.ts'
import type { TaskOperator } from '../task/build-operators.ts'
import type { Task } from '../task/task.ts'
import { restoreFrom, SnapshotStore, type HarnessSnapshot } from './harness-snapshot.ts'
import { HarnessTasks } from './harness-tasks.ts'
import { ManualClock } from './manual-clock.ts'

const INPUT_UID = 'harness-input'
const OUTPUT_UID = 'harness-output'

/** The part of a job under test: takes the harness's input, and may return the stream whose records are looked at. */
export type PipelineFragment<In, Out> = (input: DataStream<In>) => DataStream<Out> | void

export interface HarnessOptions {
  /** Begins from this snapshot instead of from nothing. */
  readonly from?: HarnessSnapshot
  /** Subtasks of operators that do not say. Default 1. */
  readonly parallelism?: number
  /** Key groups of operators that do not say. Default 128. */
  readonly maxParallelism?: number
  /** What barriers do at tasks with several inputs. Default `exactly-once`. */
  readonly mode?: 'exactly-once' | 'at-least-once'
  /** Side outputs of the operator that the fragment's stream comes from, to be read by `sideOutput(tag)`. */
  // A tag takes and gives its type: a list of several can only be one of unknown ones.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly sideOutputs?: readonly OutputTag<any>[]
  /** How often `withTimestamps` makes watermarks, by the harness's clock. Default 0: after every push. */
  readonly autoWatermarkInterval?: Duration
  /** Epoch milliseconds at which processing time begins. Default 0, or the snapshot's. */
  readonly startMs?: number
  /** Where keyed state lives. Default: on the heap, as with `memory` and `filesystem`. */
  readonly stateBackend?: KeyedStateBackendFactory
  /** What sinks that write to AWS work with. Default: none. */
  readonly outside?: Outside
}

/** A record that came out, with its event time in epoch milliseconds, if it has one. */
export interface TimestampedRecord<T> {
  readonly value: T
  readonly timestamp: number | undefined
}

/**
 * Runs a piece of a pipeline by hand: records, watermarks, barriers and time go in one at a time; whatever follows
 * from each has happened when its promise resolves. No cluster, thread or real clock is involved (as with Flink's
 * OneInputStreamOperatorTestHarness).
 *
 * What a user function throws rejects the call that led to it, as an OperatorFault that names the operator and the
 * key; the harness does nothing any more then, as a failed job. Calls must not overlap.
 */
export class OperatorHarness<In, Out> {
  readonly #fragment: PipelineFragment<In, Out>
  readonly #options: HarnessOptions
  readonly #tasks: HarnessTasks
  readonly #clock: ManualClock
  readonly #attempt: number
  readonly #store: SnapshotStore
  readonly #collected: ReadonlyMap<string, TimestampedRecord<unknown>[]>
  #checkpointId: number
  #idle = false

  /** Not to be called by users: see {@link testHarness}. */
  constructor(fragment: PipelineFragment<In, Out>, options: HarnessOptions) {
    this.#fragment = fragment
    this.#options = options
    const { from } = options
    const { plan, collected } = planFragment(fragment, options)
    this.#collected = collected
    this.#attempt = (from?.attempt ?? 0) + 1
    this.#checkpointId = from?.checkpointId ?? 0
    this.#clock = new ManualClock(options.startMs ?? from?.nowMs ?? 0)
    this.#store = new SnapshotStore(plan, this.#attempt, from)
    this.#tasks = new HarnessTasks({
      plan,
      attempt: this.#attempt,
      clock: this.#clock,
      mode: options.mode ?? 'exactly-once',
      autoWatermarkIntervalMs: durationMs(options.autoWatermarkInterval ?? 0, 'autoWatermarkInterval'),
      stateBackends: options.stateBackend ?? heapBackends,
      outside: options.outside,
      restoreOf: restoreFrom(from, plan),
    })
  }

  /** Not to be called by users: {@link testHarness} returns an open one. */
  async open(): Promise<this> {
    await this.#tasks.open()
    return this
  }

  /** One record, with its event time in epoch milliseconds if it has one. Ends idleness. */
  async push(value: In, timestampMs?: number): Promise<void> {
    await this.#input((source) => source.collect(value, timestampMs ?? NO_TIMESTAMP))
  }

  /** Several records as one batch, in order; `timestampOf` gives their event times. */
  async pushAll(values: Iterable<In>, timestampOf?: (value: In) => number): Promise<void> {
    await this.#input((source) => {
      for (const value of values) source.collect(value, timestampOf?.(value) ?? NO_TIMESTAMP)
    })
  }

  /** Event time has come to `timestampMs`; `Infinity` ends it. Ends idleness. One that goes back is ignored. */
  async watermark(timestampMs: number): Promise<void> {
    await this.#input((source) => {
      if (timestampMs > source.metrics.currentWatermark) source.watermark(timestampMs)
    })
  }

  /** The input has nothing for the time being: it does not hold watermarks back. */
  async idle(): Promise<void> {
    await this.#source((source) => {
      if (!this.#idle) source.status(true)
      this.#idle = true
    })
  }

  /** Epoch milliseconds of the harness's clock. */
  get now(): number {
    return this.#clock.now()
  }

  /** Processing time moves on by `ms`, and every timer due on the way fires at its time. */
  async advanceProcessingTime(ms: number): Promise<void> {
    await this.#tasks.advanceTo(this.#clock.now() + ms)
  }

  /** Takes a checkpoint. It is not complete: sinks commit at {@link completeCheckpoint}. */
  async barrier(): Promise<HarnessSnapshot> {
    const checkpointId = ++this.#checkpointId
    const ofTask = await this.#tasks.checkpoint(checkpointId)
    return this.#store.add(checkpointId, this.#clock.now(), ofTask)
  }

  /** Tells all operators that a checkpoint is complete. Default: the last one taken. */
  async completeCheckpoint(checkpointId: number = this.#checkpointId): Promise<void> {
    await this.#tasks.run(this.#tasks.tasks, (task) => task.checkpointComplete(checkpointId))
  }

  /** Tells all operators that a checkpoint was given up. Default: the last one taken. */
  async abortCheckpoint(checkpointId: number = this.#checkpointId): Promise<void> {
    await this.#tasks.run(this.#tasks.tasks, (task) => task.checkpointAborted(checkpointId))
  }

  /** The input has ended, and event time with it. Checkpoints can still be taken. */
  async endInput(): Promise<void> {
    await this.#tasks.run([this.#sourceTask], (task) => task.endInput())
  }

  /** The job fails here: functions and sinks are closed, what no checkpoint holds is gone. Go on with `restore`. */
  async fail(): Promise<void> {
    await this.#tasks.close()
  }

  /** A new harness of the same fragment that begins from `snapshot`, with no output yet. This one is left as it is. */
  restore(snapshot: HarnessSnapshot, options: HarnessOptions = {}): Promise<OperatorHarness<In, Out>> {
    return testHarness(this.#fragment, { ...this.#options, ...options, from: snapshot })
  }

  /** What has come out so far, in order. */
  output(): Out[] {
    return this.outputWithTimestamps().map(({ value }) => value)
  }

  outputWithTimestamps(): TimestampedRecord<Out>[] {
    return this.#collectedAt(OUTPUT_UID) as TimestampedRecord<Out>[]
  }

  /** What has come out on a side output named in `sideOutputs`, in order. */
  sideOutput<T>(tag: OutputTag<T>): T[] {
    return this.sideOutputWithTimestamps(tag).map(({ value }) => value)
  }

  sideOutputWithTimestamps<T>(tag: OutputTag<T>): TimestampedRecord<T>[] {
    return this.#collectedAt(sideOutputUid(tag)) as TimestampedRecord<T>[]
  }

  /** The watermark that has come out: -Infinity before the first, Infinity after the last. */
  get outputWatermark(): number {
    return this.metrics(OUTPUT_UID).currentWatermark
  }

  /** Records that came too late for their window and had no side output to go to. */
  get lateRecordsDropped(): number {
    return this.#operators().reduce((sum, { operator }) => sum + operator.metrics.numLateRecordsDropped, 0)
  }

  /** The counts of an operator over all its subtasks, since this harness was made; its watermark is the least of theirs. */
  metrics(uid: string): OperatorMetrics {
    const ofSubtasks = this.#subtasksOf(uid).map(({ operator }) => operator.metrics)
    return ofSubtasks.reduce((a, b) => ({
      numRecordsIn: a.numRecordsIn + b.numRecordsIn,
      numRecordsOut: a.numRecordsOut + b.numRecordsOut,
      numLateRecordsDropped: a.numLateRecordsDropped + b.numLateRecordsDropped,
      numDeadLetters: a.numDeadLetters + b.numDeadLetters,
      currentWatermark: Math.min(a.currentWatermark, b.currentWatermark),
    }))
  }

  /** For how many keys an operator keeps state or timers, over all its subtasks: what is never forgotten adds up. */
  keysWithState(uid: string): number {
    return this.#subtasksOf(uid).reduce((sum, { keyedState }) => sum + (keyedState?.stats().keys ?? 0), 0)
  }

  /** Closes functions and sinks. Harmless after `fail`. */
  async close(): Promise<void> {
    await this.#tasks.close()
  }

  async #input(action: (source: SourceOperator) => void): Promise<void> {
    await this.#source((source) => {
      if (this.#idle) source.status(false)
      this.#idle = false
      action(source)
    })
  }

  async #source(action: (source: SourceOperator) => void): Promise<void> {
    if (this.#sourceTask.inputEnded) throw new UserError('endInput() was called: nothing can come after it')
    await this.#tasks.run([this.#sourceTask], (task) => {
      const { operator } = task.operatorStates[0]!
      assert(operator instanceof SourceOperator, 'a harness begins with its source')
      action(operator)
    })
  }

  get #sourceTask(): Task {
    return this.#tasks.tasks.find((task) => task.spec.vertex.id === INPUT_UID)!
  }

  #operators(): TaskOperator[] {
    return this.#tasks.tasks.flatMap((task) => task.operatorStates)
  }

  #subtasksOf(uid: string): TaskOperator[] {
    const subtasks = this.#operators().filter((one) => one.uid === uid)
    if (subtasks.length > 0) return subtasks
    const known = [...new Set(this.#operators().map((one) => `'${one.uid}'`))].join(', ')
    throw new UserError(`Expected the uid of an operator (${known}), got '${uid}'`)
  }

  #collectedAt(uid: string): TimestampedRecord<unknown>[] {
    const records = this.#collected.get(uid)
    if (records !== undefined) return [...records]
    throw new UserError(
      uid === OUTPUT_UID
        ? 'output: expected the fragment to return a stream, got none'
        : `sideOutput: expected one of the tags given as \`sideOutputs\`, got '${uid.slice(OUTPUT_UID.length + 1)}'`,
    )
  }
}

/**
 * A harness around a piece of a pipeline, open and ready.
 *
 * ```ts
 * const harness = await testHarness((words: DataStream<string>) =>
 *   words.keyBy((word) => word).map('count', { state: { seen: valueState({ default: 0 }) }, map(word, ctx) { … } }),
 * )
 * await harness.push('to')
 * expect(harness.output()).toEqual([…])
 * ```
 *
 * @throws UserError if the fragment is not a valid pipeline, or `from` holds state that it has no place for.
 */
export function testHarness<In, Out = never>(
  fragment: PipelineFragment<In, Out>,
  options: HarnessOptions = {},
): Promise<OperatorHarness<In, Out>> {
  return Promise.resolve().then(() => new OperatorHarness(fragment, options).open())
}

/** The job around a fragment: a source, the fragment, and sinks that keep what comes. */
function planFragment<In, Out>(
  fragment: PipelineFragment<In, Out>,
  options: HarnessOptions,
): { plan: JobPlan; collected: ReadonlyMap<string, TimestampedRecord<unknown>[]> } {
  const collected = new Map<string, TimestampedRecord<unknown>[]>()
  const collect = (stream: DataStream<unknown>, uid: string): void => {
    const records: TimestampedRecord<unknown>[] = []
    collected.set(uid, records)
    stream.sinkTo(uid, collector(records), { parallelism: 1 })
  }
  const job = defineJob({ name: 'harness' }, (env) => {
    const input = env.source(INPUT_UID, sourceFunction<In>({ poll: () => 'wait' }), { parallelism: 1 })
    const stream = fragment(input)
    if (stream === undefined) return
    collect(stream, OUTPUT_UID)
    for (const tag of options.sideOutputs ?? []) collect(stream.getSideOutput(tag), sideOutputUid(tag))
  })
  const { parallelism = 1, maxParallelism = 128 } = options
  return { plan: planJob(buildStreamGraph(job), { name: 'harness', parallelism, maxParallelism }), collected }
}

function sideOutputUid({ id }: { readonly id: string }): string {
  return `${OUTPUT_UID}:${id}`
}

function collector(records: TimestampedRecord<unknown>[]): Sink<unknown> {
  return sinkFunction({
    invoke(value, ctx) {
      records.push({ value, timestamp: ctx.timestamp })
    },
  })
}
