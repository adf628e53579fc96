/**
 * Named, immutable byte objects: checkpoints, savepoints and what they refer to. Names are `/`-separated
 * relative paths. A directory on disk, a map in memory, or a bucket.
 */
export interface BlobStore {
  /** What to call this store in messages: a directory path, `memory`, or `s3://bucket/prefix`. */
  readonly location: string
  /**
   * Stores the whole of `bytes` under `name`: when it resolves they are durable; a reader sees all of them or
   * nothing, also after a crash at any moment. Resolves to `exists`, changing nothing, if the name is taken.
   * Rejects with a {@link BlobStoreError} when the store cannot be written.
   *
   * Nobody needs the object when `lifetimeMs` milliseconds have gone by: a store that can may remove it by itself after that,
   * never before. Default: Infinity. Whoever puts the same name again needs it no longer than whoever was first.
   */
  putIfAbsent(name: string, bytes: Uint8Array, lifetimeMs?: number): Promise<'stored' | 'exists'>
  /** The whole object, or undefined if there is none. */
  get(name: string): Promise<Uint8Array | undefined>
  /** Removes the object; does nothing if there is none. */
  delete(name: string): Promise<void>
  /** The names that start with `prefix`, in ascending order of code units. */
  list(prefix: string): Promise<string[]>
}

/** The store could not do what it was asked to: unwritable, full, out of reach. */
export class BlobStoreError extends Error {
  override readonly name: string = 'BlobStoreError'
}
