import { dirname, join } from 'node:path'
import { UserError } from '../model/faults.ts'
import { blobStoreError, hasCode, type DiskFiles } from './disk-files.ts'
import { DurableDirectories } from './durable-directories.ts'
import { temporaryName } from './temporary-names.ts'

const LOCK_NAME = 'lock'
/** Another process may remove an empty directory just after it was made here; then it is made again. */
const DIRECTORY_TRIES_MAX = 3

/** The locks of this process, by the files they are on. */
const held = new WeakMap<DiskFiles, Set<string>>()

/**
 * Takes the run in `directory` for this process; resolves to what gives it back. A lock whose process is gone is
 * taken over.
 * @throws UserError if it is taken, by another live process or in this one: two would overwrite each other's
 * checkpoints.
 */
export async function lockRun(directory: string, files: DiskFiles): Promise<() => Promise<void>> {
  const path = join(directory, LOCK_NAME)
  const own = held.get(files) ?? new Set()
  held.set(files, own)
  if (own.has(path)) throw taken(directory, 'a job of this process')
  own.add(path)
  try {
    await acquire(path, files)
  } catch (cause) {
    own.delete(path)
    throw cause instanceof UserError ? cause : blobStoreError('lock', directory, cause)
  }
  return async () => {
    await release(directory, path, files)
    own.delete(path)
  }
}

async function acquire(path: string, files: DiskFiles): Promise<void> {
  const directories = new DurableDirectories(dirname(dirname(dirname(path))), files)
  for (let tries = 1; ; tries++) {
    try {
      while (!(await claim(path, files, directories))) await takeOver(path, files)
      return
    } catch (cause) {
      if (!hasCode(cause, 'ENOENT') || tries >= DIRECTORY_TRIES_MAX) throw cause
    }
  }
}

/** The lock has its owner written in it from the first: one without would look like one whose owner is gone. */
async function claim(path: string, files: DiskFiles, directories: DurableDirectories): Promise<boolean> {
  const temporary = join(dirname(path), temporaryName())
  try {
    await write(temporary, files, directories)
    await files.link(temporary, path)
    return true
  } catch (cause) {
    if (hasCode(cause, 'EEXIST')) return false
    if (!hasCode(cause, 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK')) throw cause
    // A file system without hard links.
    if (await files.exists(path)) return false
    await files.rename(temporary, path)
    return true
  } finally {
    await files.unlink(temporary).catch(() => undefined)
  }
}

async function write(path: string, files: DiskFiles, directories: DurableDirectories): Promise<void> {
  // Checkpoints come to lie in the same directory.
  await directories.make(dirname(path))
  const file = await files.create(path)
  try {
    const bytes = new TextEncoder().encode(String(process.pid))
    for (let written = 0; written < bytes.length;) written += await file.write(bytes.subarray(written))
  } finally {
    await file.close()
  }
}

/** Takes away the lock of a process that is gone. @throws UserError if it is not. */
async function takeOver(path: string, files: DiskFiles): Promise<void> {
  const owner = await read(path, files)
  if (owner === undefined) return
  const pid = Number(owner)
  if (pid !== process.pid && isAlive(pid)) {
    throw taken(dirname(path), `process ${pid}`, `; if it is not a Millrace job, remove ${path}`)
  }
  const aside = join(dirname(path), temporaryName())
  try {
    await files.rename(path, aside)
  } catch (cause) {
    if (hasCode(cause, 'ENOENT')) return
    throw cause
  }
  try {
    // Another process may have been quicker: what was taken away then is its lock.
    if ((await read(aside, files)) !== owner) await files.link(aside, path).catch(() => undefined)
  } finally {
    await files.unlink(aside).catch(() => undefined)
  }
}

async function read(path: string, files: DiskFiles): Promise<string | undefined> {
  try {
    return new TextDecoder().decode(await files.read(path))
  } catch (cause) {
    if (hasCode(cause, 'ENOENT')) return undefined
    throw cause
  }
}

/** A run that left nothing to go on from leaves no directory behind. */
async function release(directory: string, path: string, files: DiskFiles): Promise<void> {
  await files.unlink(path).catch(() => undefined)
  for (const { name, isDirectory } of await files.entries(directory).catch(() => []))
    if (isDirectory) await files.removeEmptyDirectory(join(directory, name)).catch(() => undefined)
  for (const empty of [directory, dirname(directory)])
    await files.removeEmptyDirectory(empty).catch(() => undefined)
}

function taken(directory: string, by: string, more = ''): UserError {
  return new UserError(
    `${directory}: expected a run that nobody else goes on with, but ${by} does. Stop that first${more}`,
  )
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (cause) {
    return hasCode(cause, 'EPERM')
  }
}
