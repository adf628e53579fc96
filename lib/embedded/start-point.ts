import { join, resolve } from 'node:path'
import { stretchesOf, type Stretch } from '../checkpoint/checkpoint-record.ts'
import { checkpointLocation, runDirectory, type RunAddress } from '../checkpoint/checkpoint-paths.ts'
import { AttemptLog, type RunBase } from '../checkpoint/attempt-log.ts'
import { CheckpointStorage } from '../checkpoint/checkpoint-storage.ts'
import type { CompletedCheckpoint, RestorePoint } from '../checkpoint/coordinator-state.ts'
import type { JobPlan } from '../graph/plan.ts'
import { UserError } from '../model/faults.ts'
import { asAttempt, asCheckpointId, asRunId, type Attempt, type CheckpointId } from '../model/ids.ts'
import type { BlobStore } from '../ports/blob-store.ts'
import type { Clock } from '../ports/clock.ts'
import type { Random } from '../ports/random.ts'
import type { JobConfig } from '../stream/config.ts'
import { removeDeadRuns } from './dead-runs.ts'
import { DiskBlobStore } from './disk-blob-store.ts'
import type { DiskFiles } from './disk-files.ts'
import { MemoryBlobStore } from './memory-blob-store.ts'
import { openCheckpoint, openInMemory, type OpenedCheckpoint } from './open-checkpoint.ts'
import { lockRun } from './run-lock.ts'
import { sha256 } from '../node/sha256.ts'

/** Where a run begins, and where its checkpoints go. */
export interface StartPoint {
  readonly runId: string
  readonly blobs: BlobStore
  readonly attempts: AttemptLog
  readonly restoreFrom: RestorePoint | undefined
  /** Of this run, in an earlier process. */
  readonly lastAttempt: Attempt
  readonly nextCheckpointId: CheckpointId
  /** Checkpoints that this run, going on with an earlier one, takes over. */
  readonly retained: readonly {
    readonly checkpointId: CheckpointId
    readonly checkpoint: CompletedCheckpoint
    readonly segments: readonly Stretch[]
  }[]
  readonly open: (location: string) => Promise<OpenedCheckpoint>
  /** Removes what dead runs of the job left that nobody needs now that this one is there. */
  removeDeadRuns(): Promise<void>
  /** Lets another process go on with this run. */
  release(): Promise<void>
}

export interface StartParts {
  readonly from: string | undefined
  readonly plan: JobPlan
  readonly config: JobConfig
  readonly clock: Clock
  readonly random: Random
  readonly files: DiskFiles
}

/** Checkpoints are kept in memory if the state backend says so, or if none are taken but the one that commits at the end. */
export async function openStart(parts: StartParts): Promise<StartPoint> {
  const { plan, config, files } = parts
  const inMemory = config.stateBackend.type === 'memory' || config.checkpointing.intervalMs === undefined
  const blobs = inMemory
    ? new MemoryBlobStore()
    : await DiskBlobStore.open(config.checkpointing.directory, files)
  const storage = new CheckpointStorage(blobs, sha256)
  const attempts = new AttemptLog(blobs)
  const open = (location: string): Promise<OpenedCheckpoint> =>
    location.startsWith(`${blobs.location}/`) && inMemory
      ? openInMemory(location, blobs)
      : openCheckpoint(location, files)
  const opened = await openFrom(parts)
  const own = opened !== undefined && !inMemory ? ownRun(opened, blobs.location, plan.jobName) : undefined
  const runId = own ?? newRunId(parts)
  const run: RunAddress = { jobName: plan.jobName, runId }
  const release = inMemory ? async () => {} : await lockRun(join(blobs.location, runDirectory(run)), files)
  try {
    if (own !== undefined) await storage.sweep(run)
    const kept =
      own === undefined
        ? []
        : (await storage.list(plan.jobName)).filter(({ record }) => record.runId === runId)
    const last = await attempts.last(run)
    return {
      runId,
      blobs,
      attempts,
      open,
      release,
      removeDeadRuns: async () => {
        const { jobName } = plan
        const goesOn = opened !== undefined
        if (!inMemory) await removeDeadRuns({ blobs, files, jobName, successor: runId, goesOn })
      },
      restoreFrom:
        opened === undefined
          ? undefined
          : { checkpointId: opened.record.checkpointId, kind: opened.record.kind, location: opened.path },
      lastAttempt: asAttempt(Math.max(last.attempt, ...kept.map(({ record }) => record.attempt))),
      nextCheckpointId: await nextId(
        storage,
        run,
        Math.max(opened?.record.checkpointId ?? 0, last.checkpointId),
      ),
      retained: kept.map(({ location, record }) => ({
        checkpointId: record.checkpointId,
        segments: stretchesOf(record),
        checkpoint: {
          checkpointId: record.checkpointId,
          kind: record.kind,
          location: storage.pathOf(location),
          attempt: asAttempt(record.attempt),
          purpose: 'periodic',
          triggeredAtMs: record.triggeredAtMs,
          completedAtMs: record.completedAtMs,
          figures: { alignmentMs: 0, durationMs: 0, bytes: 0, fullBytes: 0, records: 0 },
        },
      })),
    }
  } catch (cause) {
    await release()
    throw cause
  }
}

async function openFrom({ from, plan, config, files }: StartParts): Promise<OpenedCheckpoint | undefined> {
  if (from === undefined) return undefined
  if (from !== 'latest') return openCheckpoint(from, files)
  const { directory } = config.checkpointing
  const blobs = await DiskBlobStore.open(directory, files)
  const latest = await new CheckpointStorage(blobs, sha256).latest(plan.jobName)
  const base = await latestBase(blobs, plan.jobName)
  if (base !== undefined && (latest === undefined || latest.record.completedAtMs <= base.atMs)) {
    return openBase(base, files)
  }
  if (latest === undefined) {
    throw new UserError(
      `--from latest: expected a completed checkpoint of job '${plan.jobName}' in ${resolve(directory)}, found none. ` +
        'Leave --from out to begin from nothing',
    )
  }
  return openCheckpoint(join(blobs.location, latest.location), files)
}

/**
 * The newest of what runs of the job went on from without completing a checkpoint after it. An older checkpoint would
 * not do in its place: what came after that is committed.
 */
async function latestBase(blobs: BlobStore, jobName: string): Promise<RunBase | undefined> {
  const records = await new CheckpointStorage(blobs, sha256).list(jobName)
  const bases = await new AttemptLog(blobs).bases(jobName)
  return bases
    .filter(({ runId, checkpointId }) => {
      return !records.some(({ record }) => record.runId === runId && record.checkpointId > checkpointId)
    })
    .toSorted((a, b) => a.atMs - b.atMs)
    .at(-1)
}

async function openBase({ location }: RunBase, files: DiskFiles): Promise<OpenedCheckpoint> {
  try {
    return await openCheckpoint(location, files)
  } catch (cause) {
    if (!(cause instanceof UserError)) throw cause
    throw new UserError([
      `--from latest: the job last went on from ${location}, which cannot be used any more. To begin from an older ` +
        'checkpoint all the same, which may give again what it gave already, name its path',
      ...cause.problems,
    ])
  }
}

/** The run that a checkpoint belongs to, where this job can go on with that run. */
function ownRun({ record, path }: OpenedCheckpoint, root: string, jobName: string): string | undefined {
  const mine = record.kind === 'checkpoint' && record.jobName === jobName
  return mine && path === join(root, checkpointLocation(record, record.checkpointId))
    ? record.runId
    : undefined
}

/** Ids go on from what the run begins from, and are never used again within a run. */
async function nextId(storage: CheckpointStorage, run: RunAddress, usedId: number): Promise<CheckpointId> {
  return asCheckpointId(Math.max(await storage.nextCheckpointId(run), usedId + 1))
}

/** Sorts by time of start; unlike that of any other run. */
function newRunId({ clock, random }: StartParts): string {
  const part = Math.floor(random.next() * 36 ** 4)
    .toString(36)
    .padStart(4, '0')
  return asRunId(`${clock.now().toString(36)}-${part}`)
}
