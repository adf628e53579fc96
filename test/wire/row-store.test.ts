import { afterAll, beforeAll } from 'vitest'
import { DynamoRowStore } from '../../lib/aws/dynamo-row-store.ts'
import { MemoryBlobStore } from '../../lib/embedded/memory-blob-store.ts'
import { systemClock } from '../../lib/node/system-clock.ts'
import { rowStoreContract } from '../contract/row-store.ts'
import { DYNAMO_EMULATOR } from './emulators.ts'
import { dynamoWorld, type DynamoWorld } from './table.ts'

let world: DynamoWorld

beforeAll(async () => {
  world = await dynamoWorld()
})

afterAll(() => world.stop())

rowStoreContract(
  `DynamoRowStore on ${DYNAMO_EMULATOR}`,
  async () => {
    const { table, drop } = await world.newTable()
    return {
      rows: new DynamoRowStore(table, new MemoryBlobStore(), systemClock),
      nowMs: () => Date.now(),
      close: drop,
    }
  },
  { expires: 'the emulator removes expired items never, or when it likes' },
)
