import { setImmediate as immediate } from 'node:timers/promises'
import type { DiskFiles, WritableFile } from '../../lib/embedded/disk-files.ts'
import type { Random } from '../../lib/ports/random.ts'
import type { Faults } from './faults.ts'

class File {
  bytes = new Uint8Array()
  /** What a power cut leaves of it. */
  durable = new Uint8Array()
}

class Directory {
  readonly entries = new Map<string, File | Directory>()
  /** The names that a power cut leaves. */
  durable = new Map<string, File | Directory>()
}

type Crash = 'kill' | 'power cut'

/**
 * A disk in memory, which takes its time, fails when `faults` say so, and knows what of it outlives a crash: all of
 * it where the process was killed, what was flushed where the power was cut.
 */
export class MemoryFiles implements DiskFiles {
  readonly #root: Directory
  readonly #random: Random
  readonly #faults: Faults
  #dead = false

  constructor(random: Random, faults: Faults, root: Directory = new Directory()) {
    this.#random = random
    this.#faults = faults
    this.#root = root
  }

  /** What the next process finds. This one has nothing more to say to the disk. */
  crash(how: Crash): MemoryFiles {
    this.#dead = true
    const files = new Map<File, File>()
    return new MemoryFiles(this.#random, this.#faults, survivor(this.#root, how, files))
  }

  /** Every file's path; nothing takes time or fails. */
  get paths(): string[] {
    const found: string[] = []
    const walk = (directory: Directory, path: string): void => {
      for (const [name, entry] of directory.entries) {
        if (entry instanceof Directory) walk(entry, `${path}/${name}`)
        else found.push(`${path}/${name}`)
      }
    }
    walk(this.#root, '')
    return found.toSorted()
  }

  /** The same disk without delays or faults, for checkers. */
  get quiet(): MemoryFiles {
    return new MemoryFiles({ next: () => 1 }, { at() {} }, this.#root)
  }

  async exists(path: string): Promise<boolean> {
    await this.#pause()
    return this.#find(path) !== undefined
  }

  async makeDirectory(path: string): Promise<string | undefined> {
    await this.#pause()
    this.#faults.at('disk.mkdir')
    let topmost: string | undefined
    let current = this.#root
    let at = ''
    for (const name of partsOf(path)) {
      at += `/${name}`
      let next = current.entries.get(name)
      if (next instanceof File) throw failure('ENOTDIR', at)
      if (next === undefined) {
        next = new Directory()
        current.entries.set(name, next)
        topmost ??= at
      }
      current = next
    }
    return topmost
  }

  async create(path: string): Promise<WritableFile> {
    await this.#pause()
    this.#faults.at('disk.create')
    const { directory, name } = this.#parent(path)
    if (directory.entries.has(name)) throw failure('EEXIST', path)
    const file = new File()
    directory.entries.set(name, file)
    return {
      write: async (bytes) => {
        await this.#pause()
        this.#faults.at('disk.write')
        const count = this.#random.next() < 0.1 ? Math.ceil(bytes.length / 2) : bytes.length
        file.bytes = Uint8Array.from([...file.bytes, ...bytes.subarray(0, count)])
        return count
      },
      sync: async () => {
        await this.#pause()
        this.#faults.at('disk.sync')
        file.durable = file.bytes
      },
      close: () => this.#pause(),
    }
  }

  async link(from: string, to: string): Promise<void> {
    await this.#pause()
    this.#faults.at('disk.link')
    const file = this.#find(from)
    if (file === undefined) throw failure('ENOENT', from)
    const { directory, name } = this.#parent(to)
    if (directory.entries.has(name)) throw failure('EEXIST', to)
    directory.entries.set(name, file)
    await this.#pause()
    this.#faults.at('disk.linked')
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#pause()
    const source = this.#parent(from)
    const file = source.directory.entries.get(source.name)
    if (file === undefined) throw failure('ENOENT', from)
    const target = this.#parent(to)
    source.directory.entries.delete(source.name)
    target.directory.entries.set(target.name, file)
  }

  async read(path: string): Promise<Uint8Array> {
    await this.#pause()
    this.#faults.at('disk.read')
    const file = this.#find(path)
    if (file === undefined) throw failure('ENOENT', path)
    if (file instanceof Directory) throw failure('EISDIR', path)
    return file.bytes.slice()
  }

  async unlink(path: string): Promise<void> {
    await this.#pause()
    this.#faults.at('disk.unlink')
    const { directory, name } = this.#parent(path)
    if (!(directory.entries.get(name) instanceof File)) throw failure('ENOENT', path)
    directory.entries.delete(name)
  }

  async removeEmptyDirectory(path: string): Promise<void> {
    await this.#pause()
    const { directory, name } = this.#parent(path)
    const entry = directory.entries.get(name)
    if (!(entry instanceof Directory)) throw failure('ENOENT', path)
    if (entry.entries.size > 0) throw failure('ENOTEMPTY', path)
    directory.entries.delete(name)
  }

  async entries(path: string): Promise<{ name: string; isDirectory: boolean }[]> {
    await this.#pause()
    this.#faults.at('disk.entries')
    const directory = this.#find(path)
    if (directory === undefined) throw failure('ENOENT', path)
    if (directory instanceof File) throw failure('ENOTDIR', path)
    return [...directory.entries].map(([name, entry]) => ({ name, isDirectory: entry instanceof Directory }))
  }

  async syncDirectory(path: string): Promise<void> {
    await this.#pause()
    this.#faults.at('disk.syncDirectory')
    const directory = this.#find(path)
    if (!(directory instanceof Directory)) throw failure('ENOENT', path)
    directory.durable = new Map(directory.entries)
  }

  async #pause(): Promise<void> {
    if (this.#dead) throw failure('EIO', 'a disk whose process is dead')
    while (this.#random.next() < 0.2) await immediate()
    if (this.#dead) throw failure('EIO', 'a disk whose process is dead')
  }

  #find(path: string): File | Directory | undefined {
    let current: File | Directory | undefined = this.#root
    for (const name of partsOf(path)) {
      if (current instanceof File) throw failure('ENOTDIR', path)
      current = current?.entries.get(name)
    }
    return current
  }

  #parent(path: string): { directory: Directory; name: string } {
    const cut = path.lastIndexOf('/')
    const directory = this.#find(path.slice(0, cut))
    if (directory === undefined) throw failure('ENOENT', path)
    if (directory instanceof File) throw failure('ENOTDIR', path)
    return { directory, name: path.slice(cut + 1) }
  }
}

function survivor(directory: Directory, how: Crash, files: Map<File, File>): Directory {
  const left = new Directory()
  for (const [name, entry] of how === 'kill' ? directory.entries : directory.durable) {
    if (entry instanceof Directory) {
      left.entries.set(name, survivor(entry, how, files))
      continue
    }
    const file = files.get(entry) ?? new File()
    files.set(entry, file)
    file.bytes = how === 'kill' ? entry.bytes : entry.durable
    file.durable = how === 'kill' ? entry.durable : file.bytes
    // Processes of the simulation are one: the next must see that it was another who wrote this.
    left.entries.set(name.replace(/^(\.tmp-\d+)-[^-]+/, '$1-dead'), file)
  }
  left.durable = new Map(left.entries)
  return left
}

function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '')
}

function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code })
}
