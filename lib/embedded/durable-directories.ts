import { dirname, sep } from 'node:path'
import type { DiskFiles } from './disk-files.ts'

/**
 * Makes directories whose names outlive a power cut: a name is in the parent directory, which has to be flushed too.
 * One that was there before is not taken on trust: who made it may have crashed before flushing.
 */
export class DurableDirectories {
  readonly #files: DiskFiles
  readonly #root: string
  /** Those whose names are durable, as are their parents', down from the root. */
  readonly #durable = new Set<string>()
  #making: Promise<void> = Promise.resolve()

  /** Names below `root`, its own and those above it are looked after. */
  constructor(root: string, files: DiskFiles) {
    this.#root = root
    this.#files = files
  }

  /** One at a time: another must not find a directory there whose name is not yet durable. */
  make(directory: string): Promise<void> {
    const made = this.#making.then(() => this.#make(directory))
    this.#making = made.catch(() => undefined)
    return made
  }

  removed(directory: string): void {
    this.#durable.delete(directory)
  }

  async #make(directory: string): Promise<void> {
    const topmost = await this.#files.makeDirectory(directory)
    if (topmost !== undefined) this.#forget(topmost)
    const flushed: string[] = []
    for (
      let current = directory;
      current !== dirname(current) && !this.#durable.has(current);
      current = dirname(current)
    ) {
      const isOurs = current.length >= Math.min(this.#root.length, topmost?.length ?? this.#root.length)
      await this.#files.syncDirectory(dirname(current)).catch((cause: unknown) => {
        // Far above, where we may not even look.
        if (isOurs) throw cause
      })
      flushed.push(current)
    }
    for (const one of flushed) this.#durable.add(one)
  }

  /** Somebody removed it, and what was in it. */
  #forget(topmost: string): void {
    for (const one of this.#durable)
      if (one === topmost || one.startsWith(topmost + sep)) this.#durable.delete(one)
  }
}
