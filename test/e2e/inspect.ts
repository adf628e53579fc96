import assert from 'node:assert/strict'

import type { AttributeValue } from '@aws-sdk/client-dynamodb'
import { decodeMetadata } from '../../lib/checkpoint/metadata-codec.ts'
import type { CheckpointRecord } from '../../lib/checkpoint/checkpoint-record.ts'
import { sha256 } from '../../lib/node/sha256.ts'
import { LOG_LIMITS } from '../../lib/serverless/actor/limits.ts'
import type { DeployedJob } from './deployed-job.ts'
import { listObjects, readObject } from './emulator.ts'

type Item = Record<string, AttributeValue>

const DAY_SEC = 24 * 3_600

/** The record of a checkpoint or savepoint, as it stands in S3: checked against its digest. */
export async function readCheckpoint(job: DeployedJob, location: string): Promise<CheckpointRecord> {
  const { emulator, outputs } = job
  const prefix = `s3://${outputs.bucketName}/`
  assert.ok(location.startsWith(prefix), `${location} is in the job's bucket`)
  const key = `${location.slice(prefix.length)}/_metadata`
  assert.ok((await listObjects(emulator, outputs.bucketName, key)).includes(key), `${key} is there`)
  const { Body } = await emulator.s3.getObject({ Bucket: outputs.bucketName, Key: key })
  return decodeMetadata(await Body!.transformToByteArray(), location, sha256)
}

/** Every item of the job's table. */
export async function readTable({
  emulator: { dynamo },
  outputs: { tableName },
}: DeployedJob): Promise<readonly Item[]> {
  const items: Item[] = []
  for (let from: Item | undefined; ;) {
    const page = await dynamo.scan({ TableName: tableName, ConsistentRead: true, ExclusiveStartKey: from })
    items.push(...(page.Items ?? []))
    from = page.LastEvaluatedKey
    if (from === undefined) return items
  }
}

const partitionOf = (item: Item): string => item['pk']?.S ?? ''
const ttlOf = (item: Item): number => Number(item['ttl']?.N)

/** Turn logs: entries of the coordinator, of ingest and of tasks, each of which goes when the log is done with it. */
export function assertLogs(items: readonly Item[]): void {
  const entries = items.filter((item) => partitionOf(item).startsWith('L#') && item['sk']?.S !== '!head')
  for (const kind of ['coordinator', 'ingest:', 'task:']) {
    assert.ok(
      entries.some((item) => partitionOf(item).startsWith(`L#${kind}`)),
      `there are log entries of ${kind}`,
    )
  }
  const nowSec = Date.now() / 1_000
  for (const entry of entries) {
    const days = (ttlOf(entry) - nowSec) / DAY_SEC
    const keptDays = LOG_LIMITS.retentionMs / 1_000 / DAY_SEC
    assert.ok(
      days > keptDays - 1 && days <= keptDays + 1,
      `a log entry of ${partitionOf(entry)} lives for weeks: ${days} days`,
    )
  }
}

/** Rows of an operator's keyed state. */
export function rowsOf(items: readonly Item[], operatorUid: string): readonly Item[] {
  return items.filter(
    (item) => partitionOf(item).startsWith('R#') && partitionOf(item).includes(`#${operatorUid}#`),
  )
}

/** Rows of keyed state, whose time-to-live is that of the state. */
export function assertRows(items: readonly Item[], operatorUid: string, expiryDays: number): void {
  const rows = rowsOf(items, operatorUid)
  assert.ok(rows.length > 0, `there are rows of ${operatorUid}`)
  for (const row of rows) {
    const days = (ttlOf(row) - Date.now() / 1_000) / DAY_SEC
    assert.ok(
      days > expiryDays - 1 && days <= expiryDays + 1,
      `a row of ${operatorUid} expires as its state: ${days} days`,
    )
  }
}

/** What is left for people to look at: expected to be nothing. */
export async function assertNoDeadLetters({ emulator, outputs: { bucketName } }: DeployedJob): Promise<void> {
  const letters = await listObjects(emulator, bucketName, 'dead-letters/')
  const told = await Promise.all(letters.map((key) => readObject(emulator, bucketName, key)))
  assert.deepEqual(told, [], 'no dead letters')
}
