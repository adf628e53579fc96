import type { AttributeValue } from '@aws-sdk/client-dynamodb'
import type { Answer, ItemStamp, OutsideTable, TableItem } from '../ports/outside.ts'
import { answerTo, isConditionFailure } from './aws-fault.ts'
import { attributeValues } from './attribute-values.ts'
import type { DynamoRequests } from './services.ts'

/** A table that sinks write to: items with the stamp of who wrote them. */
export class DynamoOutsideTable implements OutsideTable {
  readonly #dynamo: DynamoRequests
  readonly #name: string

  constructor(dynamo: DynamoRequests, name: string) {
    this.#dynamo = dynamo
    this.#name = name
  }

  async put(item: TableItem, stamp: ItemStamp): Promise<Answer | { readonly type: 'stale' }> {
    const { sink, subtask, version } = stamp
    const writer = writerOf(sink, subtask)
    try {
      await this.#dynamo.putItem({
        TableName: this.#name,
        Item: {
          ...attributeValues(item),
          millrace_version: { S: version },
          millrace_writer: { S: writer },
        },
        ...conditionOf(stamp, writer),
      })
      return { type: 'done' }
    } catch (cause) {
      if (isConditionFailure(cause)) return { type: 'stale' }
      return answerTo({ action: 'dynamodb:PutItem', resource: `table "${this.#name}"` }, cause)
    }
  }
}

function conditionOf(
  { sink, version, overPeersOf }: ItemStamp,
  writer: string,
): {
  readonly ConditionExpression: string
  readonly ExpressionAttributeValues: Record<string, AttributeValue>
} {
  const allowed = [
    // Nobody wrote it, or nobody that keeps a stamp.
    'attribute_not_exists(millrace_version)',
    // Another sink did, or this one before its attempts were counted anew: there is no order between the two.
    'NOT begins_with(millrace_writer, :sink)',
    // This sink did, before. Excludes zombies of this attempt and of earlier ones, and the repeat of this request.
    'millrace_version < :version',
  ]
  const values: Record<string, AttributeValue> = {
    ':sink': { S: writerOf(sink, '') },
    ':version': { S: version },
  }
  if (overPeersOf !== undefined) {
    // Another subtask did, in this attempt: its position says nothing about ours. Still excludes earlier attempts.
    allowed.push('(millrace_writer <> :writer AND begins_with(millrace_version, :attempt))')
    values[':writer'] = { S: writer }
    values[':attempt'] = { S: overPeersOf }
  }
  return { ConditionExpression: allowed.join(' OR '), ExpressionAttributeValues: values }
}

function writerOf(sink: string, subtask: number | ''): string {
  return `${sink}#${subtask}`
}
