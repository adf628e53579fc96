import { dirname, join, resolve } from 'node:path'
import type { BlobStore } from '../ports/blob-store.ts'
import { assertBlobName, TEMPORARY_PREFIX } from '../ports/blob-names.ts'
import { blobStoreError, hasCode, nodeFiles, type DiskFiles } from './disk-files.ts'
import { DurableDirectories } from './durable-directories.ts'
import { isAbandoned, temporaryName } from './temporary-names.ts'

/** Another process may clean a directory up while this one writes into it; then it writes again. */
const PUT_TRIES_MAX = 3

/**
 * Blobs as files below a directory. A blob gets its name only once its bytes are on the disk: it is written under a
 * temporary name and flushed, then linked (which fails if the name is taken), and the directory flushed.
 */
export class DiskBlobStore implements BlobStore {
  readonly location: string
  readonly #files: DiskFiles
  /** Names being renamed into place; see #claim. */
  readonly #claiming = new Set<string>()
  readonly #directories: DurableDirectories

  private constructor(location: string, files: DiskFiles) {
    this.location = location
    this.#files = files
    this.#directories = new DurableDirectories(location, files)
  }

  /**
   * The store in `directory`, which is made at the first write.
   * Rejects with a BlobStoreError if `directory` is there and cannot be read.
   */
  static async open(directory: string, files: DiskFiles = nodeFiles): Promise<DiskBlobStore> {
    const store = new DiskBlobStore(resolve(directory), files)
    await store.#entries('')
    return store
  }

  async putIfAbsent(name: string, bytes: Uint8Array): Promise<'stored' | 'exists'> {
    assertBlobName(name)
    const path = join(this.location, name)
    for (let tries = 1; ; tries++) {
      try {
        if (await this.#files.exists(path)) {
          // Whoever wrote it may have failed before its name was durable.
          await this.#files.syncDirectory(dirname(path))
          return 'exists'
        }
        await this.#directories.make(dirname(path))
        return await this.#put(path, bytes)
      } catch (cause) {
        if (hasCode(cause, 'ENOENT') && tries < PUT_TRIES_MAX) continue
        await this.#removeEmptyParents(dirname(path))
        throw blobStoreError('write', path, cause)
      }
    }
  }

  async get(name: string): Promise<Uint8Array | undefined> {
    assertBlobName(name)
    const path = join(this.location, name)
    try {
      return await this.#files.read(path)
    } catch (cause) {
      if (hasCode(cause, 'ENOENT', 'ENOTDIR', 'EISDIR')) return undefined
      throw blobStoreError('read', path, cause)
    }
  }

  async delete(name: string): Promise<void> {
    assertBlobName(name)
    const path = join(this.location, name)
    try {
      await this.#files.unlink(path).catch((cause: unknown) => {
        if (!hasCode(cause, 'ENOENT')) throw cause
      })
      // A record must not come back after a power cut when the segments it names are gone.
      await this.#files.syncDirectory(dirname(path))
    } catch (cause) {
      if (hasCode(cause, 'ENOENT', 'ENOTDIR')) return
      throw blobStoreError('delete', path, cause)
    }
    await this.#removeEmptyParents(dirname(path))
  }

  /** Also removes what a crashed process left half-written, where it comes by. */
  async list(prefix: string): Promise<string[]> {
    const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1)
    const names: string[] = []
    await this.#walk(folder, names)
    return names.filter((name) => name.startsWith(prefix)).toSorted()
  }

  async #put(path: string, bytes: Uint8Array): Promise<'stored' | 'exists'> {
    const directory = dirname(path)
    const temporary = join(directory, temporaryName())
    try {
      await this.#writeThrough(temporary, bytes)
      const outcome = await this.#claim(temporary, path)
      await this.#files.syncDirectory(directory)
      return outcome
    } finally {
      await this.#files.unlink(temporary).catch(() => undefined)
    }
  }

  /** The bytes are on the disk when this resolves. */
  async #writeThrough(path: string, bytes: Uint8Array): Promise<void> {
    const file = await this.#files.create(path)
    try {
      for (let written = 0; written < bytes.length;) {
        const count = await file.write(bytes.subarray(written))
        if (count === 0) throw new Error('the file took no more bytes')
        written += count
      }
      await file.sync()
    } finally {
      await file.close()
    }
  }

  /** Gives the finished file its name, if nobody has it. */
  async #claim(temporary: string, path: string): Promise<'stored' | 'exists'> {
    try {
      await this.#files.link(temporary, path)
      return 'stored'
    } catch (cause) {
      if (hasCode(cause, 'EEXIST')) return 'exists'
      if (!hasCode(cause, 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK')) throw cause
    }
    // A file system without hard links: a rename cannot refuse, so writers of this store take turns. Other processes
    // do not write the same names: runs have directories of their own, and shared names follow from the content.
    if (this.#claiming.has(path)) return 'exists'
    this.#claiming.add(path)
    try {
      if (await this.#files.exists(path)) return 'exists'
      await this.#files.rename(temporary, path)
      return 'stored'
    } finally {
      this.#claiming.delete(path)
    }
  }

  /** Best effort: a directory that somebody is writing into stays. */
  async #removeEmptyParents(directory: string): Promise<void> {
    for (let current = directory; current.length > this.location.length; current = dirname(current)) {
      try {
        await this.#files.removeEmptyDirectory(current)
        this.#directories.removed(current)
      } catch {
        return
      }
    }
  }

  async #walk(folder: string, names: string[]): Promise<void> {
    for (const { name, isDirectory } of await this.#entries(folder)) {
      if (isDirectory) await this.#walk(`${folder}${name}/`, names)
      else if (!name.startsWith(TEMPORARY_PREFIX)) names.push(folder + name)
      else if (isAbandoned(name))
        await this.#files.unlink(join(this.location, folder, name)).catch(() => undefined)
    }
  }

  async #entries(folder: string): Promise<Awaited<ReturnType<DiskFiles['entries']>>> {
    const path = join(this.location, folder)
    try {
      return await this.#files.entries(path)
    } catch (cause) {
      if (hasCode(cause, 'ENOENT') || (hasCode(cause, 'ENOTDIR') && folder !== '')) return []
      throw blobStoreError('list', path, cause)
    }
  }
}
