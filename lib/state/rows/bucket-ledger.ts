/** Which buckets of one state of one key are stored, and which must be written. Buckets have consecutive numbers. */
export class BucketLedger {
  /** Buckets changed since they were last written; all of them exist. */
  readonly dirty: Set<number> = new Set()
  /** Buckets storedFirst … storedEnd - 1 were written out. */
  storedFirst = 0
  storedEnd = 0
}

/** A value too large for its row, spread over buckets `first` … `end - 1`. */
export interface Spread {
  readonly first: number
  readonly end: number
  /** What a bucket holds, for the codec. */
  encodeBucket(bucket: number): unknown
  /** When the last of what a bucket holds expires. */
  bucketExpiresAtMs(bucket: number): number
  /** Puts restored buckets in place: `load` returns what `encodeBucket` did, or undefined. */
  restoreBuckets(load: (bucket: number) => unknown): void
  /** Lets go of all buckets, none of which is dirty; they load again when they are needed. */
  unload(): void
}
