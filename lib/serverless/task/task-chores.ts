import type { SegmentHandle } from '../../checkpoint/checkpoint-record.ts'
import { readSegment } from '../../checkpoint/segment-store.ts'
import type { TaskAck } from '../../checkpoint/task-ack.ts'
import { assert, UserError } from '../../model/faults.ts'
import { stateSpecOf } from '../../operators/state-spec.ts'
import { describeStates } from '../../state/describe-states.ts'
import type { RestoredSegment } from '../../state/keyed-backend.ts'
import { denialIn } from '../../ports/platform-fault.ts'
import type { Outgoing, StepWorld, View } from '../actor/behaviour.ts'
import { sha256 } from '../../node/sha256.ts'
import { savepointDirectory } from '../savepoint-place.ts'
import type { TaskGenesis, TaskReport } from '../protocol.ts'
import type { JobRuntime } from '../runtime.ts'
import { copyRows, type CopyCursor } from '../state/copy-rows.ts'
import { importRows, type ImportCursor } from '../state/import-rows.ts'
import { materializationDue, materializeSome } from '../state/materialize.ts'
import type { KeyedImage } from '../state/keyed-image.ts'
import type { TaskRows } from '../state/task-rows.ts'
import type { Copying, TaskDelta, TaskState } from './task-state.ts'
import { toCoordinator } from './task-turn.ts'
import type { TaskWiring } from './task-wiring.ts'

/** A piece of work on rows that a turn is spent on. */
export interface Chore {
  readonly delta: TaskDelta
  readonly outgoing: readonly Outgoing[]
  readonly more: true
}

/** Where an import has come to: which operator, and how far with it. Plain data. */
interface ImportPlace {
  readonly operator: number
  readonly rows: ImportCursor | undefined
}

/**
 * What is to be done with a task's rows besides its records: bringing in those of a savepoint, copying them out for one, and
 * materializing. Each is done in pieces of a turn's worth, and done twice it changes nothing.
 */
export class TaskChores {
  readonly #runtime: JobRuntime
  readonly #wiring: TaskWiring | undefined
  /** Of the savepoint that is being imported. */
  #segments:
    | { readonly handles: readonly SegmentHandle[]; readonly loaded: readonly RestoredSegment[] }
    | undefined

  constructor(runtime: JobRuntime, wiring: TaskWiring | undefined) {
    this.#runtime = runtime
    this.#wiring = wiring
  }

  /**
   * The next piece, if there is one to do before any records.
   * @throws UserError if a savepoint cannot be imported.
   */
  async next(
    view: View<TaskState>,
    genesis: TaskGenesis,
    rows: TaskRows,
    world: StepWorld,
  ): Promise<Chore | undefined> {
    const { importing, copying, materializeTo, over } = view.state
    if (materializeTo !== undefined && !materializeTo.done)
      return this.#materializeTo(view, genesis, rows, world, materializeTo.position)
    // What failed it may be one of these: it is not tried for ever.
    if (over !== undefined) return undefined
    if (importing !== undefined && !importing.done) return this.#import(view, genesis, world)
    if (copying !== undefined) return this.#copyUnlessDenied(view, genesis, world, copying)
    const { keyed, begunAtMs, wasQuiet, isActive } = view.state
    const circumstances = { nowMs: world.nowMs, sinceMs: begunAtMs, idle: wasQuiet && !isActive }
    return materializationDue(keyed, circumstances)
      ? this.#materialize(view, genesis, rows, world)
      : undefined
  }

  async #materialize(
    view: View<TaskState>,
    { namespace }: TaskGenesis,
    rows: TaskRows,
    world: StepWorld,
    image: KeyedImage = view.folded.state.keyed,
  ): Promise<Chore | undefined> {
    const { materializedThrough } = view.state.keyed
    const materialized = await materializeSome(
      this.#runtime.rows,
      namespace,
      { image, materializedThrough },
      world.nowMs,
    )
    if (materialized === undefined) return undefined
    const raised = rows.raisedBounds(view.state.keyed)
    return chore({ keyed: { rows: [], materialized: { ...materialized, raised } } })
  }

  /**
   * The job is over: everything up to `position`. What is folded may end before it, where something was under way at an
   * unaligned checkpoint.
   */
  async #materializeTo(
    view: View<TaskState>,
    genesis: TaskGenesis,
    rows: TaskRows,
    world: StepWorld,
    position: number,
  ): Promise<Chore> {
    assert(view.folded.place.position <= position, 'what is brought up to a position is not past it')
    const piece = await this.#materialize(view, genesis, rows, world, view.stateAt(position).keyed)
    if (piece !== undefined) return piece
    return chore({ materializeTo: { position, done: true } }, { type: 'materialized', position })
  }

  /** A place that is closed to the job, or gone, is the failure of the savepoint: the job does without one. */
  async #copyUnlessDenied(
    view: View<TaskState>,
    genesis: TaskGenesis,
    world: StepWorld,
    copying: Copying,
  ): Promise<Chore> {
    try {
      return await this.#copy(view, genesis, world, copying)
    } catch (cause) {
      const denial = denialIn(cause)
      if (denial === undefined) throw cause
      const message = `${view.actor}: its rows cannot be copied: ${denial.message}`
      return chore(
        { copying: null },
        { type: 'decline', checkpointId: copying.checkpointId, reason: 'task-error', message },
      )
    }
  }

  async #copy(
    view: View<TaskState>,
    { namespace, runId }: TaskGenesis,
    world: StepWorld,
    copying: Copying,
  ): Promise<Chore> {
    const { keyed, keyGroups, vertex } = this.#wired()
    assert(keyed !== undefined, 'rows of a keyed operator are copied')
    const { blobs, plan, rows } = this.#runtime
    const head = vertex.operators[0]!
    const copied = await copyRows(
      rows,
      {
        namespace,
        operatorUid: keyed.uid,
        maxParallelism: vertex.maxParallelism,
        states: describeStates(stateSpecOf(head.spec) ?? {}),
        keyGroups,
      },
      view.stateAt(copying.position).keyed,
      copying.cursor as CopyCursor | undefined,
      world.nowMs,
    )
    const segments = [...copying.segments]
    if (copied.segment !== undefined) {
      const { bytes, rows: count, keyGroups: range } = copied.segment
      const digest = sha256(bytes)
      const directory = savepointDirectory({ jobName: plan.jobName, runId }, copying.checkpointId)
      const blob = `${directory}/${digest}`
      await blobs.putIfAbsent(blob, bytes)
      const place = { blob, offsetBytes: 0, lengthBytes: bytes.length, sha256: digest }
      segments.push([keyed.uid, { ...place, rows: count, keyGroups: range }])
    }
    if (copied.cursor !== undefined)
      return chore({ copying: { ...copying, cursor: copied.cursor, segments } })
    const { checkpointId } = copying
    return chore(
      { copying: null },
      { type: 'acknowledge', checkpointId, ack: withSegments(copying.ack as TaskAck, segments) },
    )
  }

  async #import(view: View<TaskState>, genesis: TaskGenesis, world: StepWorld): Promise<Chore> {
    const { restore, namespace } = genesis
    const { importing, keyed } = view.state
    const place = (importing!.cursor ?? { operator: 0, rows: undefined }) as ImportPlace
    const next = restore?.segments[place.operator]
    if (next === undefined) {
      this.#segments = undefined
      return chore({ importing: { cursor: undefined, done: true } }, { type: 'ready' })
    }
    const [uid, handles] = next
    const { vertex, keyGroups } = this.#wired()
    const operator = vertex.operators.find((one) => one.uid === uid)
    assert(operator !== undefined, `${uid} is an operator of ${vertex.id}`)
    const { maxParallelism } = vertex
    const { cursor } = await importRows(
      this.#runtime.rows,
      {
        operatorUid: uid,
        spec: stateSpecOf(operator.spec) ?? {},
        maxParallelism,
        keyGroups,
        namespace,
        position: keyed.materializedThrough,
      },
      await this.#load(handles),
      restore?.allowNonRestoredState === true ? 'drop' : 'refuse',
      place.rows,
      world.nowMs,
    )
    const goesOn: ImportPlace =
      cursor === undefined ? { operator: place.operator + 1, rows: undefined } : { ...place, rows: cursor }
    return chore({ importing: { cursor: goesOn, done: false } })
  }

  async #load(handles: readonly SegmentHandle[]): Promise<readonly RestoredSegment[]> {
    if (this.#segments?.handles !== handles) {
      const loaded: RestoredSegment[] = []
      for (const handle of handles) {
        const bytes = await readSegment(this.#runtime.blobs, sha256, handle)
        loaded.push({ name: handle.blob, bytes, keyGroups: handle.keyGroups })
      }
      this.#segments = { handles, loaded }
    }
    return this.#segments.loaded
  }

  #wired(): TaskWiring {
    if (this.#wiring === undefined) throw new UserError('the job that is deployed has no such task')
    return this.#wiring
  }
}

function chore(delta: TaskDelta, report?: TaskReport): Chore {
  return { delta, outgoing: report === undefined ? [] : [toCoordinator(report)], more: true }
}

function withSegments(ack: TaskAck, segments: Copying['segments']): TaskAck {
  const bytes = segments.reduce((sum, [, { lengthBytes }]) => sum + lengthBytes, 0)
  return {
    ...ack,
    operators: ack.operators.map((operator) => ({
      ...operator,
      segments: segments.flatMap(([uid, handle]) => (uid === operator.uid ? [handle] : [])),
    })),
    figures: { ...ack.figures, bytes, fullBytes: bytes },
  }
}
