import type {
  AttributeValue,
  PutItemCommandInput,
  QueryCommandInput,
  WriteRequest,
} from '@aws-sdk/client-dynamodb'
import type { Item } from '../../../lib/aws/dynamo-table.ts'
import type { DynamoRequests } from '../../../lib/aws/services.ts'
import { ANSWER, sdkError } from './fakes.ts'

export interface FakeDynamoOptions {
  /** Items of one page of a query. Default: any number. */
  readonly pageItems?: number
  /** Keys of a batch-get, and items of a batch-write, that are processed at once. Default: all. */
  readonly batchItems?: number
  /** Asked before each request, which has no effect if this throws; and after it, when it has had its effect. */
  readonly around?: (when: 'before' | 'after', operation: string) => void
}

type Items = Record<string, AttributeValue>

const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))
const idOf = (item: Item): string => `${item['pk']!.S!}\n${item['sk']!.S!}`

/**
 * As much of DynamoDB as Millrace uses: one table, conditions and key conditions of the forms that the adapters write, and
 * items that can be made to expire. What it does not know it refuses.
 */
export class FakeDynamo {
  readonly items = new Map<string, Items>()
  readonly #options: FakeDynamoOptions

  constructor(options: FakeDynamoOptions = {}) {
    this.#options = options
  }

  /** Removes what has expired. */
  expire(nowMs: number): void {
    for (const [id, { ttl }] of this.items) {
      if (ttl !== undefined && Number(ttl.N) * 1000 < nowMs) this.items.delete(id)
    }
  }

  ofPartition(letter: string): Items[] {
    return [...this.items.values()].filter(({ pk }) => pk!.S!.startsWith(`${letter}#`))
  }

  requests(): DynamoRequests {
    return {
      getItem: ({ Key }) => this.#do('getItem', () => withItem('Item', this.items.get(idOf(Key!)))),
      putItem: (input) =>
        this.#do('putItem', () => {
          const before = this.items.get(idOf(input.Item!))
          this.#demand(before, input)
          this.items.set(idOf(input.Item!), structuredClone(input.Item!))
          return withItem('Attributes', before)
        }),
      deleteItem: (input) =>
        this.#do('deleteItem', () => {
          this.#demand(this.items.get(idOf(input.Key!)), input)
          this.items.delete(idOf(input.Key!))
          return ANSWER
        }),
      query: (input) => this.#do('query', () => this.#query(input)),
      batchGetItem: ({ RequestItems }) =>
        this.#do('batchGetItem', () => {
          const [[table, { Keys }]] = Object.entries(RequestItems!) as [[string, { Keys: Items[] }]]
          const now = Keys.slice(0, this.#options.batchItems ?? Infinity)
          const found = now.map((key) => this.items.get(idOf(key))).filter((item) => item !== undefined)
          const left = Keys.slice(now.length)
          return {
            ...ANSWER,
            // In no order.
            Responses: { [table]: structuredClone(found).toReversed() },
            UnprocessedKeys: left.length === 0 ? {} : { [table]: { Keys: left } },
          }
        }),
      batchWriteItem: ({ RequestItems }) =>
        this.#do('batchWriteItem', () => {
          const [[table, requests]] = Object.entries(RequestItems!) as [[string, WriteRequest[]]]
          const now = requests.slice(0, this.#options.batchItems ?? Infinity)
          for (const { DeleteRequest } of now) this.items.delete(idOf(DeleteRequest!.Key!))
          return { ...ANSWER, UnprocessedItems: { [table]: requests.slice(now.length) } }
        }),
    }
  }

  async #do<T>(operation: string, effect: () => T): Promise<T> {
    await Promise.resolve()
    this.#options.around?.('before', operation)
    const answer = effect()
    this.#options.around?.('after', operation)
    return answer
  }

  #demand(
    item: Item | undefined,
    condition: Pick<PutItemCommandInput, 'ConditionExpression' | 'ExpressionAttributeValues'>,
  ): void {
    const holds = condition
      .ConditionExpression!.split(' OR ')
      .some((part) => holdsOf(item, part, condition.ExpressionAttributeValues ?? {}))
    if (!holds) throw sdkError('ConditionalCheckFailedException', 400)
  }

  #query(input: QueryCommandInput) {
    if (input.ConsistentRead !== true) throw new Error('expected a consistent read')
    const values = input.ExpressionAttributeValues!
    const limit = Math.min(input.Limit ?? Infinity, this.#options.pageItems ?? Infinity)
    const inRange = [...this.items.values()]
      .filter(({ pk, sk }) => pk!.S === values[':pk']!.S && inKeyCondition(sk!.S!, input))
      .toSorted((a, b) => byBytes(a['sk']!.S!, b['sk']!.S!))
    const page = inRange.slice(0, limit)
    const last = page.at(-1)
    return {
      ...ANSWER,
      Items: structuredClone(page),
      // A page that is full has a last key, also where nothing comes after it.
      ...(page.length === limit &&
        last !== undefined && { LastEvaluatedKey: { pk: last['pk']!, sk: last['sk']! } }),
    }
  }
}

function withItem<K extends string>(
  name: K,
  item: Items | undefined,
): typeof ANSWER & { [name in K]?: Items } {
  return { ...ANSWER, ...(item && { [name]: structuredClone(item) }) } as typeof ANSWER & {
    [name in K]?: Items
  }
}

function holdsOf(item: Item | undefined, part: string, values: Items): boolean {
  if (part === 'attribute_not_exists(pk)') return item === undefined
  const match = /^(\w+) (<|<=) (:\w+)$/.exec(part)
  if (match === null) throw new Error(`the fake knows no condition ${part}`)
  const [, name, operator, value] = match
  const [there, given] = [item?.[name!], values[value!]!]
  if (there === undefined) return false
  const order = given.N === undefined ? byBytes(there.S!, given.S!) : Number(there.N) - Number(given.N)
  return operator === '<' ? order < 0 : order <= 0
}

function inKeyCondition(sk: string, input: QueryCommandInput): boolean {
  const bound = input.ExpressionAttributeValues![':sk']?.S
  const from = input.ExclusiveStartKey?.['sk']?.S
  if (from !== undefined && byBytes(sk, from) <= 0) return false
  switch (input.KeyConditionExpression) {
    case 'pk = :pk':
      return true
    case 'pk = :pk AND sk > :sk':
      return byBytes(sk, bound!) > 0
    case 'pk = :pk AND begins_with(sk, :sk)':
      return sk.startsWith(bound!)
    default:
      throw new Error(`the fake knows no key condition ${input.KeyConditionExpression}`)
  }
}
