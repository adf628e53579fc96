import { DynamoDB, type CreateTableCommandInput } from '@aws-sdk/client-dynamodb'
import { systemClock } from '../../lib/node/system-clock.ts'
import { awsClients } from '../../lib/aws/clients.ts'
import { DynamoTable } from '../../lib/aws/dynamo-table.ts'
import { Retrying } from '../../lib/aws/retry.ts'
import { SeededRandom } from '../../lib/testing/index.ts'
import { adminOptions, environmentOf, startDynamo, uniqueName } from './emulators.ts'

export const retrying: Retrying = new Retrying({
  clock: systemClock,
  random: new SeededRandom(1),
  remainingMs: () => 30_000,
})

/** An emulator of DynamoDB, with as many tables as tests need. */
export interface DynamoWorld {
  readonly admin: DynamoDB
  newTable(): Promise<{ readonly table: DynamoTable; readonly drop: () => Promise<void> }>
  stop(): Promise<void>
}

export async function dynamoWorld(): Promise<DynamoWorld> {
  const emulator = await startDynamo()
  const admin = new DynamoDB(adminOptions(emulator.endpoint))
  const clients = awsClients(environmentOf(emulator.endpoint))
  return {
    admin,
    async newTable() {
      const tableName = uniqueName('millrace')
      await createTable(admin, {
        TableName: tableName,
        BillingMode: 'PAY_PER_REQUEST',
        KeySchema: [
          { AttributeName: 'pk', KeyType: 'HASH' },
          { AttributeName: 'sk', KeyType: 'RANGE' },
        ],
        AttributeDefinitions: [
          { AttributeName: 'pk', AttributeType: 'S' },
          { AttributeName: 'sk', AttributeType: 'S' },
        ],
      })
      return {
        table: new DynamoTable(clients.dynamo, retrying, () => tableName),
        drop: async () => void (await admin.deleteTable({ TableName: tableName })),
      }
    },
    async stop() {
      clients.close()
      admin.destroy()
      await emulator.stop()
    },
  }
}

/** Made in the background: before it is active, requests do not find it. */
export async function createTable(admin: DynamoDB, input: CreateTableCommandInput): Promise<void> {
  await admin.createTable(input)
  for (let status: string | undefined; status !== 'ACTIVE';)
    status = (await admin.describeTable({ TableName: input.TableName })).Table?.TableStatus
}
