import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { blobStoreContract } from '../../contract/blob-store.ts'
import { bucketWorld, type BucketWorld } from './bucket.ts'

let world: BucketWorld

beforeAll(async () => {
  world = await bucketWorld()
})

afterAll(() => world.stop())

blobStoreContract('S3BlobStore on the emulator at MILLRACE_TEST_ENDPOINT', () =>
  Promise.resolve(world.newStore()),
)

describe('S3BlobStore', () => {
  it('lists more objects than one answer of S3 holds, and only those of its prefix', async () => {
    const store = world.newStore()
    const other = world.newStore()
    const names = Array.from({ length: 1_003 }, (_, index) => `many/${String(index).padStart(4, '0')}`)
    await other.putIfAbsent('many/other', Uint8Array.of(1))
    for (let at = 0; at < names.length; at += 50)
      await Promise.all(names.slice(at, at + 50).map((name) => store.putIfAbsent(name, Uint8Array.of(1))))
    expect(await store.list('many/')).toEqual(names)
    await Promise.all(names.slice(0, 500).map((name) => store.delete(name)))
    expect(await store.list('')).toEqual(names.slice(500))
    for (const name of names.slice(500)) await store.delete(name)
  })

  it('tags what is needed for some time with the days after which a rule removes it, and nothing else', async () => {
    const store = world.newStore()
    expect(await store.putIfAbsent('brief', Uint8Array.of(1), 3_600_000)).toBe('stored')
    expect(await store.putIfAbsent('brief', Uint8Array.of(1), 1)).toBe('exists')
    await store.putIfAbsent('lasting', Uint8Array.of(1))
    const tags = async (name: string) => {
      const Key = `${store.location.slice(`s3://${world.bucket}/`.length)}/${name}`
      return (await world.admin.getObjectTagging({ Bucket: world.bucket, Key })).TagSet
    }
    expect(await tags('brief')).toEqual([{ Key: 'millrace-days', Value: '2' }])
    expect(await tags('lasting')).toEqual([])
  })
})
