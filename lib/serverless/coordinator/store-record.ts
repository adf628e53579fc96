import { assembleRecord } from '../../checkpoint/assemble-record.ts'
import type { CheckpointRecord } from '../../checkpoint/checkpoint-record.ts'
import { checkpointLocation, metadataName } from '../../checkpoint/checkpoint-paths.ts'
import type { CoordinatorState, PendingCheckpoint } from '../../checkpoint/coordinator-state.ts'
import { encodeMetadata } from '../../checkpoint/metadata-codec.ts'
import { assert, UserError } from '../../model/faults.ts'
import type { BlobStore } from '../../ports/blob-store.ts'
import { StaleView } from '../actor/behaviour.ts'
import { sha256 } from '../../node/sha256.ts'
import type { JobRuntime } from '../runtime.ts'
import { savepointDirectory } from '../savepoint-place.ts'
import type { RunImage } from './image.ts'
import { locationOf, nameOf } from './restore-source.ts'

/**
 * Makes a checkpoint or savepoint that has all its acknowledgements durable; resolves to its location. Done again, it finds
 * the very same there, and that is as good. Undefined: there is more to copy, and it is to be done again.
 * @throws UserError if a savepoint's target is taken.
 */
export async function storeRecord(
  pending: PendingCheckpoint,
  { tasks }: Pick<CoordinatorState, 'tasks'>,
  run: RunImage,
  runtime: JobRuntime,
  remainingMs: () => number,
): Promise<string | undefined> {
  const { plan, blobs } = runtime
  const address = { jobName: plan.jobName, runId: run.runId }
  const context = { ...address, planFingerprint: run.shape.fingerprint, tasks }
  const record = assembleRecord(pending, context)
  if (pending.kind === 'checkpoint') {
    const directory = checkpointLocation(address, pending.checkpointId)
    const isThere = await put(blobs, directory, record)
    assert(isThere, `checkpoint ids are never reused, but ${locationOf(blobs, directory)} is there already`)
    return locationOf(blobs, directory)
  }
  const copied = savepointDirectory(address, pending.checkpointId)
  const savepoint = withRelativeNames(record, copied)
  const directory = pending.target === undefined ? copied : nameOf(blobs, pending.target)
  const location = locationOf(blobs, directory)
  if (directory !== copied) {
    // Before anything is put beside what is there.
    const found = await blobs.get(metadataName(directory))
    if (found !== undefined) return isSame(found, savepoint) ? location : taken(location)
    if (!(await move(blobs, savepoint, copied, directory, remainingMs))) return undefined
  }
  return (await put(blobs, directory, savepoint)) ? location : taken(location)
}

function taken(location: string): never {
  throw new UserError(`${location}: expected a free place for a savepoint, found another one there`)
}

/**
 * False if something else is there.
 * @throws StaleView if the coordinator has moved on.
 */
async function put(blobs: BlobStore, directory: string, record: CheckpointRecord): Promise<boolean> {
  const name = metadataName(directory)
  if ((await blobs.putIfAbsent(name, encodeMetadata(record, sha256))) === 'stored') return true
  const found = await blobs.get(name)
  // It was there a moment ago: whoever is ahead has stored it, and removed it since.
  if (found === undefined) throw new StaleView(`${locationOf(blobs, name)} was removed`)
  return isSame(found, record)
}

function isSame(found: Uint8Array, record: CheckpointRecord): boolean {
  return sha256(found) === sha256(encodeMetadata(record, sha256))
}

function withRelativeNames(record: CheckpointRecord, directory: string): CheckpointRecord {
  const prefix = `${directory}/`
  const relative = (blob: string): string => (blob.startsWith(prefix) ? blob.slice(prefix.length) : blob)
  const operators = record.operators.map((operator) => ({
    ...operator,
    segments: operator.segments.map((handle) => ({ ...handle, blob: relative(handle.blob) })),
  }))
  return { ...record, operators }
}

/** Copies what tasks wrote to where the user wants it; what is there is not copied again. False: time is up. */
async function move(
  blobs: BlobStore,
  record: CheckpointRecord,
  from: string,
  to: string,
  remainingMs: () => number,
): Promise<boolean> {
  const names = new Set(record.operators.flatMap(({ segments }) => segments.map(({ blob }) => blob)))
  const there = new Set(await blobs.list(`${to}/`))
  let copied = 0
  for (const name of names) {
    if (there.has(`${to}/${name}`)) continue
    if (copied > 0 && remainingMs() <= 0) return false
    const bytes = await blobs.get(`${from}/${name}`)
    if (bytes === undefined)
      throw new UserError(`${locationOf(blobs, `${from}/${name}`)}: a segment is missing`)
    await blobs.putIfAbsent(`${to}/${name}`, bytes)
    copied++
  }
  return true
}
