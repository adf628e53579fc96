import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DynamoRowStore } from '../../../lib/aws/dynamo-row-store.ts'
import { systemClock } from '../../../lib/node/system-clock.ts'
import { rowStoreContract } from '../../contract/row-store.ts'
import { newPartition, rowWrite } from '../../contract/row-store.support.ts'
import { dynamoWorld, type DynamoWorld } from '../table.ts'
import { bucketWorld, type BucketWorld } from './bucket.ts'

let tables: DynamoWorld
let buckets: BucketWorld

beforeAll(async () => {
  tables = await dynamoWorld()
  buckets = await bucketWorld()
})

afterAll(async () => {
  await tables.stop()
  await buckets.stop()
})

rowStoreContract(
  'DynamoRowStore with large payloads in S3, on the emulator at MILLRACE_TEST_ENDPOINT',
  async () => {
    const { table, drop } = await tables.newTable()
    return {
      rows: new DynamoRowStore(table, buckets.newStore(), systemClock),
      nowMs: () => Date.now(),
      close: drop,
    }
  },
  { expires: 'the emulator removes expired items when it likes' },
)

describe('DynamoRowStore with large payloads in S3', () => {
  it('leaves no object behind when a partition is dropped', async () => {
    const { table, drop } = await tables.newTable()
    const blobs = buckets.newStore()
    const rows = new DynamoRowStore(table, blobs, systemClock)
    const [partition, kept] = [newPartition(), newPartition()]
    const large = new Uint8Array(500_000)
    await rows.write([rowWrite(partition, 'a', 1, large), rowWrite(kept, 'a', 1, large)])
    expect(await blobs.list('')).toHaveLength(2)
    await rows.drop(partition)
    expect(await blobs.list('')).toHaveLength(1)
    expect((await rows.get([{ partition: kept, rowKey: 'a' }]))[0]!.payload).toHaveLength(500_000)
    await drop()
  })
})
