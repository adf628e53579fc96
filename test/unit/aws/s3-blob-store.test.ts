import { describe, expect, it } from 'vitest'
import { S3BlobStore } from '../../../lib/aws/s3-blob-store.ts'
import type { S3Requests } from '../../../lib/aws/services.ts'
import { BlobStoreError } from '../../../lib/ports/blob-store.ts'
import { blobStoreContract } from '../../contract/blob-store.ts'
import { FakeS3 } from './fake-s3.ts'
import { quickRetrying, sdkError } from './fakes.ts'

/** Of one bucket. */
const fakeS3 = (): S3Requests => new FakeS3().requests()

function storeOn(s3: S3Requests, prefix = 'jobs/one/'): S3BlobStore {
  return new S3BlobStore(s3, quickRetrying().retrying, { bucket: () => 'bucket', prefix })
}

blobStoreContract('S3BlobStore on a fake bucket', () => Promise.resolve(storeOn(fakeS3())))

/** The first puts are answered so; the objects are kept all the same where `isDone`. */
function answering(causes: readonly Error[], isDone = false): S3Requests {
  const real = fakeS3()
  const left = [...causes]
  return {
    ...real,
    putObject: async (input) => {
      const cause = left.shift()
      if (cause === undefined) return real.putObject(input)
      if (isDone) await real.putObject(input)
      throw cause
    },
  }
}

const bytes = Uint8Array.of(1)
const DAY_MS = 24 * 3_600_000

describe('S3BlobStore', () => {
  it('keeps stores of different prefixes apart in one bucket', async () => {
    const s3 = new FakeS3()
    const [one, two] = [storeOn(s3.requests()), storeOn(s3.requests(), '')]
    await one.putIfAbsent('a', bytes)
    expect([...s3.objects.keys()]).toEqual(['jobs/one/a'])
    expect(await two.list('')).toEqual(['jobs/one/a'])
    expect(await one.list('')).toEqual(['a'])
    expect([one.location, two.location]).toEqual(['s3://bucket/jobs/one', 's3://bucket'])
  })

  it('orders names by code units, where S3 orders them by bytes', async () => {
    const store = storeOn(fakeS3())
    for (const name of ['\uffff', '😀', 'a']) await store.putIfAbsent(name, bytes)
    expect(await store.list('')).toEqual(['a', '😀', '\uffff'])
  })

  it('takes 412 for a name that is taken, also where an emulator gives no more than the status', async () => {
    for (const cause of [sdkError('PreconditionFailed', 412), sdkError('Error', 412)])
      expect(await storeOn(answering([cause])).putIfAbsent('a', bytes)).toBe('exists')
  })

  it('tries again after a conflict of writers, a slow-down and trouble of S3', async () => {
    const causes = [
      sdkError('ConditionalRequestConflict', 409),
      sdkError('SlowDown', 503),
      sdkError('InternalError', 500),
    ]
    expect(await storeOn(answering(causes)).putIfAbsent('a', bytes)).toBe('stored')
  })

  it('finds its own object there, where the answer was lost', async () => {
    const lost = Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' })
    const store = storeOn(answering([lost], true))
    expect(await store.putIfAbsent('a', bytes)).toBe('exists')
    expect(await store.get('a')).toEqual(bytes)
  })

  it('reads again an object whose transfer broke off', async () => {
    const real = fakeS3()
    let isBroken = false
    const s3 = {
      ...real,
      getObject: async (input: Parameters<S3Requests['getObject']>[0]) => {
        const answer = await real.getObject(input)
        if (isBroken) return answer
        isBroken = true
        const broken = Object.assign(new Error('aborted'), { code: 'ECONNRESET' })
        return { ...answer, Body: { transformToByteArray: () => Promise.reject(broken) } }
      },
    } as unknown as S3Requests
    const store = storeOn(s3)
    await store.putIfAbsent('a', bytes)
    expect(await store.get('a')).toEqual(bytes)
  })

  it('names action and object where it is not allowed, and the bucket where there is none', async () => {
    const denied = sdkError('AccessDenied', 403)
    const outcome = storeOn(answering([denied])).putIfAbsent('a/b', bytes)
    await expect(outcome).rejects.toThrow(
      'Expected to be allowed s3:PutObject on s3://bucket/jobs/one/a/b; grant it to the role',
    )
    await expect(outcome).rejects.toBeInstanceOf(BlobStoreError)
    const missing = sdkError('NoSuchBucket', 404)
    await expect(storeOn(answering([missing])).putIfAbsent('a', bytes)).rejects.toThrow(
      'Expected s3://bucket/jobs/one/a to exist in this account and region',
    )
  })

  it.each([
    [-DAY_MS, 'millrace-days=2'],
    [0, 'millrace-days=2'],
    [DAY_MS, 'millrace-days=2'],
    [DAY_MS + 1, 'millrace-days=4'],
    [90 * DAY_MS, 'millrace-days=128'],
    [4095 * DAY_MS, 'millrace-days=4096'],
    [4095 * DAY_MS + 1, undefined],
    [Infinity, undefined],
    [undefined, undefined],
  ])(
    'has what is needed for %s ms removed a day later, or after some more: %s',
    async (lifetimeMs, tagging) => {
      const s3 = new FakeS3()
      await storeOn(s3.requests()).putIfAbsent('a', bytes, lifetimeMs)
      expect(s3.objects.get('jobs/one/a')!.tagging).toBe(tagging)
    },
  )

  it('names the permission to tag as well, where that may be what it lacks', async () => {
    const denied = sdkError('AccessDenied', 403)
    await expect(storeOn(answering([denied])).putIfAbsent('a', bytes, DAY_MS)).rejects.toThrow(
      'Expected to be allowed s3:PutObject and s3:PutObjectTagging on s3://bucket/jobs/one/a; grant it',
    )
  })

  it('refuses a name that is longer than S3 takes', async () => {
    const name = 'é'.repeat(510)
    await expect(storeOn(fakeS3()).putIfAbsent(name, bytes)).rejects.toThrow('at most 1024 bytes')
    expect(await storeOn(fakeS3(), '').putIfAbsent(name, bytes)).toBe('stored')
  })
})
