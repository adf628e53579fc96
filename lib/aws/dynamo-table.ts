import type { AttributeValue } from '@aws-sdk/client-dynamodb'
import { isConditionFailure, type AwsRequest } from './aws-fault.ts'
import { chunks, inParallel } from './in-parallel.ts'
import { AWS_LIMITS } from './limits.ts'
import type { Retrying } from './retry.ts'
import type { DynamoRequests } from './services.ts'

export type Item = Readonly<Record<string, AttributeValue>>

export interface ItemKey {
  readonly pk: string
  readonly sk: string
}

/** What must hold of the item in place for a write to be done. */
export interface Condition {
  readonly expression: string
  readonly values?: Item
}

/** Batches under way at once. */
const BATCHES_MAX = 10

/** One job's table: items by `pk` and `sk`. Every read is strongly consistent. */
export class DynamoTable {
  readonly #requests: DynamoRequests
  readonly #retrying: Retrying
  readonly #nameOf: () => string

  /** @param name asked when the table is used; may throw. */
  constructor(requests: DynamoRequests, retrying: Retrying, name: () => string) {
    this.#requests = requests
    this.#retrying = retrying
    this.#nameOf = name
  }

  async get(key: ItemKey): Promise<Item | undefined> {
    const { Item } = await this.#retrying.run(this.#request('GetItem'), () =>
      this.#requests.getItem({ TableName: this.#name, Key: keyItem(key), ConsistentRead: true }),
    )
    return Item
  }

  /** By {@link keyText}; keys without an item are missing. Any number of keys, also the same more than once. */
  async getAll(keys: readonly ItemKey[]): Promise<Map<string, Item>> {
    const found = new Map<string, Item>()
    const distinct = new Map(keys.map((key) => [keyText(key), key]))
    await inParallel(chunks([...distinct.values()], AWS_LIMITS.dynamoBatchGetKeys), BATCHES_MAX, (batch) =>
      this.#retrying.drain(this.#request('BatchGetItem'), batch.map(keyItem), async (left) => {
        const answer = await this.#requests.batchGetItem({
          RequestItems: { [this.#name]: { Keys: [...left], ConsistentRead: true } },
        })
        for (const item of answer.Responses?.[this.#name] ?? []) found.set(keyText(keyOf(item)), item)
        return answer.UnprocessedKeys?.[this.#name]?.Keys ?? []
      }),
    )
    return found
  }

  /** Resolves to what was there before; `refused` where the condition did not hold. */
  async put(
    item: Item,
    condition: Condition,
  ): Promise<{ readonly type: 'put'; readonly replaced: Item | undefined } | { readonly type: 'refused' }> {
    return this.#retrying.run(this.#request('PutItem'), async () => {
      try {
        const answer = await this.#requests.putItem({
          TableName: this.#name,
          Item: item,
          ReturnValues: 'ALL_OLD',
          ...conditionOf(condition),
        })
        return { type: 'put', replaced: answer.Attributes }
      } catch (cause) {
        if (isConditionFailure(cause)) return { type: 'refused' }
        throw cause
      }
    })
  }

  /** Removes the item if the condition holds of it. */
  async delete(key: ItemKey, condition: Condition): Promise<void> {
    await this.#retrying.run(this.#request('DeleteItem'), async () => {
      try {
        await this.#requests.deleteItem({
          TableName: this.#name,
          Key: keyItem(key),
          ...conditionOf(condition),
        })
      } catch (cause) {
        if (!isConditionFailure(cause)) throw cause
      }
    })
  }

  /**
   * Items of one partition in ascending order of `sk`: those after `after`, that begin with `prefix`. One request, of at
   * most `limit` items and about 1 MB.
   */
  async query(
    pk: string,
    range: {
      readonly after?: string | undefined
      readonly prefix?: string
      readonly limit?: number
      readonly keysOnly?: boolean
    },
  ): Promise<{ readonly items: readonly Item[]; readonly lastSort: string | undefined }> {
    const { after, prefix, limit, keysOnly } = range
    const answer = await this.#retrying.run(this.#request('Query'), () =>
      this.#requests.query({
        TableName: this.#name,
        ConsistentRead: true,
        KeyConditionExpression:
          prefix === undefined
            ? after === undefined
              ? 'pk = :pk'
              : 'pk = :pk AND sk > :sk'
            : 'pk = :pk AND begins_with(sk, :sk)',
        ExpressionAttributeValues: {
          ':pk': { S: pk },
          ...(prefix === undefined
            ? after !== undefined && { ':sk': { S: after } }
            : { ':sk': { S: prefix } }),
        },
        ...(prefix !== undefined && after !== undefined && { ExclusiveStartKey: keyItem({ pk, sk: after }) }),
        ...(limit !== undefined && { Limit: limit }),
        ...(keysOnly === true && { ProjectionExpression: 'pk, sk' }),
      }),
    )
    return { items: answer.Items ?? [], lastSort: answer.LastEvaluatedKey?.sk?.S }
  }

  /** Removes every item of a partition. */
  async deletePartition(pk: string): Promise<void> {
    for (let after: string | undefined; ;) {
      const { items, lastSort } = await this.query(pk, { after, keysOnly: true })
      await inParallel(chunks(items, AWS_LIMITS.dynamoBatchWriteItems), BATCHES_MAX, (batch) =>
        this.#retrying.drain(this.#request('BatchWriteItem'), batch, async (left) => {
          const answer = await this.#requests.batchWriteItem({
            RequestItems: {
              [this.#name]: left.map((item) => ({ DeleteRequest: { Key: keyItem(keyOf(item)) } })),
            },
          })
          return (answer.UnprocessedItems?.[this.#name] ?? []).flatMap(({ DeleteRequest }) =>
            DeleteRequest?.Key === undefined ? [] : [DeleteRequest.Key],
          )
        }),
      )
      if (lastSort === undefined) return
      after = lastSort
    }
  }

  get #name(): string {
    return this.#nameOf()
  }

  #request(operation: string): AwsRequest {
    return { action: `dynamodb:${operation}`, resource: `table ${JSON.stringify(this.#name)}` }
  }
}

/** Tells items of one table apart: partition keys hold no control characters. */
export const keyText = ({ pk, sk }: ItemKey): string => `${pk}\n${sk}`

function keyOf(item: Item): ItemKey {
  return { pk: textOf(item, 'pk'), sk: textOf(item, 'sk') }
}

function keyItem({ pk, sk }: ItemKey): Record<string, AttributeValue> {
  return { pk: { S: pk }, sk: { S: sk } }
}

function conditionOf({ expression, values }: Condition): {
  ConditionExpression: string
  ExpressionAttributeValues?: Record<string, AttributeValue>
} {
  return {
    ConditionExpression: expression,
    ...(values !== undefined && { ExpressionAttributeValues: { ...values } }),
  }
}

/** @throws Error if the item has no such text: something else wrote it. */
export function textOf(item: Item, name: string): string {
  const text = item[name]?.S
  if (text === undefined)
    throw new Error(`Expected an item with text in ${name}, got ${Object.keys(item).join(', ')}`)
  return text
}

/** As {@link textOf}. */
export function numberOf(item: Item, name: string): number {
  const digits = item[name]?.N
  if (digits === undefined)
    throw new Error(`Expected an item with a number in ${name}, got ${Object.keys(item).join(', ')}`)
  return Number(digits)
}
