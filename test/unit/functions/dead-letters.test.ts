import { describe, expect, test } from 'vitest'

import { keepDeadLetters, type DeadLetterPorts } from '../../../functions/keep-dead-letters.ts'
import { bodyOfMessageText, encodeMessageText } from '../../../lib/aws/message-text.ts'
import { MemoryBlobStore } from '../../../lib/embedded/memory-blob-store.ts'
import { COORDINATOR, ingestActor, taskActor } from '../../../lib/model/actors.ts'
import { messageOf } from '../../../lib/model/faults.ts'
import type { TaskId } from '../../../lib/model/ids.ts'
import type { OutgoingMessage } from '../../../lib/ports/mailbox.ts'
import { decodeEnvelope, encodeNudge, encodeRequest } from '../../../lib/serverless/actor/envelope.ts'
import type { JobRequest } from '../../../lib/serverless/protocol.ts'

function world({ sends = true, stores = true } = {}) {
  const blobs = new MemoryBlobStore()
  const sent: OutgoingMessage[] = []
  const counted: (readonly [string, number])[] = []
  const warnings: string[] = []
  const ports: DeadLetterPorts = {
    blobs: stores
      ? blobs
      : Object.assign(new MemoryBlobStore(), {
          putIfAbsent: () => Promise.reject(new Error('AccessDenied')),
        }),
    mailbox: {
      async send(messages) {
        if (sends) sent.push(...messages)
        return messages.map(() => (sends ? 'sent' : 'failed'))
      },
      refuse: () => Promise.reject(new Error('not asked for')),
      backlog: () => Promise.reject(new Error('not asked for')),
    },
    observe: {
      event: (event) => void warnings.push(JSON.stringify(event)),
      metric: (name, value) => void counted.push([name, value]),
    },
  }
  const letter = async (messageId: string): Promise<unknown> => {
    const bytes = await blobs.get(`dead-letters/${messageId}.json`)
    return bytes === undefined ? undefined : JSON.parse(Buffer.from(bytes).toString())
  }
  return { ports, sent, counted, warnings, letter }
}

const partition = ingestActor('words', 3)
const body = encodeRequest(partition, { type: 'records' })
const records = { messageId: 'm1', body: encodeMessageText(body) }
const refused = {
  messageId: 'm2',
  body: encodeMessageText(Buffer.from('junk'), 'Expected an envelope, got junk'),
}

function refusalOf(bytes: Uint8Array): string {
  try {
    decodeEnvelope(bytes)
  } catch (cause) {
    return messageOf(cause)
  }
  throw new Error('it is an envelope')
}

describe('a dead letter', () => {
  test('that nobody handled is kept whole, reported to the coordinator, and counted', async () => {
    const { ports, sent, counted, letter } = world()
    expect(await keepDeadLetters([records], ports)).toEqual([])
    const reason = 'A message to ingest:words#3 was received as often as its queue allows, and never handled'
    expect(await letter('m1')).toEqual({
      messageId: 'm1',
      actor: partition,
      kind: 'request',
      reason,
      body: Buffer.from(body).toString('base64'),
    })
    const [report] = sent
    expect(report).toMatchObject({ to: COORDINATOR, deduplicationId: 'dead-m1' })
    const request: JobRequest = { type: 'dead-letter', requestId: 'm1', actor: partition, reason }
    expect(decodeEnvelope(report!.body)).toEqual({ kind: 'request', to: COORDINATOR, payload: request })
    expect(counted).toEqual([['numberOfDeadLetters', 1]])
  })

  test('that its receiver refused is kept with the reason, and fails nothing', async () => {
    const { ports, sent, counted, letter } = world()
    expect(await keepDeadLetters([refused], ports)).toEqual([])
    expect(await letter('m2')).toMatchObject({ actor: 'unknown', reason: 'Expected an envelope, got junk' })
    expect(sent).toEqual([])
    expect(counted).toEqual([['numberOfDeadLetters', 1]])
  })

  test.each(['{ "sensor": "a", "celsius": 21.5 }', 'hello world', '!!!'])(
    'that is text of others is kept as it was, with a true reason: %s',
    async (text) => {
      const { ports, letter } = world()
      const bytes = bodyOfMessageText(text)
      const reason = refusalOf(bytes)
      expect(reason).toBe('Expected an envelope, got what is no message of Millrace')
      await keepDeadLetters([{ messageId: 'm5', body: encodeMessageText(bytes, reason) }], ports)
      const kept = { actor: 'unknown', reason, text, body: Buffer.from(text).toString('base64') }
      expect(await letter('m5')).toEqual({ messageId: 'm5', ...kept })
    },
  )

  test('that nobody could refuse is kept as it was, with what is wrong with it, and fails nothing', async () => {
    const { ports, sent, letter } = world()
    expect(await keepDeadLetters([{ messageId: 'm6', body: '{ "celsius": 21.5 }' }], ports)).toEqual([])
    expect(await letter('m6')).toMatchObject({
      reason: 'Expected an envelope, got what is no message of Millrace',
      text: '{ "celsius": 21.5 }',
    })
    expect(sent).toEqual([])
  })

  test('that is a report of a dead letter is not reported again', async () => {
    const { ports, sent, letter } = world()
    const request: JobRequest = { type: 'dead-letter', requestId: 'm1', actor: partition, reason: 'x' }
    const report = { messageId: 'm3', body: encodeMessageText(encodeRequest(COORDINATOR, request)) }
    expect(await keepDeadLetters([report], ports)).toEqual([])
    expect(await letter('m3')).toMatchObject({ actor: COORDINATOR })
    expect(sent).toEqual([])
  })

  test('that comes twice is kept once, and reported under one id', async () => {
    const { ports, sent } = world()
    const nudge = {
      messageId: 'm4',
      body: encodeMessageText(encodeNudge(taskActor('sum#0' as TaskId), false)),
    }
    await keepDeadLetters([nudge], ports)
    expect(await keepDeadLetters([nudge], ports)).toEqual([])
    expect(sent.map(({ deduplicationId }) => deduplicationId)).toEqual(['dead-m4', 'dead-m4'])
  })

  test('that could not be reported comes again, and those beside it do not', async () => {
    const { ports, counted } = world({ sends: false })
    expect(await keepDeadLetters([refused, records], ports)).toEqual(['m1'])
    expect(counted).toEqual([['numberOfDeadLetters', 1]])
  })

  test('that could not be kept comes again, unreported, and the log says why', async () => {
    const { ports, sent, warnings } = world({ stores: false })
    expect(await keepDeadLetters([records], ports)).toEqual(['m1'])
    expect(sent).toEqual([])
    expect(warnings.join()).toContain('AccessDenied')
  })
})
