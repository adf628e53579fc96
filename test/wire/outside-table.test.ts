import { DynamoDB, type AttributeValue } from '@aws-sdk/client-dynamodb'
import { afterAll, beforeAll, test } from 'vitest'
import { awsClients } from '../../lib/aws/clients.ts'
import { awsOutside } from '../../lib/aws/outside.ts'
import { assert } from '../../lib/model/faults.ts'
import type { TableItem, TableValue } from '../../lib/ports/outside.ts'
import { expectRefusal, outsideTableContract } from '../contract/outside-table.ts'
import {
  adminOptions,
  DYNAMO_EMULATOR,
  environmentOf,
  startDynamo,
  uniqueName,
  type Emulator,
} from './emulators.ts'
import { createTable } from './table.ts'

let emulator: Emulator
let admin: DynamoDB
let services: ReturnType<typeof awsClients>

beforeAll(async () => {
  emulator = await startDynamo()
  admin = new DynamoDB(adminOptions(emulator.endpoint))
  services = awsClients(environmentOf(emulator.endpoint))
})

afterAll(async () => {
  services.close()
  admin.destroy()
  await emulator.stop()
})

outsideTableContract(`tables of awsOutside on ${DYNAMO_EMULATOR}`, async () => {
  const TableName = uniqueName('outside')
  await createTable(admin, {
    TableName,
    AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
    KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
    BillingMode: 'PAY_PER_REQUEST',
  })
  const outside = awsOutside({ services })
  return {
    table: outside.table(TableName),
    async item(id) {
      const { Item } = await admin.getItem({ TableName, Key: { id: { S: id } }, ConsistentRead: true })
      if (Item === undefined) return undefined
      const { millrace_version: version, millrace_writer: writer, ...attributes } = Item
      assert(version?.S !== undefined && writer?.S !== undefined, 'an item keeps its stamp')
      return itemOf(attributes)
    },
    close: async () => void (await admin.deleteTable({ TableName })),
  }
})

// oxlint-disable-next-line vitest/expect-expect -- the contract's function expects
test('a table that is not there', () => expectRefusal(awsOutside({ services }).table(uniqueName('missing'))))

function itemOf(attributes: Record<string, AttributeValue>): TableItem {
  return Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, valueOf(value)]))
}

function valueOf(value: AttributeValue): TableValue {
  if (value.N !== undefined)
    return Number.isSafeInteger(Number(value.N)) || /[.e]/i.test(value.N) ? Number(value.N) : BigInt(value.N)
  if (value.L !== undefined) return value.L.map(valueOf)
  if (value.M !== undefined) return itemOf(value.M)
  if (value.B !== undefined) return new Uint8Array(value.B)
  return value.NULL === true ? null : (value.S ?? value.BOOL)!
}
