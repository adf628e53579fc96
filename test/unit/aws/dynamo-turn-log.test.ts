import { describe, expect, it } from 'vitest'
import { DynamoTable } from '../../../lib/aws/dynamo-table.ts'
import { DynamoTurnLog } from '../../../lib/aws/dynamo-turn-log.ts'
import { COORDINATOR } from '../../../lib/model/actors.ts'
import { LOG_BODY_BYTES_MAX } from '../../../lib/ports/turn-log.ts'
import { ManualClock } from '../../../lib/testing/index.ts'
import { turnLogContract } from '../../contract/turn-log.ts'
import { FakeDynamo, type FakeDynamoOptions } from './fake-dynamo.ts'
import { quickRetrying } from './fakes.ts'

function logOn(dynamo: FakeDynamo): DynamoTurnLog {
  return new DynamoTurnLog(new DynamoTable(dynamo.requests(), quickRetrying().retrying, () => 'table'))
}

const SUBJECTS: readonly (readonly [string, FakeDynamoOptions])[] = [
  ['three items a page', { pageItems: 3 }],
  ['an item a page', { pageItems: 1 }],
]

for (const [name, options] of SUBJECTS)
  turnLogContract(`DynamoTurnLog on a fake table with ${name}`, () => {
    const dynamo = new FakeDynamo(options)
    const clock = new ManualClock(1_700_000_000_000)
    return Promise.resolve({
      log: logOn(dynamo),
      nowMs: () => clock.now(),
      expireAt: (atMs) => {
        clock.advanceTo(atMs)
        dynamo.expire(atMs)
        return Promise.resolve()
      },
    })
  })

describe('DynamoTurnLog', () => {
  it('tells of its own entry that it exists, where the answer to the append was lost', async () => {
    let isLost = false
    const dynamo = new FakeDynamo({
      around: (when, operation) => {
        if (when !== 'after' || operation !== 'putItem' || isLost) return
        isLost = true
        throw Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' })
      },
    })
    const log = logOn(dynamo)
    expect(await log.append(COORDINATOR, { sort: 'L#1', body: Uint8Array.of(1) }, 1)).toBe('exists')
    expect((await log.read(COORDINATOR, undefined)).entries).toHaveLength(1)
  })

  it('gives an entry the time it expires at in whole seconds, and a head none', async () => {
    const dynamo = new FakeDynamo()
    const log = logOn(dynamo)
    await log.append(COORDINATOR, { sort: 'L#1', body: Uint8Array.of(1) }, 1_700_000_000)
    await log.putHead(COORDINATOR, { version: '1', body: Uint8Array.of(1) })
    expect(dynamo.ofPartition('L').map(({ sk, ttl }) => [sk!.S, ttl])).toEqual([
      ['L#1', { N: '1700000000' }],
      ['!head', undefined],
    ])
  })

  it('refuses what is no entry of a log', async () => {
    const log = logOn(new FakeDynamo())
    const large = new Uint8Array(LOG_BODY_BYTES_MAX + 1)
    await expect(log.append(COORDINATOR, { sort: 'L#1', body: large }, 1)).rejects.toThrow(
      'a body has at most',
    )
    await expect(log.append(COORDINATOR, { sort: '!x', body: new Uint8Array() }, 1)).rejects.toThrow(
      'sort is',
    )
    await expect(log.putHead(COORDINATOR, { version: 'é', body: new Uint8Array() })).rejects.toThrow('ASCII')
  })
})
