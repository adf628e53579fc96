import { afterAll, beforeAll } from 'vitest'
import { DynamoTurnLog } from '../../lib/aws/dynamo-turn-log.ts'
import { turnLogContract } from '../contract/turn-log.ts'
import { DYNAMO_EMULATOR } from './emulators.ts'
import { dynamoWorld, type DynamoWorld } from './table.ts'

let world: DynamoWorld

beforeAll(async () => {
  world = await dynamoWorld()
})

afterAll(() => world.stop())

turnLogContract(
  `DynamoTurnLog on ${DYNAMO_EMULATOR}`,
  async () => {
    const { table, drop } = await world.newTable()
    return { log: new DynamoTurnLog(table), nowMs: () => Date.now(), close: drop }
  },
  { expires: 'the emulator removes expired items never, or when it likes' },
)
