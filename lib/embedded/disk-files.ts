import { access, link, mkdir, open, readdir, readFile, rename, rmdir, stat, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { BlobStoreError } from '../ports/blob-store.ts'

/** The part of the file system that a disk store uses; a test puts a failing one in its place. */
export interface DiskFiles {
  exists(path: string): Promise<boolean>
  /** Creates directories as needed; gives the topmost one that it created. */
  makeDirectory(path: string): Promise<string | undefined>
  /** A file that must not be there yet. */
  create(path: string): Promise<WritableFile>
  /** A second name for a file; fails with EEXIST if the name is taken. */
  link(from: string, to: string): Promise<void>
  rename(from: string, to: string): Promise<void>
  read(path: string): Promise<Uint8Array>
  unlink(path: string): Promise<void>
  removeEmptyDirectory(path: string): Promise<void>
  entries(path: string): Promise<readonly { readonly name: string; readonly isDirectory: boolean }[]>
  /** Makes names in the directory durable. */
  syncDirectory(path: string): Promise<void>
}

export interface WritableFile {
  /** Resolves to how many bytes it took: perhaps fewer than it was given. */
  write(bytes: Uint8Array): Promise<number>
  sync(): Promise<void>
  close(): Promise<void>
}

export const nodeFiles: DiskFiles = {
  exists: (path) =>
    access(path).then(
      () => true,
      () => false,
    ),
  makeDirectory,
  async create(path) {
    const handle = await open(path, 'wx')
    return {
      write: async (bytes) => (await handle.write(bytes)).bytesWritten,
      sync: () => handle.sync(),
      close: () => handle.close(),
    }
  },
  link,
  rename,
  read: (path) => readFile(path),
  unlink,
  removeEmptyDirectory: rmdir,
  async entries(path) {
    const found = await readdir(path, { withFileTypes: true })
    return found.map((entry) => ({ name: entry.name, isDirectory: entry.isDirectory() }))
  },
  async syncDirectory(path) {
    const handle = await open(path, 'r')
    try {
      await handle.sync()
    } catch (cause) {
      // Windows cannot flush a directory, and needs not to.
      if (!hasCode(cause, 'EPERM', 'EINVAL', 'EISDIR')) throw cause
    } finally {
      await handle.close()
    }
  },
}

/**
 * As mkdir with `recursive`, which never comes back where a directory exists and none can be made in it, such as
 * below /proc.
 */
async function makeDirectory(path: string): Promise<string | undefined> {
  const make = async (): Promise<string | undefined> => {
    try {
      await mkdir(path)
      return path
    } catch (cause) {
      if (!hasCode(cause, 'EEXIST') || !(await stat(path)).isDirectory()) throw cause
      return undefined
    }
  }
  try {
    return await make()
  } catch (cause) {
    if (!hasCode(cause, 'ENOENT') || dirname(path) === path) throw cause
    const topmost = await makeDirectory(dirname(path))
    const made = await make()
    return topmost ?? made
  }
}

export function hasCode(cause: unknown, ...codes: readonly string[]): boolean {
  return cause instanceof Error && 'code' in cause && codes.includes(String(cause.code))
}

const MEANINGS: Readonly<Record<string, string>> = {
  ENOSPC: 'disk full: free some space, or choose a directory on another disk',
  EDQUOT: 'disk quota exceeded: free some space, or choose a directory on another disk',
  EACCES: 'not permitted: expected a directory that this user may read and write',
  EPERM: 'not permitted: expected a directory that this user may read and write',
  EROFS: 'read-only file system: expected a writable directory',
  ENOTDIR: 'a part of the path is a file: expected a directory',
  EEXIST: 'a file is in the way: expected a directory',
  ENOENT: 'nothing can be made there: expected a directory that this user may write',
  EMFILE: 'too many open files: raise the limit (ulimit -n)',
  ENFILE: 'too many open files in the whole system',
  EIO: 'the disk reported an input/output error',
  ENAMETOOLONG: 'the path is too long',
}

/** `cause` in words that say what to do. */
export function blobStoreError(action: string, path: string, cause: unknown): BlobStoreError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : undefined
  const meaning =
    (code === undefined ? undefined : MEANINGS[code]) ??
    (cause instanceof Error ? cause.message : String(cause))
  return new BlobStoreError(`Cannot ${action} ${path}: ${meaning}${code === undefined ? '' : ` (${code})`}`, {
    cause,
  })
}
