import type { BlobStore } from '../ports/blob-store.ts'
import { assertBlobName } from '../ports/blob-names.ts'

/** Blobs that live as long as this object: for tests, and for jobs whose checkpoints need not outlive the process. */
export class MemoryBlobStore implements BlobStore {
  readonly location: string
  readonly #blobs = new Map<string, Uint8Array>()

  constructor(location: string = 'memory') {
    this.location = location
  }

  putIfAbsent(name: string, bytes: Uint8Array): Promise<'stored' | 'exists'> {
    assertBlobName(name)
    if (this.#blobs.has(name)) return Promise.resolve('exists')
    // The caller may use its buffer again.
    this.#blobs.set(name, bytes.slice())
    return Promise.resolve('stored')
  }

  get(name: string): Promise<Uint8Array | undefined> {
    assertBlobName(name)
    return Promise.resolve(this.#blobs.get(name)?.slice())
  }

  delete(name: string): Promise<void> {
    assertBlobName(name)
    this.#blobs.delete(name)
    return Promise.resolve()
  }

  list(prefix: string): Promise<string[]> {
    // The default order is that of code units.
    return Promise.resolve([...this.#blobs.keys()].filter((name) => name.startsWith(prefix)).toSorted())
  }
}
