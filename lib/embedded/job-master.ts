import { coordinate, newCoordinator } from '../checkpoint/coordinator.ts'
import type { CoordinatorCommand, RequestOutcome } from '../checkpoint/coordinator-commands.ts'
import type { CoordinatorEvent } from '../checkpoint/coordinator-events.ts'
import type { CoordinatorState, RestorePoint } from '../checkpoint/coordinator-state.ts'
import { isTerminal } from '../checkpoint/job-status.ts'
import { poisonNotices } from '../checkpoint/poison-records.ts'
import { messageOf, UserError } from '../model/faults.ts'
import type { TaskAck } from '../checkpoint/task-ack.ts'
import type { Attempt, CheckpointId, TaskId } from '../model/ids.ts'
import type { PoisonRecord } from '../model/poison-records.ts'
import { recordIdentityOf } from '../state/record-identity.ts'
import type { Clock, ScheduledCall } from '../ports/clock.ts'
import type { Random } from '../ports/random.ts'
import type { JobConfig } from '../stream/config.ts'
import type { TaskSnapshot } from '../task/task-snapshot.ts'
import type { JobAttempt } from './attempt.ts'
import type { CheckpointLocation, JobEvent, JobResult, OperatorFigures } from './job-handle.ts'
import { causeOf } from '../checkpoint/failure-cause.ts'
import type { RecordedInFlight } from './in-flight-recording.ts'
import type { JobStorage } from './job-storage.ts'

export interface JobMasterParts {
  readonly config: JobConfig
  readonly clock: Clock
  readonly random: Random
  readonly storage: JobStorage
  /** Of this run, in an earlier process; 0 if there was none. */
  readonly lastAttempt: Attempt
  /** Makes the tasks of an attempt, restored from `restoreFrom`. */
  readonly makeAttempt: (
    attempt: Attempt,
    restoreFrom: RestorePoint | undefined,
    poisonRecords: readonly PoisonRecord[],
    master: JobMaster,
  ) => Promise<JobAttempt>
  readonly emit: (event: JobEvent) => void
  /** The job is over and nothing of it goes on. */
  onEnd(): Promise<void>
}

/** Runs the coordinator of a job: gives it events one at a time, and does what it wants done. */
export class JobMaster {
  readonly result: Promise<JobResult>
  private readonly parts: JobMasterParts
  private state: CoordinatorState
  private current: JobAttempt | undefined
  private lastFigures: readonly OperatorFigures[] | undefined
  private readonly refusing = new Set<string>()
  private deploying: Promise<void> = Promise.resolve()
  private alarm: ScheduledCall | undefined
  private readonly queue: CoordinatorEvent[] = []
  private handling = false
  private requests = 0
  private readonly waiting = new Map<string, (outcome: RequestOutcome) => void>()
  /** Work on storage, one piece after the other. */
  private storageWork: Promise<void> = Promise.resolve()
  private settle!: (result: JobResult) => void
  private reject!: (cause: unknown) => void
  private crashed: { readonly cause: unknown } | undefined
  private lastNowMs = Number.NEGATIVE_INFINITY

  constructor(parts: JobMasterParts) {
    this.parts = parts
    const { checkpointing, restart, poisonRecords } = parts.config
    const { deadLetterAfter } = poisonRecords
    this.state = newCoordinator({ checkpointing, restart, deadLetterAfter })
    this.result = new Promise((resolve, reject) => {
      this.settle = resolve
      this.reject = reject
    })
    this.result.catch(() => {})
  }

  get coordinator(): CoordinatorState {
    return this.state
  }

  /** The counts of the attempt that runs, or ran last; undefined while one is being made. */
  get figures(): readonly OperatorFigures[] | undefined {
    return this.current?.figures ?? this.lastFigures
  }

  /** Uids of operators that had dead letters in an attempt that is over. */
  get operatorsWithDeadLetters(): ReadonlySet<string> {
    return this.refusing
  }

  /** Of this process. */
  get restarts(): number {
    return Math.max(0, this.state.attempt - this.parts.lastAttempt - 1)
  }

  request(make: (requestId: string) => CoordinatorEvent): Promise<CheckpointLocation> {
    const requestId = `request-${++this.requests}`
    return new Promise((resolve, reject) => {
      this.waiting.set(requestId, (outcome) => {
        if (outcome.type === 'completed') {
          const { checkpointId, location } = outcome.checkpoint
          resolve({ checkpointId, path: location })
        } else reject(new UserError(outcome.message))
      })
      if (this.crashed !== undefined) this.answerCrashed(this.crashed.cause)
      else this.post(make(requestId))
    })
  }

  post(event: CoordinatorEvent): void {
    if (this.crashed !== undefined) return
    this.queue.push(event)
    if (this.handling) return
    this.handling = true
    try {
      for (let next = this.queue.shift(); next !== undefined; next = this.queue.shift()) this.handle(next)
    } catch (cause) {
      this.crash(cause)
    } finally {
      this.handling = false
    }
  }

  /** Resolves when the state is durable, or is known not to be; what was under way may take longer to come together. */
  onSnapshot(
    attempt: Attempt,
    task: TaskId,
    snapshot: TaskSnapshot,
    inFlight: Promise<RecordedInFlight | undefined> | undefined,
  ): Promise<void> {
    const { storage } = this.parts
    const checkpointId = snapshot.checkpointId as CheckpointId
    const state = storage.persist(task, snapshot)
    if (inFlight === undefined) return this.acknowledge(attempt, checkpointId, task, state)
    const whole = inFlight.then(async (recorded) => {
      if (recorded === undefined) return undefined
      return storage.persistInFlight(task, checkpointId, state, recorded)
    })
    void this.acknowledge(attempt, checkpointId, task, whole)
    return state.then(
      () => undefined,
      () => undefined,
    )
  }

  /** Tells the coordinator what becomes of a task's part; undefined: nobody waits for it. */
  private acknowledge(
    attempt: Attempt,
    checkpointId: CheckpointId,
    task: TaskId,
    durable: Promise<TaskAck | undefined>,
  ): Promise<void> {
    return durable.then(
      (ack) => ack && this.post({ type: 'acknowledge', attempt, checkpointId, task, ack }),
      (cause: unknown) =>
        this.post({
          type: 'decline',
          attempt,
          checkpointId,
          task,
          reason: 'task-error',
          message: messageOf(cause),
        }),
    )
  }

  taskFailed(attempt: Attempt, task: TaskId, cause: unknown): void {
    const counts = this.state.settings.deadLetterAfter !== undefined
    const record = counts ? recordIdentityOf(cause) : undefined
    this.post({ type: 'task-failed', attempt, task, cause: causeOf(cause), record })
  }

  private handle(event: CoordinatorEvent): void {
    const { clock, random } = this.parts
    const before = this.state
    // The machine's clock may be set back.
    this.lastNowMs = Math.max(this.lastNowMs, clock.now())
    const step = coordinate(before, event, { nowMs: this.lastNowMs, random: () => random.next() })
    this.state = step.state
    if (event.type === 'stored' && step.outcome === 'accepted') this.announce(event.checkpointId)
    for (const notice of poisonNotices(before.poisonRecords, step.state.poisonRecords)) this.warn(notice)
    for (const command of step.commands) this.execute(command)
    if (!isTerminal(before.status) && isTerminal(step.state.status)) this.end()
  }

  private execute(command: CoordinatorCommand): void {
    const { clock, emit, storage } = this.parts
    const atMs = clock.now()
    switch (command.type) {
      case 'deploy':
        this.deploying = this.deploy(command)
        return
      case 'trigger': {
        const { checkpointId, kind, triggeredAtMs, stopSources, drain, isUnaligned } = command
        emit({ type: 'checkpoint-triggered', atMs, checkpointId, kind })
        if (isUnaligned) this.current?.overtake(checkpointId, triggeredAtMs)
        else this.current?.trigger(checkpointId, triggeredAtMs, { stopSources, drain })
        return
      }
      case 'overtake':
        this.current?.overtake(command.checkpointId, command.triggeredAtMs)
        return
      case 'store': {
        const { pending } = command
        const { checkpointId } = pending
        this.later(async () => {
          const answer = await storage.store(pending).then(
            (location): CoordinatorEvent => ({ type: 'stored', checkpointId, location }),
            (cause: unknown): CoordinatorEvent => ({
              type: 'store-failed',
              checkpointId,
              message: messageOf(cause),
            }),
          )
          this.post(answer)
        })
        return
      }
      case 'notify-complete':
        this.current?.notifyComplete(command.checkpointId)
        return
      case 'notify-aborted': {
        const { checkpointId, reason, message } = command
        emit({ type: 'checkpoint-failed', atMs, checkpointId, reason, message })
        this.current?.notifyAborted(checkpointId)
        return
      }
      case 'discard': {
        const { checkpointId } = command
        // When the job is over, all goes together, in an order that leaves nothing old to go on from.
        if (isTerminal(this.state.status)) return
        this.later(async () => {
          await storage.discard(checkpointId).catch((cause: unknown) => {
            this.warn(`Checkpoint ${checkpointId} was not removed: ${messageOf(cause)}`)
          })
        })
        return
      }
      case 'tear-down':
        void this.tearDown(command.attempt)
        return
      case 'finish-tasks':
        void this.finishTasks(command.attempt)
        return
      case 'wake-at':
        this.alarm?.cancel()
        this.alarm = clock.schedule(command.atMs, () => this.post({ type: 'tick' }))
        return
      case 'answer':
        this.waiting.get(command.requestId)?.(command.outcome)
        this.waiting.delete(command.requestId)
        return
      case 'status': {
        const { from, to, cause } = command
        emit({ type: 'status', atMs: command.atMs, from, to, cause })
        if (to === 'RESTARTING') this.emitRestarting(atMs)
      }
    }
  }

  /** A step that finds the delay over already has begun the next attempt too. */
  private emitRestarting(atMs: number): void {
    const { attempt, restartAtMs } = this.state
    const { emit } = this.parts
    if (restartAtMs === undefined) emit({ type: 'restarting', atMs, attempt, delayMs: 0 })
    else emit({ type: 'restarting', atMs, attempt: attempt + 1, delayMs: Math.max(0, restartAtMs - atMs) })
  }

  /** Whatever the job does meanwhile, and whether tasks are notified of it or not. */
  private announce(completedId: CheckpointId): void {
    const { completed, lastSavepoint } = this.state
    const done = [...completed, lastSavepoint].find((one) => one?.checkpointId === completedId)
    // Newer ones completed before it: it is to be removed already.
    if (done === undefined) return
    const { checkpointId, kind, location: path, figures } = done
    const atMs = this.parts.clock.now()
    this.parts.emit({ type: 'checkpoint-completed', atMs, checkpointId, kind, path, figures })
  }

  private async deploy({
    attempt,
    restoreFrom,
    poisonRecords,
  }: Extract<CoordinatorCommand, { type: 'deploy' }>): Promise<void> {
    const { clock, emit, makeAttempt } = this.parts
    this.lastFigures = undefined
    try {
      const made = await makeAttempt(attempt, restoreFrom, poisonRecords, this)
      this.current = made
      await made.start()
      emit({ type: 'deployed', atMs: clock.now(), attempt, restoredFrom: restoreFrom?.location })
      this.post({ type: 'deployed', attempt })
    } catch (cause) {
      this.post({ type: 'task-failed', attempt, task: undefined, cause: causeOf(cause) })
    }
  }

  private async tearDown(attempt: Attempt): Promise<void> {
    await this.deploying
    // A task that fails while the job finishes has the attempt torn down twice, and the next one may be there then.
    const ended = this.current?.number === attempt ? this.current : undefined
    const failure = await ended?.tearDown()
    if (failure !== undefined) this.warn(`Closing a task: ${messageOf(failure)}`)
    if (ended !== undefined && this.current === ended) {
      this.lastFigures = ended.figures
      for (const { uid, numDeadLetters } of ended.figures) if (numDeadLetters > 0) this.refusing.add(uid)
      this.current = undefined
    }
    this.post({ type: 'torn-down', attempt })
  }

  /** Everything that the last checkpoint commits is committed before the tasks are closed. */
  private async finishTasks(attempt: Attempt): Promise<void> {
    await this.current?.afterOrders()
    await this.tearDown(attempt)
  }

  /** Never older than what is committed. */
  private get newestPoint(): RestorePoint | undefined {
    const { completed, committedId, committedSavepoint, lastSavepoint, initialRestorePoint } = this.state
    const restored = lastSavepoint?.checkpointId === committedId ? lastSavepoint : undefined
    const known = [completed.at(-1), committedSavepoint, restored].filter((one) => one !== undefined)
    return known.toSorted((a, b) => a.checkpointId - b.checkpointId).at(-1) ?? initialRestorePoint
  }

  private later(work: () => Promise<void>): void {
    this.storageWork = this.storageWork.then(work).catch((cause: unknown) => this.crash(cause))
  }

  /** The job is over: what is still to be done on storage is done first. */
  private end(): void {
    this.alarm?.cancel()
    this.later(async () => {
      const { status, cause, completed } = this.state
      const kept = completed.map(({ checkpointId }) => checkpointId)
      const { retentionOnCancel } = this.parts.config.checkpointing
      const done = status === 'FINISHED' || (status === 'CANCELED' && retentionOnCancel === 'delete')
      await this.attempted('Cleaning up', () => this.parts.storage.close(kept, done))
      await this.attempted('Ending', () => this.parts.onEnd())
      const last = done ? undefined : this.newestPoint
      this.settle({
        status: status as JobResult['status'],
        cause: status === 'FAILED' ? cause : undefined,
        lastCheckpoint:
          last === undefined ? undefined : { checkpointId: last.checkpointId, path: last.location },
        restarts: this.restarts,
      })
    })
  }

  /** A defect: nothing can be said of the job any more but that it has to end. */
  private crash(cause: unknown): void {
    if (this.crashed !== undefined) return
    this.crashed = { cause }
    this.alarm?.cancel()
    this.answerCrashed(cause)
    const end = async (): Promise<void> => {
      await this.deploying
      await this.current?.tearDown()
      await this.attempted('Ending', () => this.parts.onEnd())
    }
    void end().finally(() => this.reject(cause))
  }

  /** Nobody else will answer those who wait. */
  private answerCrashed(cause: unknown): void {
    for (const answer of this.waiting.values()) answer({ type: 'refused', message: messageOf(cause) })
    this.waiting.clear()
  }

  private async attempted(doing: string, action: () => Promise<void>): Promise<void> {
    try {
      await action()
    } catch (cause) {
      this.warn(`${doing}: ${messageOf(cause)}`)
    }
  }

  private warn(message: string): void {
    this.parts.emit({ type: 'warning', atMs: this.parts.clock.now(), message })
  }
}
