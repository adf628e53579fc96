import { describe, expect, it } from 'vitest'
import { DynamoRowStore } from '../../../lib/aws/dynamo-row-store.ts'
import { DynamoTable } from '../../../lib/aws/dynamo-table.ts'
import { S3BlobStore } from '../../../lib/aws/s3-blob-store.ts'
import { MemoryBlobStore } from '../../../lib/embedded/memory-blob-store.ts'
import type { BlobStore } from '../../../lib/ports/blob-store.ts'
import type { RowPartition, RowStore, RowWrite } from '../../../lib/ports/row-store.ts'
import { ManualClock } from '../../../lib/testing/index.ts'
import { rowStoreContract } from '../../contract/row-store.ts'
import { rowWrite, shown } from '../../contract/row-store.support.ts'
import { FakeDynamo, type FakeDynamoOptions } from './fake-dynamo.ts'
import { FakeS3 } from './fake-s3.ts'
import { quickRetrying, sdkError } from './fakes.ts'

const NOW_MS = 1_700_000_000_123
const LARGE = new Uint8Array(400_000).fill(1)
const PARTITION: RowPartition = { namespace: 'n', operatorUid: 'uid', keyGroup: 1 }

function storeOn(
  dynamo: FakeDynamo,
  blobs: BlobStore = new MemoryBlobStore(),
  clock = new ManualClock(NOW_MS),
) {
  const table = new DynamoTable(dynamo.requests(), quickRetrying().retrying, () => 'table')
  return new DynamoRowStore(table, blobs, clock)
}

const bucketStore = (bucket: FakeS3): BlobStore =>
  new S3BlobStore(bucket.requests(), quickRetrying().retrying, { bucket: () => 'bucket', prefix: '' })

const SUBJECTS: readonly (readonly [string, FakeDynamoOptions])[] = [
  ['many items a page', { pageItems: 40, batchItems: 30 }],
  ['an item a page', { pageItems: 1, batchItems: 1 }],
]

for (const [name, options] of SUBJECTS)
  rowStoreContract(`DynamoRowStore on a fake table with ${name}`, () => {
    const dynamo = new FakeDynamo(options)
    const clock = new ManualClock(NOW_MS)
    const bucket = new FakeS3(() => clock.now())
    return Promise.resolve({
      rows: storeOn(dynamo, bucketStore(bucket), clock),
      nowMs: () => clock.now(),
      expireAt: (atMs: number) => {
        clock.advanceTo(atMs)
        dynamo.expire(atMs)
        bucket.expire()
        return Promise.resolve()
      },
    })
  })

const write = (position: number, payload: Uint8Array | string | undefined, eventMs?: number): RowWrite =>
  rowWrite(PARTITION, 'key', position, payload, { timers: { eventMs } })

const entries = async (rows: RowStore) => (await rows.timers(PARTITION, 'event', Infinity, 10)).timers

/** Whoever gets an object from there gets it late: another version of its row has been written meanwhile. */
function overtaken(blobs: BlobStore, rows: DynamoRowStore): BlobStore {
  let overtake: Promise<unknown> | undefined
  return {
    location: 'slow',
    putIfAbsent: (name, bytes) => blobs.putIfAbsent(name, bytes),
    list: (prefix) => blobs.list(prefix),
    delete: (name) => blobs.delete(name),
    get: async (name) => {
      overtake ??= rows.write([write(2, LARGE.slice(1))])
      await overtake
      return blobs.get(name)
    },
  }
}

describe('DynamoRowStore and the index of timers', () => {
  it('removes the entry of a timer that a row has no more', async () => {
    const rows = storeOn(new FakeDynamo())
    await rows.write([write(1, 'a', 10)])
    await rows.write([write(2, 'b', 20)])
    expect(await entries(rows)).toEqual([{ timeMs: 20, rowKey: 'key', position: 2 }])
    await rows.write([write(3, 'c')])
    expect(await entries(rows)).toEqual([])
    await rows.write([write(4, 'd', 30)])
    await rows.write([write(5, undefined)])
    expect(await entries(rows)).toEqual([])
  })

  it.each(['before', 'after'] as const)(
    'lacks no timer of a row, when the writer dies %s whichever request',
    async (when) => {
      let requestsLeft = Infinity
      const dynamo = new FakeDynamo({
        around: (at) => {
          if (at === when && requestsLeft-- <= 0)
            throw sdkError('ValidationException', 400, 'the process died')
        },
      })
      let deaths = 0
      for (;;) {
        dynamo.items.clear()
        const rows = storeOn(dynamo)
        await rows.write([write(1, 'a', 10)])
        requestsLeft = deaths
        const outcome = await rows.write([write(2, 'b', 20)]).then(
          () => 'through',
          () => 'dead',
        )
        requestsLeft = Infinity
        const [row] = await rows.get([{ partition: PARTITION, rowKey: 'key' }])
        const earliestMs = shown(row) === 'a@1' ? 10 : 20
        expect((await entries(rows)).map(({ timeMs }) => timeMs)).toContain(earliestMs)
        // Whoever does it again ends where nobody died, but for an entry too many.
        await rows.write([write(2, 'b', 20)])
        expect(shown((await rows.get([{ partition: PARTITION, rowKey: 'key' }]))[0])).toBe('b@2')
        expect(await entries(rows)).toContainEqual({ timeMs: 20, rowKey: 'key', position: 2 })
        if (outcome === 'through') break
        deaths++
      }
      // The entry, the row, the old entry.
      expect(deaths).toBe(3)
    },
  )
})

describe('DynamoRowStore and large payloads', () => {
  it('keeps one object for a row, and none for a small or a removed one', async () => {
    const blobs = new MemoryBlobStore()
    const rows = storeOn(new FakeDynamo(), blobs)
    await rows.write([write(1, LARGE)])
    const [first] = await blobs.list('')
    expect(first).toMatch(/^rows\/[0-9a-f]{32}\/[0-9a-f]{32}\/0{15}1-[0-9a-f]{64}$/)
    await rows.write([write(2, LARGE)])
    expect(await blobs.list('')).toHaveLength(1)
    expect(await blobs.list('')).not.toContain(first)
    await rows.write([write(3, 'small')])
    expect(await blobs.list('')).toEqual([])
    await rows.write([write(4, LARGE)])
    await rows.write([write(5, undefined)])
    expect(await blobs.list('')).toEqual([])
  })

  it('removes what a zombie put, and not what the same write put before', async () => {
    const blobs = new MemoryBlobStore()
    const rows = storeOn(new FakeDynamo(), blobs)
    await rows.write([write(2, LARGE)])
    const kept = await blobs.list('')
    expect(await rows.write([write(1, LARGE.slice(1)), write(2, LARGE)])).toEqual({ written: 0, stale: 2 })
    expect(await blobs.list('')).toEqual(kept)
  })

  it('removes with the next large write what crashed writers left', async () => {
    const blobs = new MemoryBlobStore()
    const rows = storeOn(new FakeDynamo(), blobs)
    await rows.write([write(1, LARGE)])
    const dead = new FakeDynamo({
      around: () => {
        throw sdkError('ValidationException', 400)
      },
    })
    await expect(storeOn(dead, blobs).write([write(2, LARGE)])).rejects.toThrow('PutItem')
    expect(await blobs.list('')).toHaveLength(2)
    await rows.write([write(3, LARGE)])
    expect(await blobs.list('')).toHaveLength(1)
  })

  it('removes with the first large write of a key what a crashed writer left before', async () => {
    const blobs = new MemoryBlobStore()
    const dead = new FakeDynamo({
      around: () => {
        throw sdkError('ValidationException', 400)
      },
    })
    await expect(storeOn(dead, blobs).write([write(1, LARGE)])).rejects.toThrow('PutItem')
    const [left] = await blobs.list('')
    await storeOn(new FakeDynamo(), blobs).write([write(2, LARGE)])
    expect(await blobs.list('')).toHaveLength(1)
    expect(await blobs.list('')).not.toContain(left)
  })

  it('reads a row again whose object went while it was read', async () => {
    const dynamo = new FakeDynamo()
    const blobs = new MemoryBlobStore()
    await storeOn(dynamo, blobs).write([write(1, LARGE)])
    const slow = overtaken(blobs, storeOn(dynamo, blobs))
    const [row] = await storeOn(dynamo, slow).get([{ partition: PARTITION, rowKey: 'key' }])
    expect([row!.position, row!.payload.length]).toEqual([2, 399_999])
  })

  it('says which object is missing, where a row still names it', async () => {
    const blobs = new MemoryBlobStore()
    const rows = storeOn(new FakeDynamo(), blobs)
    await rows.write([write(1, LARGE)])
    const [name] = await blobs.list('')
    await blobs.delete(name!)
    await expect(rows.get([{ partition: PARTITION, rowKey: 'key' }])).rejects.toThrow(
      `Expected object ${name} of row "key" to exist`,
    )
  })
})

describe('DynamoRowStore.drop', () => {
  it('removes rows, timers and objects of the partition, and no others', async () => {
    const dynamo = new FakeDynamo({ pageItems: 7, batchItems: 3 })
    const blobs = new MemoryBlobStore()
    const rows = storeOn(dynamo, blobs)
    const other = { ...PARTITION, keyGroup: 11 }
    const keys = Array.from({ length: 30 }, (_, index) => `key-${index}`)
    const timers = { eventMs: 5, processingMs: 6 }
    for (const partition of [PARTITION, other])
      await rows.write(
        keys.map((key, index) => rowWrite(partition, key, 1, index === 0 ? LARGE : 'x', { timers })),
      )
    await rows.drop(PARTITION)
    expect([...dynamo.items.values()].every(({ pk }) => pk!.S!.endsWith('#11'))).toBe(true)
    expect(dynamo.items.size).toBe(90)
    expect(await blobs.list('')).toHaveLength(1)
    expect((await rows.get([{ partition: other, rowKey: 'key-0' }]))[0]!.payload).toHaveLength(LARGE.length)
  })
})

describe('DynamoRowStore and expiry', () => {
  it('gives a row the second it expires at, a lasting one none, and a tombstone a day', async () => {
    const dynamo = new FakeDynamo()
    const rows = storeOn(dynamo)
    await rows.write([
      rowWrite(PARTITION, 'brief', 1, 'x', { expiresAtMs: 1_700_000_500_001 }),
      rowWrite(PARTITION, 'lasting', 1, 'x'),
      rowWrite(PARTITION, 'gone', 1, undefined),
    ])
    expect(dynamo.ofPartition('R').map(({ sk, ttl }) => [sk!.S, ttl?.N])).toEqual([
      ['brief', '1700000501'],
      ['lasting', undefined],
      ['gone', String(1_700_000_000 + 86_401)],
    ])
  })
})

function world() {
  const dynamo = new FakeDynamo()
  const clock = new ManualClock(NOW_MS)
  const bucket = new FakeS3(() => clock.now())
  const blobs = bucketStore(bucket)
  return { dynamo, clock, bucket, blobs, rows: storeOn(dynamo, blobs, clock) }
}

describe('DynamoRowStore, large payloads and expiry', () => {
  const DAY_MS = 24 * 3_600_000
  const KEY = { partition: PARTITION, rowKey: 'key' }

  const brief = (position: number, payload: Uint8Array = LARGE): RowWrite =>
    rowWrite(PARTITION, 'key', position, payload, { expiresAtMs: NOW_MS + DAY_MS })

  it('leaves no object of a row that expired, also where the key never comes back', async () => {
    const { dynamo, clock, bucket, rows } = world()
    await rows.write([brief(1)])
    // Whoever dies between object and row leaves the one without the other.
    const dead = new FakeDynamo({
      around: () => {
        throw sdkError('ValidationException', 400)
      },
    })
    await expect(storeOn(dead, bucketStore(bucket), clock).write([brief(2)])).rejects.toThrow('PutItem')
    expect(bucket.objects.size).toBe(2)
    clock.advance(2 * DAY_MS)
    dynamo.expire(clock.now())
    bucket.expire()
    expect([dynamo.items.size, bucket.objects.size]).toEqual([0, 0])
  })

  it('keeps the object until a day after the row’s expiry, whoever puts it again', async () => {
    const { clock, bucket, rows } = world()
    await rows.write([brief(1)])
    clock.advance(DAY_MS - 1)
    expect(await rows.write([brief(1)])).toEqual({ written: 0, stale: 1 })
    clock.advance(DAY_MS)
    bucket.expire()
    expect((await rows.get([KEY]))[0]!.payload).toHaveLength(LARGE.length)
  })

  it('takes a row whose object went with its expiry for gone', async () => {
    const { clock, bucket, rows } = world()
    await rows.write([brief(1)])
    clock.advance(2 * DAY_MS)
    bucket.expire()
    expect(await rows.get([KEY])).toEqual([undefined])
    expect(await rows.scan(PARTITION, undefined)).toEqual({ rows: [], more: false })
    expect(await rows.write([write(2, 'anew')])).toEqual({ written: 1, stale: 0 })
    expect(shown((await rows.get([KEY]))[0])).toBe('anew@2')
  })

  it('takes an expired row whose object went with a later version for that version', async () => {
    const { clock, dynamo, blobs, rows } = world()
    await rows.write([brief(1)])
    clock.advance(2 * DAY_MS)
    const slow = overtaken(blobs, rows)
    const [row] = await storeOn(dynamo, slow, clock).get([KEY])
    expect([row!.position, row!.payload.length]).toEqual([2, 399_999])
  })
})
