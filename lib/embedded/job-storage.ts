import type { AttemptLog } from '../checkpoint/attempt-log.ts'
import { assembleRecord } from '../checkpoint/assemble-record.ts'
import { stretchesOf, type SegmentHandle, type Stretch } from '../checkpoint/checkpoint-record.ts'
import type { RunAddress } from '../checkpoint/checkpoint-paths.ts'
import type { CheckpointStorage } from '../checkpoint/checkpoint-storage.ts'
import type { CoordinatedTask, PendingCheckpoint, RestorePoint } from '../checkpoint/coordinator-state.ts'
import { dealInFlight } from '../checkpoint/deal-in-flight.ts'
import { decodeRuns, encodeRuns } from '../checkpoint/in-flight-elements.ts'
import { planRestore } from '../checkpoint/restore-plan.ts'
import type { OperatorAck, TaskAck } from '../checkpoint/task-ack.ts'
import type { JobPlan, JobVertex } from '../graph/plan.ts'
import { MIN_WATERMARK } from '../model/elements.ts'
import { assert } from '../model/faults.ts'
import { taskId, type Attempt, type CheckpointId, type TaskId } from '../model/ids.ts'
import { stateSpecOf } from '../operators/state-spec.ts'
import type { Clock } from '../ports/clock.ts'
import type { Random } from '../ports/random.ts'
import { redistributeOperatorState } from '../state/operator-state.ts'
import { describeStates } from '../state/describe-states.ts'
import type { TaskSnapshot } from '../task/task-snapshot.ts'
import type { TaskRestore } from '../task/task-spec.ts'
import type { AttemptRestore } from './attempt.ts'
import type { DiskFiles } from './disk-files.ts'
import type { RecordedInFlight } from './in-flight-recording.ts'
import type { OpenedCheckpoint } from './open-checkpoint.ts'
import { SegmentLedger } from './segment-ledger.ts'
import { writeSavepointTo } from './savepoint-target.ts'
import { SegmentRegistry } from './segment-registry.ts'

export interface JobStorageParts {
  readonly plan: JobPlan
  readonly runId: string
  readonly tasks: readonly CoordinatedTask[]
  /** Holds this run's checkpoints. */
  readonly checkpoints: CheckpointStorage
  readonly attempts: AttemptLog
  /** Whether this is the location of a checkpoint of this run. */
  isOwn(location: string): boolean
  /** Opens the checkpoint or savepoint that a restore point names. */
  open(location: string): Promise<OpenedCheckpoint>
  readonly savepointDirectory: string
  readonly random: Random
  readonly files: DiskFiles
  readonly clock: Clock
  readonly allowNonRestoredState: boolean
  readonly onWarning: (message: string) => void
}

/** The durable side of one run: what its tasks' snapshots become, and what an attempt begins with. */
export class JobStorage {
  private readonly parts: JobStorageParts
  private readonly registry = new SegmentRegistry()
  /** Of the present attempt: by task, in chain order. */
  private ledgers = new Map<TaskId, SegmentLedger[]>()
  /** Snapshots of one task are made durable in order. */
  private readonly persisting = new Map<TaskId, Promise<unknown>>()
  /** What was under way to tasks is made durable beside. */
  private readonly writing = new Set<Promise<unknown>>()

  constructor(parts: JobStorageParts) {
    this.parts = parts
  }

  /** Loads what `attempt` begins with, and forgets the attempt before. @throws UserError if it cannot be used. */
  async beginAttempt(restoreFrom: RestorePoint | undefined): Promise<AttemptRestore> {
    await this.endAttempt()
    if (restoreFrom === undefined) {
      return { stateOf: () => this.freshTask(), inFlight: { runs: new Map(), isInStages: false } }
    }
    const { plan, runId, allowNonRestoredState } = this.parts
    const opened = await this.parts.open(restoreFrom.location)
    const { record } = opened
    const isOwn = record.kind === 'checkpoint' && record.jobName === plan.jobName && record.runId === runId
    const restore = planRestore(record, plan, {
      allowNonRestoredState,
      redistribute: redistributeOperatorState,
    })
    const bytes = await readBlobs(opened)
    const inFlight = dealInFlight(
      record,
      plan,
      (vertexId, subtask) => {
        const vertex = record.vertices.find(({ id }) => id === vertexId)
        const handle = vertex?.subtasks[subtask]?.inFlight
        return handle === undefined ? [] : decodeRuns(stretch(bytes, handle))
      },
      { allowNonRestoredState },
    )
    for (const vertex of plan.vertices) {
      for (let subtask = 0; subtask < vertex.parallelism; subtask++) {
        const id = taskId(vertex.id, subtask)
        const ofTask = restore.tasks.get(id)
        const ledgers = vertex.operators.map(({ uid }) =>
          this.newLedger(id, uid, isOwn ? (ofTask?.operators.get(uid)?.segments ?? []) : []),
        )
        this.ledgers.set(id, ledgers)
      }
    }
    const stateOf = (vertex: JobVertex, subtaskIndex: number): TaskRestore => {
      const ofTask = restore.tasks.get(taskId(vertex.id, subtaskIndex))
      const operators = [...(ofTask?.operators ?? [])].map(
        ([uid, operator]) =>
          [
            uid,
            {
              operatorState: operator.operatorState,
              segments: operator.segments.map((handle) => ({
                name: handle.blob,
                bytes: stretch(bytes, handle),
                keyGroups: handle.keyGroups,
              })),
            },
          ] as const,
      )
      return {
        isRestored: true,
        watermarkMs: ofTask?.watermarkMs ?? MIN_WATERMARK,
        inputEnded: ofTask?.finished ?? false,
        operators: new Map(operators),
        unknownState: restore.unknownState,
        ownsSegments: isOwn,
      }
    }
    return { stateOf, inFlight }
  }

  /** Before an attempt runs: it commits what it begins from. */
  async rememberAttempt(attempt: Attempt, restoreFrom: RestorePoint | undefined): Promise<void> {
    if (restoreFrom !== undefined && !this.parts.isOwn(restoreFrom.location)) {
      await this.rememberBase(attempt, restoreFrom.checkpointId, restoreFrom.location)
    } else if (attempt > 1) await this.parts.attempts.remember(this.run, attempt, undefined)
    // The first attempt is told by its first checkpoint; without one, the run is not gone on with.
  }

  private rememberBase(attempt: Attempt, checkpointId: CheckpointId, location: string): Promise<void> {
    return this.parts.attempts.remember(this.run, attempt, {
      checkpointId,
      location,
      atMs: this.parts.clock.now(),
    })
  }

  private get run(): RunAddress {
    return { jobName: this.parts.plan.jobName, runId: this.parts.runId }
  }

  /** Makes a task's snapshot durable; resolves to the acknowledgement that says so. */
  persist(task: TaskId, snapshot: TaskSnapshot): Promise<TaskAck> {
    const before = this.persisting.get(task) ?? Promise.resolve()
    const persisted = before.catch(() => {}).then(() => this.persistNow(task, snapshot))
    this.persisting.set(task, persisted)
    return persisted
  }

  /** Makes what was under way to a task durable; resolves to the acknowledgement that says so of its state as well. */
  persistInFlight(
    task: TaskId,
    checkpointId: CheckpointId,
    state: Promise<TaskAck>,
    recorded: RecordedInFlight,
  ): Promise<TaskAck> {
    const whole = this.persistBoth(task, checkpointId, state, recorded)
    this.writing.add(whole)
    const forget = (): unknown => this.writing.delete(whole)
    whole.then(forget, forget)
    return whole
  }

  private async persistBoth(
    task: TaskId,
    checkpointId: CheckpointId,
    state: Promise<TaskAck>,
    { runs, records }: RecordedInFlight,
  ): Promise<TaskAck> {
    const startedAtMs = this.parts.clock.now()
    const ack = await state
    if (runs.length === 0) return ack
    // No operator has this uid.
    const owner = { checkpointId, task, uid: '' }
    const place = await this.parts.checkpoints.putSegment(this.run, owner, encodeRuns(runs))
    this.registry.written(place)
    this.registry.referred(checkpointId, [place])
    const { figures } = ack
    const { lengthBytes } = place
    return {
      ...ack,
      inFlight: { ...place, records },
      figures: {
        ...figures,
        durationMs: Math.max(figures.durationMs, this.parts.clock.now() - startedAtMs),
        bytes: figures.bytes + lengthBytes,
        fullBytes: figures.fullBytes + lengthBytes,
      },
    }
  }

  /** Writes the record of a checkpoint, or a whole savepoint; resolves to where it is. */
  async store(pending: PendingCheckpoint): Promise<string> {
    const { plan, runId, tasks, checkpoints, savepointDirectory } = this.parts
    const record = assembleRecord(pending, {
      jobName: plan.jobName,
      runId,
      planFingerprint: plan.fingerprint,
      tasks,
    })
    if (pending.kind === 'savepoint') {
      const directory = pending.target ?? savepointDirectory
      const location = await writeSavepointTo(
        directory,
        record,
        (handle) => checkpoints.readSegment(handle),
        this.parts,
      )
      // What ends the job is committed before the job has ended: from here on nothing older will do.
      if (pending.purpose === 'stop') await this.rememberBase(pending.attempt, pending.checkpointId, location)
      return location
    }
    // Its record may be there also if the writing fails: until it is removed, what it refers to is needed.
    this.registry.adopted(pending.checkpointId, stretchesOf(record))
    const name = await checkpoints.store(record)
    this.registry.stored(pending.checkpointId, record)
    return checkpoints.pathOf(name)
  }

  /** Removes a checkpoint's record, then every segment that nothing needs any more. */
  async discard(checkpointId: CheckpointId): Promise<void> {
    const { plan, runId, checkpoints } = this.parts
    await checkpoints.removeRecord({ jobName: plan.jobName, runId }, checkpointId)
    this.registry.discarded(checkpointId)
    await this.removeUnused()
  }

  /**
   * The job is over: keeps the checkpoints named, what they need, and nothing else; but, unless it is `done`, what it
   * went on from.
   */
  async close(kept: readonly CheckpointId[], done: boolean): Promise<void> {
    await this.endAttempt()
    const { checkpoints, attempts } = this.parts
    const { run } = this
    const hasBase = (await attempts.last(run)).checkpointId > 0
    if (kept.length === 0 && (done || !hasBase)) return checkpoints.forgetRun(run)
    // A removal may have failed when it was ordered.
    for (const checkpointId of this.registry.retainedBut(kept)) {
      await checkpoints.removeRecord(run, checkpointId as CheckpointId)
      this.registry.discarded(checkpointId)
    }
    this.registry.ended()
    await this.removeUnused()
    // A segment whose writing failed may be there all the same, and nobody knows of it.
    await checkpoints.sweep(run)
  }

  /** Ends what goes on on the side. */
  async endAttempt(): Promise<void> {
    await Promise.all([...this.persisting.values()].map((one) => one.catch(() => {})))
    await Promise.all([...this.writing].map((one) => one.catch(() => {})))
    await Promise.all([...this.ledgers.values()].flat().map((ledger) => ledger.close()))
    this.persisting.clear()
    this.ledgers = new Map()
  }

  /** Tells the registry of a checkpoint that was there before this process. */
  adopt(checkpointId: CheckpointId, handles: readonly Stretch[]): void {
    this.registry.adopted(checkpointId, handles)
  }

  private async removeUnused(): Promise<void> {
    const inUse = [...this.ledgers.values()].flat().flatMap((ledger) => ledger.segments)
    for (const blob of this.registry.takeUnused(inUse)) await this.parts.checkpoints.removeSegment(blob)
  }

  private async persistNow(task: TaskId, snapshot: TaskSnapshot): Promise<TaskAck> {
    const { plan, clock } = this.parts
    const startedAtMs = clock.now()
    const vertex = plan.vertices.find((one) => task === taskId(one.id, subtaskOf(task)))
    assert(vertex !== undefined, `${task} is a task of the plan`)
    const ledgers = this.ledgersOf(task, vertex)
    const operators: OperatorAck[] = []
    let bytes = 0
    let records = 0
    for (const [index, { uid, keyed, operatorState }] of snapshot.operators.entries()) {
      const { name, spec } = vertex.operators[index]!
      const added = await ledgers[index]!.add(keyed, snapshot.checkpointId)
      bytes += added.bytes
      records += keyed?.rows ?? 0
      operators.push({
        uid,
        name,
        maxParallelism: vertex.maxParallelism,
        states: describeStates(stateSpecOf(spec) ?? {}),
        segments: added.segments,
        operatorState,
      })
    }
    const all = operators.flatMap(({ segments }) => segments)
    return {
      watermarkMs: snapshot.watermarkMs,
      finished: snapshot.finished,
      operators,
      figures: {
        alignmentMs: snapshot.alignmentMs,
        durationMs: clock.now() - startedAtMs,
        bytes,
        fullBytes: all.reduce((sum, handle) => sum + handle.lengthBytes, 0),
        records,
      },
    }
  }

  private ledgersOf(task: TaskId, vertex: JobVertex): SegmentLedger[] {
    const known = this.ledgers.get(task)
    if (known !== undefined) return known
    const fresh = vertex.operators.map(({ uid }) => this.newLedger(task, uid, []))
    this.ledgers.set(task, fresh)
    return fresh
  }

  private newLedger(task: TaskId, uid: string, restored: readonly SegmentHandle[]): SegmentLedger {
    const { plan, runId, checkpoints, clock, onWarning } = this.parts
    const run = { jobName: plan.jobName, runId }
    return new SegmentLedger(restored, {
      now: () => clock.now(),
      onWarning: (cause) => onWarning(`Merging segments of ${task}: ${String(cause)}`),
      put: async (segment, checkpointId) => {
        const owner = { checkpointId: checkpointId as CheckpointId, task, uid }
        const place = await checkpoints.putSegment(run, owner, segment.segment)
        return { ...place, rows: segment.rows, keyGroups: segment.keyGroups }
      },
      onWritten: (handle) => this.registry.written(handle),
      onReferred: (checkpointId, segments) => this.registry.referred(checkpointId, segments),
      read: async (handle) => ({
        name: handle.blob,
        bytes: await checkpoints.readSegment(handle),
        keyGroups: handle.keyGroups,
      }),
    })
  }

  private freshTask(): TaskRestore {
    return {
      isRestored: false,
      watermarkMs: MIN_WATERMARK,
      inputEnded: false,
      operators: new Map(),
      unknownState: 'refuse',
      ownsSegments: true,
    }
  }
}

function subtaskOf(task: TaskId): number {
  return Number(task.slice(task.lastIndexOf('#') + 1))
}

function stretch(blobs: ReadonlyMap<string, Uint8Array>, handle: Stretch): Uint8Array {
  return blobs.get(handle.blob)!.subarray(handle.offsetBytes, handle.offsetBytes + handle.lengthBytes)
}

async function readBlobs(opened: OpenedCheckpoint): Promise<Map<string, Uint8Array>> {
  const blobs = new Map<string, Uint8Array>()
  for (const handle of stretchesOf(opened.record)) {
    if (!blobs.has(handle.blob)) blobs.set(handle.blob, await opened.readBlob(handle.blob))
  }
  return blobs
}
