import type {
  AttributeValue,
  BatchGetItemCommandInput,
  BatchGetItemCommandOutput,
  BatchWriteItemCommandInput,
  DeleteItemCommandInput,
  DeleteItemCommandOutput,
  PutItemCommandInput,
  PutItemCommandOutput,
  QueryCommandInput,
  QueryCommandOutput,
} from '@aws-sdk/client-dynamodb'
import { describe, expect, it } from 'vitest'
import { DynamoTable, keyText, type Item, type ItemKey } from '../../../lib/aws/dynamo-table.ts'
import type { DynamoRequests } from '../../../lib/aws/services.ts'
import { ANSWER, quickRetrying, script, sdkError, THROTTLE, unasked } from './fakes.ts'

const item = (sk: string): Record<string, AttributeValue> => ({ pk: { S: 'p' }, sk: { S: sk } })
const key = (sk: string): ItemKey => ({ pk: 'p', sk })

function tableOf(requests: Partial<DynamoRequests>) {
  const { retrying, waits } = quickRetrying()
  const all: DynamoRequests = {
    getItem: unasked,
    putItem: unasked,
    deleteItem: unasked,
    query: unasked,
    batchGetItem: unasked,
    batchWriteItem: unasked,
    ...requests,
  }
  return { table: new DynamoTable(all, retrying, () => 'rows'), waits }
}

const requestedKeys = (input: BatchGetItemCommandInput): string[] =>
  input.RequestItems!['rows']!.Keys!.map(({ sk }) => sk!.S!)

describe('DynamoTable.getAll', () => {
  it('asks again for keys that were not processed, until it has them all', async () => {
    const batchGetItem = script<BatchGetItemCommandInput, BatchGetItemCommandOutput>(
      (input) => ({
        ...ANSWER,
        Responses: { rows: [item('a')] },
        UnprocessedKeys: { rows: { Keys: input.RequestItems!['rows']!.Keys!.slice(1) } },
      }),
      THROTTLE,
      (input) => ({
        ...ANSWER,
        Responses: { rows: [] },
        UnprocessedKeys: { rows: { Keys: input.RequestItems!['rows']!.Keys! } },
      }),
      { ...ANSWER, Responses: { rows: [item('c')] } },
    )
    const { table, waits } = tableOf({ batchGetItem })
    const found = await table.getAll(['a', 'b', 'c'].map(key))
    expect([...found.keys()]).toEqual(['a', 'c'].map((sk) => keyText(key(sk))))
    expect(batchGetItem.calls.map(requestedKeys)).toEqual([
      ['a', 'b', 'c'],
      ['b', 'c'],
      ['b', 'c'],
      ['b', 'c'],
    ])
    expect(batchGetItem.calls.every((input) => input.RequestItems!['rows']!.ConsistentRead === true)).toBe(
      true,
    )
    expect(waits).toHaveLength(3)
  })

  it('asks for a hundred keys at once, and for each once', async () => {
    const batchGetItem = script<BatchGetItemCommandInput, BatchGetItemCommandOutput>(ANSWER)
    const { table } = tableOf({ batchGetItem })
    const keys = Array.from({ length: 250 }, (_, index) => key(String(index)))
    expect((await table.getAll([...keys, ...keys])).size).toBe(0)
    expect(batchGetItem.calls.map((input) => requestedKeys(input).length)).toEqual([100, 100, 50])
    expect(new Set(batchGetItem.calls.flatMap(requestedKeys)).size).toBe(250)
  })
})

describe('DynamoTable.put', () => {
  const condition = { expression: 'attribute_not_exists(pk)' }

  it('tells that the condition did not hold, without trying again', async () => {
    const putItem = script<PutItemCommandInput, PutItemCommandOutput>(
      sdkError('ConditionalCheckFailedException', 400),
    )
    const { table } = tableOf({ putItem })
    expect(await table.put(item('a'), condition)).toEqual({ type: 'refused' })
    expect(putItem.calls).toHaveLength(1)
  })

  it('is refused by its own item where the first answer was lost', async () => {
    const stored = new Map<string, Item>()
    const putItem = script<PutItemCommandInput, PutItemCommandOutput>(
      () => {
        stored.set('a', item('a'))
        throw Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' })
      },
      () => {
        if (stored.has('a')) throw sdkError('ConditionalCheckFailedException', 400)
        return ANSWER
      },
    )
    const { table } = tableOf({ putItem })
    expect(await table.put(item('a'), condition)).toEqual({ type: 'refused' })
  })

  it('names the action and the table where it is not allowed', async () => {
    const { table } = tableOf({
      putItem: script<PutItemCommandInput, PutItemCommandOutput>(sdkError('AccessDeniedException', 400)),
    })
    await expect(table.put(item('a'), condition)).rejects.toThrow(
      'Expected to be allowed dynamodb:PutItem on table "rows"; grant it to the role',
    )
  })
})

describe('DynamoTable.deletePartition', () => {
  it('removes page by page, 25 at once, and again what was not processed', async () => {
    const items = Array.from({ length: 60 }, (_, index) => item(String(index).padStart(2, '0')))
    const deleted: string[] = []
    const batchSizes: number[] = []
    let isFirst = true
    const { table } = tableOf({
      query: script<QueryCommandInput, QueryCommandOutput>(
        { ...ANSWER, Items: items.slice(0, 40), LastEvaluatedKey: item('39') },
        { ...ANSWER, Items: items.slice(40) },
      ),
      batchWriteItem: (input: BatchWriteItemCommandInput) => {
        const requests = input.RequestItems!['rows']!
        batchSizes.push(requests.length)
        const done = isFirst ? requests.slice(0, 20) : requests
        isFirst = false
        deleted.push(...done.map(({ DeleteRequest }) => DeleteRequest!.Key!['sk']!.S!))
        return Promise.resolve({ ...ANSWER, UnprocessedItems: { rows: requests.slice(done.length) } })
      },
    })
    await table.deletePartition('p')
    expect(deleted.toSorted()).toEqual(items.map(({ sk }) => sk!.S))
    expect(batchSizes.toSorted((a, b) => a - b)).toEqual([5, 15, 20, 25])
  })
})

describe('DynamoTable.delete', () => {
  it('is content where the condition does not hold, or nothing is there', async () => {
    const refused = sdkError('ConditionalCheckFailedException', 400)
    const deleteItem = script<DeleteItemCommandInput, DeleteItemCommandOutput>(refused)
    const { table } = tableOf({ deleteItem })
    await table.delete(key('a'), { expression: 'n < :n', values: { ':n': { N: '1' } } })
    expect(deleteItem.calls).toEqual([
      {
        TableName: 'rows',
        Key: item('a'),
        ConditionExpression: 'n < :n',
        ExpressionAttributeValues: { ':n': { N: '1' } },
      },
    ])
  })
})
