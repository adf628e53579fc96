import { assert } from '../model/faults.ts'
import type { ActorId } from '../model/ids.ts'
import {
  LOG_BODY_BYTES_MAX,
  type Head,
  type LogEntry,
  type LogPage,
  type TurnLog,
} from '../ports/turn-log.ts'
import { assertLogSort, HEAD_SORT, logPartition, ORDER_SORT } from './dynamo-keys.ts'
import { textOf, type DynamoTable, type Item } from './dynamo-table.ts'

/** Logs and heads of a job's actors: a partition of the table for each actor. */
export class DynamoTurnLog implements TurnLog {
  readonly #table: DynamoTable

  constructor(table: DynamoTable) {
    this.#table = table
  }

  async read(actor: ActorId, after: string | undefined): Promise<LogPage> {
    if (after !== undefined) assertLogSort(after)
    const { items, lastSort } = await this.#table.query(logPartition(actor), { after: after ?? HEAD_SORT })
    const last = items.at(-1)
    const order = last !== undefined && textOf(last, 'sk') === ORDER_SORT ? headOf(last) : undefined
    const entries = order === undefined ? items : items.slice(0, -1)
    return {
      entries: entries.map((item) => ({ sort: textOf(item, 'sk'), body: bodyOf(item) })),
      // A page may end with the order, and DynamoDB says that there could be more: after it there is nothing.
      more: lastSort !== undefined && order === undefined,
      order,
    }
  }

  async append(actor: ActorId, entry: LogEntry, expiresAtSec: number): Promise<'appended' | 'exists'> {
    assertLogSort(entry.sort)
    assertBody(entry.body)
    const outcome = await this.#table.put(
      {
        pk: { S: logPartition(actor) },
        sk: { S: entry.sort },
        body: { B: entry.body },
        ttl: { N: String(Math.ceil(expiresAtSec)) },
      },
      // Keeps out whoever else takes the turn at this position: a concurrent invocation, a zombie, a repeated request.
      { expression: 'attribute_not_exists(pk)' },
    )
    return outcome.type === 'put' ? 'appended' : 'exists'
  }

  async head(actor: ActorId): Promise<Head | undefined> {
    const item = await this.#table.get({ pk: logPartition(actor), sk: HEAD_SORT })
    return item && headOf(item)
  }

  async putHead(
    actor: ActorId,
    head: Head,
  ): Promise<{ readonly type: 'stored'; readonly replaced: Head | undefined } | { readonly type: 'stale' }> {
    const outcome = await this.#replace(actor, HEAD_SORT, head)
    if (outcome.type === 'refused') return { type: 'stale' }
    return { type: 'stored', replaced: outcome.replaced && headOf(outcome.replaced) }
  }

  async putOrder(actor: ActorId, order: Head): Promise<'stored' | 'stale'> {
    const outcome = await this.#replace(actor, ORDER_SORT, order)
    return outcome.type === 'refused' ? 'stale' : 'stored'
  }

  #replace(actor: ActorId, sort: string, { version, body }: Head): ReturnType<DynamoTable['put']> {
    assert(/^[ -~]*$/.test(version), `a version is ASCII, got ${JSON.stringify(version)}`)
    assertBody(body)
    return this.#table.put(
      { pk: { S: logPartition(actor) }, sk: { S: sort }, version: { S: version }, body: { B: body } },
      {
        expression:
          // There is none yet; or
          'attribute_not_exists(pk)' +
          // it is an earlier one: keeps out a zombie that folded less of the log, or orders what is over, and a repeated
          // request.
          ' OR version < :version',
        values: { ':version': { S: version } },
      },
    )
  }
}

function headOf(item: Item): Head {
  return { version: textOf(item, 'version'), body: bodyOf(item) }
}

/** DynamoDB gives an empty body back as one. */
function bodyOf(item: Item): Uint8Array {
  const body = item.body?.B
  assert(body !== undefined, 'an item of a log has a body')
  return body
}

function assertBody(body: Uint8Array): void {
  assert(
    body.length <= LOG_BODY_BYTES_MAX,
    `a body has at most ${LOG_BODY_BYTES_MAX} bytes, got ${body.length}`,
  )
}
