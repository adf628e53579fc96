import { LIFETIME_TAG } from '../../../lib/aws/object-lifetimes.ts'
import type { S3Requests } from '../../../lib/aws/services.ts'
import { ANSWER, sdkError } from './fakes.ts'

const DAY_MS = 24 * 3_600_000
const PAGE_NAMES = 3

interface Put {
  readonly Key: string
  readonly Body: Uint8Array
  readonly IfNoneMatch?: string
  readonly Tagging?: string
}

interface FakeObject {
  readonly bytes: Uint8Array
  readonly tagging: string | undefined
  readonly atMs: number
}

/** As S3 orders names. */
const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))

/** As much of S3 as Millrace uses: one bucket, listed in pages of three, with the lifecycle rules of a job's bucket. */
export class FakeS3 {
  readonly objects = new Map<string, FakeObject>()
  readonly #now: () => number

  constructor(now: () => number = () => 0) {
    this.#now = now
  }

  /** Removes what was tagged for fewer days than have gone by since. */
  expire(): void {
    for (const [key, { tagging, atMs }] of this.objects) {
      const days = new URLSearchParams(tagging).get(LIFETIME_TAG)
      if (days !== null && this.#now() >= atMs + Number(days) * DAY_MS) this.objects.delete(key)
    }
  }

  requests(): S3Requests {
    const { objects } = this
    const fake = {
      putObject: async ({ Key, Body, IfNoneMatch, Tagging }: Put) => {
        await Promise.resolve()
        if (IfNoneMatch === '*' && objects.has(Key)) throw sdkError('PreconditionFailed', 412)
        objects.set(Key, { bytes: Body.slice(), tagging: Tagging, atMs: this.#now() })
        return ANSWER
      },
      getObject: async ({ Key }: { Key: string }) => {
        await Promise.resolve()
        const bytes = objects.get(Key)?.bytes
        if (bytes === undefined) throw sdkError('NoSuchKey', 404)
        return { ...ANSWER, Body: { transformToByteArray: () => Promise.resolve(bytes.slice()) } }
      },
      deleteObject: async ({ Key }: { Key: string }) => {
        await Promise.resolve()
        objects.delete(Key)
        return ANSWER
      },
      listObjectsV2: async ({
        Prefix,
        ContinuationToken,
      }: {
        Prefix: string
        ContinuationToken?: string
      }) => {
        await Promise.resolve()
        const keys = [...objects.keys()]
          .filter((key) => key.startsWith(Prefix) && byBytes(key, ContinuationToken ?? '') > 0)
          .toSorted(byBytes)
        const page = keys.slice(0, PAGE_NAMES)
        const more = keys.length > page.length
        return {
          ...ANSWER,
          Contents: page.map((Key) => ({ Key })),
          IsTruncated: more,
          ...(more && { NextContinuationToken: page.at(-1) }),
        }
      },
    }
    return fake as unknown as S3Requests
  }
}
