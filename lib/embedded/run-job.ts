import { join, sep } from 'node:path'
import { runDirectory } from '../checkpoint/checkpoint-paths.ts'
import { needsFinalCommit, tasksOf } from '../checkpoint/coordinated-tasks.ts'
import { CheckpointStorage } from '../checkpoint/checkpoint-storage.ts'
import { deadLetterFile } from '../connectors/dead-letter-file.ts'
import { ingestSourcesOf } from '../connectors/ingest/ingest-sources.ts'
import { messageOf } from '../model/faults.ts'
import { buildStreamGraph } from '../graph/build-stream-graph.ts'
import { planWithDeadLetters } from '../graph/dead-letters.ts'
import type { JobPlan } from '../graph/plan.ts'
import type { Clock } from '../ports/clock.ts'
import type { Random } from '../ports/random.ts'
import { compileConfig } from '../stream/compile-config.ts'
import type { JobConfig } from '../stream/config.ts'
import type { JobDefinition } from '../stream/job.ts'
import { JobAttempt, type AttemptRestore } from './attempt.ts'
import { readConfigFile } from './config-file.ts'
import { deadLetterNotices, deadLettersDirectoryOf } from './dead-letters.ts'
import { EventLog } from './event-log.ts'
import { CheckpointOffsets } from './ingest/checkpoint-offsets.ts'
import { EmbeddedIngest } from './ingest/embedded-ingest.ts'
import type { JobHandle } from './job-handle.ts'
import { JobMaster } from './job-master.ts'
import { collectMetrics } from './job-metrics.ts'
import { JobStorage } from './job-storage.ts'
import type { RunOptions } from './options.ts'
import { sha256 } from '../node/sha256.ts'
import { openStart, type StartPoint } from './start-point.ts'
import { stateBackends } from './state-backends.ts'
import { systemClock } from '../node/system-clock.ts'
import { machine, type World } from './world.ts'

/**
 * Runs a job in this process. Resolves once it is being started, to a handle on it.
 * @throws UserError with all that is wrong with its settings, its graph, or the checkpoint it is to begin from:
 * then nothing was started and nothing was written.
 */
export function runJob(definition: JobDefinition, options: RunOptions = {}): Promise<JobHandle> {
  return runJobIn(machine, definition, options)
}

/** As {@link runJob}, on other files than the machine's. */
export async function runJobIn(
  world: World,
  definition: JobDefinition,
  options: RunOptions = {},
): Promise<JobHandle> {
  const clock = options.clock ?? systemClock
  const random = options.random ?? { next: () => Math.random() }
  const config = await configOf(definition, options)
  const plan = planOf(definition, config)
  const start = await openStart({ from: options.from, plan, config, clock, random, files: world.files })
  const events = new EventLog()
  const readers: Readers = { wake: () => {} }
  let ingest: EmbeddedIngest | undefined
  try {
    ingest = await EmbeddedIngest.open({
      plan,
      directory: config.ingestDirectory,
      files: world.files,
      clock,
      random,
      onAppended: (uid) => readers.wake(uid),
      emit: (event) => events.emit(event),
    })
    return await begin({ world, options, clock, random, config, plan, start, events, ingest, readers })
  } catch (cause) {
    await ingest?.close()
    await start.release()
    throw cause
  }
}

interface Beginning {
  readonly world: World
  readonly options: RunOptions
  readonly clock: Clock
  readonly random: Random
  readonly config: JobConfig
  readonly plan: JobPlan
  readonly start: StartPoint
  readonly events: EventLog
  readonly ingest: EmbeddedIngest | undefined
  readonly readers: Readers
}

/** The sources of the attempt that runs. */
interface Readers {
  /** There is more for a source to read. */
  wake: (sourceUid: string) => void
}

async function begin(parts: Beginning): Promise<JobHandle> {
  const { world, options, clock, random, config, plan, start, events, ingest, readers } = parts
  const run = { jobName: plan.jobName, runId: start.runId }
  const tasks = tasksOf(plan)
  const offsets = new CheckpointOffsets(ingestSourcesOf(plan).map(({ uid }) => uid))
  const warn = (message: string): void => events.emit({ type: 'warning', atMs: clock.now(), message })
  const storage = new JobStorage({
    plan,
    runId: start.runId,
    tasks,
    checkpoints: new CheckpointStorage(start.blobs, sha256),
    attempts: start.attempts,
    isOwn: (location) => location.startsWith(join(start.blobs.location, runDirectory(run), sep)),
    open: start.open,
    savepointDirectory: config.checkpointing.savepointDirectory,
    random,
    files: world.files,
    clock,
    allowNonRestoredState: options.allowNonRestoredState ?? false,
    onWarning: warn,
  })
  // What cannot be restored is refused here, before the job starts, and not by a failing job.
  let prepared: AttemptRestore | undefined = await storage.beginAttempt(start.restoreFrom)
  for (const { checkpointId, segments } of start.retained) storage.adopt(checkpointId, segments)
  const backends = await stateBackends(config.stateBackend, start.runId, plan)
  const master = new JobMaster({
    config,
    clock,
    random,
    storage,
    lastAttempt: start.lastAttempt,
    emit: (event) => {
      events.emit(event)
      const oldest = event.type === 'checkpoint-completed' ? master.coordinator.completed[0] : undefined
      if (oldest === undefined) return
      for (const { uid, partition, position } of offsets.retainedFrom(oldest.checkpointId))
        void ingest?.truncate(uid, partition, position)
    },
    onEnd: async () => {
      for (const notice of deadLetterNotices(master.operatorsWithDeadLetters, plan, config)) warn(notice)
      await ingest?.close()
      await start.release()
    },
    makeAttempt: async (attempt, restoreFrom, poisonRecords, own) => {
      await storage.rememberAttempt(attempt, restoreFrom)
      if (attempt === start.lastAttempt + 1) {
        await start.removeDeadRuns().catch((cause: unknown) => {
          warn(`What earlier runs left was not removed: ${messageOf(cause)}`)
        })
      }
      const restore = prepared ?? (await storage.beginAttempt(restoreFrom))
      prepared = undefined
      const made = new JobAttempt({
        plan,
        config,
        runId: start.runId,
        attempt,
        poisonRecords,
        clock,
        uptimeMs: world.uptimeMs,
        stateBackends: backends,
        outside: options.outside,
        ingest,
        restore,
        listener: {
          onSnapshot: (task, snapshot, inFlight) => {
            offsets.note(snapshot)
            return own.onSnapshot(attempt, task, snapshot, inFlight)
          },
          onInputEnded: (task) => own.post({ type: 'input-ended', attempt, task }),
          onTaskFailed: (task, cause) => own.taskFailed(attempt, task, cause),
          onWarning: warn,
        },
      })
      readers.wake = (uid) => made.wakeSource(uid)
      return made
    },
  })
  master.post({
    type: 'start',
    tasks,
    needsFinalCommit: needsFinalCommit(plan),
    restoreFrom: start.restoreFrom,
    lastAttempt: start.lastAttempt,
    nextCheckpointId: start.nextCheckpointId,
    retained: start.retained.map(({ checkpoint }) => checkpoint),
  })
  return handleOf(plan, start.runId, master, events)
}

/** The settings of a job as `options` leave them. @throws UserError with every problem. */
export async function configOf(definition: JobDefinition, options: RunOptions): Promise<JobConfig> {
  const file = options.configFile === undefined ? undefined : await readConfigFile(options.configFile)
  const overrides: Record<string, unknown> = { ...options.set }
  if (options.parallelism !== undefined) overrides['parallelism.default'] = options.parallelism
  return compileConfig({ code: definition.options, overrides, ...(file === undefined ? {} : { file }) })
}

/** The plan of a job; dead letters that no stream takes go to files. @throws UserError with every problem of the graph. */
export function planOf(definition: JobDefinition, config: JobConfig): JobPlan {
  return planWithDeadLetters(buildStreamGraph(definition), config, (uid) =>
    deadLetterFile(deadLettersDirectoryOf(config, uid)),
  )
}

function handleOf(plan: JobPlan, runId: string, master: JobMaster, events: EventLog): JobHandle {
  return {
    jobName: plan.jobName,
    runId,
    result: master.result,
    get status() {
      return master.coordinator.status
    },
    onEvent: (listener) => events.listen(listener),
    metrics: () => collectMetrics(plan, master),
    triggerCheckpoint: () => master.request((requestId) => ({ type: 'trigger-checkpoint', requestId })),
    triggerSavepoint: (directory) =>
      master.request((requestId) => ({ type: 'trigger-savepoint', requestId, target: directory })),
    stop: (options = {}) =>
      master.request((requestId) => ({
        type: 'stop',
        requestId,
        target: options.directory,
        drain: options.drain ?? false,
      })),
    suspend: () => {
      master.post({ type: 'suspend' })
      return master.result
    },
    cancel: () => {
      master.post({ type: 'cancel' })
      return master.result
    },
  }
}
