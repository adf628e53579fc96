import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { awsPorts, type AwsPorts } from '../../lib/aws/ports.ts'
import { awsClients } from '../../lib/aws/clients.ts'
import { COORDINATOR } from '../../lib/model/actors.ts'
import { environmentOf, startDynamo, startSqs, type Emulator } from './emulators.ts'

/** A table and a queue that nobody made, of emulators that are there. */
describe('what is missing is named, with what it was wanted for', () => {
  let emulators: readonly Emulator[]
  let tables: AwsPorts
  let queues: AwsPorts
  const lines: string[] = []
  const closes: (() => void)[] = []

  const portsOn = ({ endpoint }: Emulator): AwsPorts => {
    const env = {
      ...environmentOf(endpoint),
      MILLRACE_JOB: 'job',
      MILLRACE_TABLE: 'no-such-table',
      MILLRACE_COORDINATOR_QUEUE_URL: `${endpoint}/000000000000/no-such-queue.fifo`,
      MILLRACE_WAKE_QUEUE_URL: `${endpoint}/000000000000/no-such-queue`,
    }
    const services = awsClients(env)
    closes.push(() => services.close())
    return awsPorts({ env, services, line: (text) => lines.push(text) })
  }

  beforeAll(async () => {
    const [dynamo, sqs] = [await startDynamo(), await startSqs()]
    emulators = [dynamo, sqs]
    tables = portsOn(dynamo)
    queues = portsOn(sqs)
  })

  afterAll(async () => {
    for (const close of closes) close()
    for (const emulator of emulators) await emulator.stop()
  })

  it('a table', async () => {
    const expected = /^Expected table "no-such-table" to exist in this account and region, for dynamodb:/
    await expect(tables.log.read(COORDINATOR, undefined)).rejects.toThrow(expected)
    await expect(tables.log.head(COORDINATOR)).rejects.toThrow(expected)
    const entry = { sort: 'L#1', body: Uint8Array.of(1) }
    await expect(tables.log.append(COORDINATOR, entry, 2_000_000_000)).rejects.toThrow(expected)
    const partition = { namespace: 'n', operatorUid: 'uid', keyGroup: 1 }
    await expect(tables.rows.get([{ partition, rowKey: 'key' }])).rejects.toThrow(expected)
    await expect(tables.rows.drop(partition)).rejects.toThrow(expected)
  })

  it('a queue', async () => {
    await expect(queues.wakeUps.wakeAt(COORDINATOR, 0)).rejects.toThrow(
      /^Expected queue .*no-such-queue to exist in this account and region, for sqs:SendMessage/,
    )
    await expect(queues.mailbox.backlog([COORDINATOR])).rejects.toThrow(/no-such-queue\.fifo to exist/)
    const message = { to: COORDINATOR, deduplicationId: '1', body: Uint8Array.of(1) }
    expect(await queues.mailbox.send([message])).toEqual(['failed'])
    expect(lines.join('\n')).toContain('no-such-queue.fifo to exist in this account and region')
  })
})
