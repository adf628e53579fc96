import { assertBlobName } from '../ports/blob-names.ts'
import { messageOf } from '../model/faults.ts'
import { BlobStoreError, type BlobStore } from '../ports/blob-store.ts'
import { isConditionFailure, nameOf, type AwsRequest } from './aws-fault.ts'
import { AWS_LIMITS } from './limits.ts'
import { lifetimeTagOf } from './object-lifetimes.ts'
import type { Retrying } from './retry.ts'
import type { S3Requests } from './services.ts'

export interface S3Place {
  /** Asked when the bucket is used; may throw. */
  readonly bucket: () => string
  /** Begins the names of all objects: `''`, or text that ends with `/`. */
  readonly prefix: string
}

/** Blobs as objects of a bucket whose names begin with one prefix. */
export class S3BlobStore implements BlobStore {
  readonly #s3: S3Requests
  readonly #retrying: Retrying
  readonly #bucketOf: () => string
  readonly #prefix: string

  constructor(s3: S3Requests, retrying: Retrying, { bucket, prefix }: S3Place) {
    this.#s3 = s3
    this.#retrying = retrying
    this.#bucketOf = bucket
    this.#prefix = prefix
  }

  get location(): string {
    return `s3://${this.#bucket}/${this.#prefix}`.replace(/\/$/, '')
  }

  async putIfAbsent(
    name: string,
    bytes: Uint8Array,
    lifetimeMs: number = Infinity,
  ): Promise<'stored' | 'exists'> {
    const Key = this.#key(name)
    const tag = lifetimeTagOf(lifetimeMs)
    const action = tag === undefined ? 'PutObject' : 'PutObject and s3:PutObjectTagging'
    return this.#run(action, name, async () => {
      try {
        await this.#s3.putObject({
          Bucket: this.#bucket,
          Key,
          Body: bytes,
          // Keeps out every later writer of the name, also the repeat of this request. Of writers at the same time some
          // are answered by a conflict, which is tried again.
          IfNoneMatch: '*',
          ...(tag !== undefined && { Tagging: tag }),
        })
        return 'stored'
      } catch (cause) {
        if (isConditionFailure(cause)) return 'exists'
        throw cause
      }
    })
  }

  async get(name: string): Promise<Uint8Array | undefined> {
    const Key = this.#key(name)
    return this.#run('GetObject', name, async () => {
      try {
        const { Body } = await this.#s3.getObject({ Bucket: this.#bucket, Key })
        return (await Body?.transformToByteArray()) ?? new Uint8Array()
      } catch (cause) {
        if (nameOf(cause) === 'NoSuchKey') return undefined
        throw cause
      }
    })
  }

  async delete(name: string): Promise<void> {
    const Key = this.#key(name)
    await this.#run('DeleteObject', name, () => this.#s3.deleteObject({ Bucket: this.#bucket, Key }))
  }

  async list(prefix: string): Promise<string[]> {
    const names: string[] = []
    for (let token: string | undefined; ;) {
      const page = await this.#run('ListBucket', prefix, () =>
        this.#s3.listObjectsV2({
          Bucket: this.#bucket,
          Prefix: this.#prefix + prefix,
          MaxKeys: AWS_LIMITS.s3ListKeys,
          ...(token !== undefined && { ContinuationToken: token }),
        }),
      )
      for (const { Key } of page.Contents ?? [])
        if (Key !== undefined) names.push(Key.slice(this.#prefix.length))
      if (page.IsTruncated !== true) break
      token = page.NextContinuationToken
    }
    // S3 orders by bytes of UTF-8, which is another order where there are surrogate pairs.
    return names.toSorted()
  }

  get #bucket(): string {
    return this.#bucketOf()
  }

  #key(name: string): string {
    assertBlobName(name)
    const key = this.#prefix + name
    if (Buffer.byteLength(key) > AWS_LIMITS.s3KeyBytes) {
      throw new BlobStoreError(
        `Expected the name of an object to have at most ${AWS_LIMITS.s3KeyBytes} bytes, got ${JSON.stringify(key)}`,
      )
    }
    return key
  }

  async #run<T>(operation: string, name: string, send: () => Promise<T>): Promise<T> {
    const request: AwsRequest = {
      action: `s3:${operation}`,
      resource: `s3://${this.#bucket}/${this.#prefix}${name}`,
    }
    try {
      return await this.#retrying.run(request, send)
    } catch (cause) {
      throw new BlobStoreError(messageOf(cause), { cause })
    }
  }
}
