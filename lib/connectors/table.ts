import { messageOf, UserError } from '../model/faults.ts'
import { isFromCheckpoint, versionPrefix } from '../model/versions.ts'
import {
  TABLE_ITEM_BYTES_MAX,
  type ItemStamp,
  type Outside,
  type OutsideTable,
  type TableItem,
} from '../ports/outside.ts'
import type { SinkContext, WriterSink } from '../stream/sink.ts'
import { inParallel } from './in-parallel.ts'
import { persist, PERSISTENCE } from './persist.ts'
import { shortened } from './quoted.ts'
import { reachOutside } from './reach-outside.ts'
import { OptionProblems } from './sink-options.ts'
import { itemBytes, tableItem } from './table-item.ts'

export interface TableOptions<T> {
  /** The name of a DynamoDB table that is there. */
  readonly table: string
  /** The attributes of the table's key, with a record's values: `{ sensor: r.sensor }`. */
  readonly key: (value: T) => Readonly<Record<string, string | number | Uint8Array>>
  /** The other attributes. Default: the record's properties, if it is an object; otherwise it is the attribute `value`. */
  readonly item?: (value: T) => object
}

const KIND = 'table'
/** Writes under way at once. */
const WRITES_MAX = 16
/** The stamp's attributes, with their names. */
const STAMP_BYTES = 1_000

/**
 * Keeps the latest record of each key as an item of a DynamoDB table (upsert): an item is replaced whole. It has two
 * attributes more, `millrace_version` and `millrace_writer`, by which late writes of invocations that were superseded
 * are told and dropped.
 *
 * Delivery: exactly-once in effect. An item may show what a restart takes back until it is written again; once the
 * records after the restored checkpoint have come through again it is as if nothing had failed. For that, the same
 * records must lead to the same keys: an item that only a lost attempt wrote stays.
 * Order: that of the subtask, key by key: partition the stream by what makes the key. Of several records of a key that
 * come together only the last is written.
 *
 * Properties that are undefined are left out, dates become ISO text. A large whole number is a `bigint`.
 *
 * @throws UserError while it runs: an item above 400 KB, values that a table cannot hold, what DynamoDB refuses. PlatformFault
 * when it was not available several times in a row: a failure of the job in one process; on AWS its messages come again, which
 * fails the job when it goes on for minutes.
 */
export function table<T>(options: TableOptions<T>): WriterSink<T> {
  const { table: name } = options
  const problems = new OptionProblems(KIND)
  problems.expect(/^[\w.-]{3,255}$/.test(name), 'table', 'the name of a table', name)
  problems.refuse()
  return {
    type: 'writer',
    kind: KIND,
    writesTo: { type: 'table', table: name },
    writes: 'committed',
    createWriter(ctx) {
      const outside = reachOutside(KIND, 'Amazon DynamoDB', '@aws-sdk/client-dynamodb', ctx)
      const target = outside.table(name)
      return {
        async write(values) {
          const stamp = stampOf(ctx)
          const latest = new Map(values.map((value) => itemOf(options, value)))
          await inParallel([...latest], WRITES_MAX, (entry) => put(name, target, entry, stamp, outside))
        },
      }
    },
  }
}

/** What is restored from a checkpoint is older than all that any subtask writes in this attempt. */
function stampOf(ctx: SinkContext): ItemStamp {
  const version = ctx.version()
  return {
    sink: `${ctx.lineage}/${ctx.operatorUid}`,
    subtask: ctx.subtaskIndex,
    version,
    overPeersOf: isFromCheckpoint(version) ? undefined : versionPrefix(ctx.attempt),
  }
}

/** The key as text, and the item. */
function itemOf<T>({ table: name, key, item }: TableOptions<T>, value: T): [string, TableItem] {
  const keyAttributes = key(value)
  const shown = JSON.stringify(keyAttributes, (_, one: unknown) =>
    one instanceof Uint8Array ? [...one] : one,
  )
  const refuse = (problem: string): never => {
    throw new UserError(
      `${KIND}: cannot write the item with the key ${shortened(shown)} to ${name}: ${problem}`,
    )
  }
  const expected = 'expected a key of at least one attribute, each text, a number or bytes'
  const parts = Object.values(keyAttributes)
  if (parts.length === 0 || parts.some((part) => part === undefined || part === null || part === ''))
    refuse(expected)
  let converted: TableItem
  try {
    converted = { ...tableItem(attributesOf(item, value), ''), ...tableItem(keyAttributes, '') }
  } catch (cause) {
    return refuse(messageOf(cause))
  }
  const bytes = itemBytes(converted) + STAMP_BYTES
  if (bytes > TABLE_ITEM_BYTES_MAX)
    refuse(`expected at most ${TABLE_ITEM_BYTES_MAX} bytes, got about ${bytes}`)
  return [shown, converted]
}

function attributesOf<T>(item: ((value: T) => object) | undefined, value: T): object {
  if (item !== undefined) return item(value)
  const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value)
  return isRecord && !(value instanceof Uint8Array) ? value : { value }
}

async function put(
  name: string,
  target: OutsideTable,
  [key, item]: [string, TableItem],
  stamp: ItemStamp,
  outside: Outside,
): Promise<void> {
  const what = `${KIND}: cannot write the item with the key ${shortened(key)} to ${name}`
  await persist(what, outside, PERSISTENCE, async () => {
    const answer = await target.put(item, stamp)
    if (answer.type === 'refused') throw new UserError(`${what}: ${answer.reason}`)
    // A stale writer's job is done by another one.
    return answer.type === 'unavailable' ? { type: 'again', reason: answer.reason } : { type: 'done' }
  })
}
