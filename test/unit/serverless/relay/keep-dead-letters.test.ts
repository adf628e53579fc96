import { describe, expect, test } from 'vitest'

import { decodeMessageText } from '../../../../lib/aws/message-text.ts'
import { MemoryBlobStore } from '../../../../lib/embedded/memory-blob-store.ts'
import { COORDINATOR, ingestActor, taskActor } from '../../../../lib/model/actors.ts'
import { messageOf } from '../../../../lib/model/faults.ts'
import type { TaskId } from '../../../../lib/model/ids.ts'
import type { OutgoingMessage } from '../../../../lib/ports/mailbox.ts'
import {
  decodeEnvelope,
  encodeEnvelope,
  encodeNudge,
  encodeRequest,
} from '../../../../lib/serverless/actor/envelope.ts'
import { pack } from '../../../../lib/serverless/actor/packing.ts'
import type { IngestRequest } from '../../../../lib/serverless/ingest/ingest-state.ts'
import type { JobRequest } from '../../../../lib/serverless/protocol.ts'
import { keepDeadLetters, type DeadLetterPorts } from '../../../../lib/serverless/relay/keep-dead-letters.ts'

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

const task = taskActor('sum#0' as TaskId)
const body = encodeEnvelope({
  kind: 'message',
  from: taskActor('words#1' as TaskId),
  to: task,
  attempt: 3,
  sequence: 7,
  payload: { bytes: pack('elements') },
})
const unrefused = { reason: undefined }
const lost = { messageId: 'm1', body, ...unrefused }
const refused = {
  messageId: 'm2',
  body: Buffer.from('junk'),
  reason: 'Expected an envelope, got junk',
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
  test('that nobody handled is kept whole, reported to the coordinator with its attempt, and counted', async () => {
    const { ports, sent, counted, warnings, letter } = world()
    expect(await keepDeadLetters([lost], ports)).toEqual({ failed: [] })
    const reason = 'A message to task:sum#0 was received as often as its queue allows, and never handled'
    expect(await letter('m1')).toEqual({
      messageId: 'm1',
      actor: task,
      kind: 'message',
      reason,
      body: Buffer.from(body).toString('base64'),
    })
    const [report] = sent
    expect(report).toMatchObject({ to: COORDINATOR, deduplicationId: 'dead-m1' })
    const request: JobRequest = { type: 'dead-letter', requestId: 'm1', actor: task, attempt: 3, reason }
    expect(decodeEnvelope(report!.body)).toEqual({ kind: 'request', to: COORDINATOR, payload: request })
    expect(counted).toEqual([['numberOfDeadLetters', 1]])
    expect(warnings.join()).toContain(reason)
  })

  const resend = { kind: 'resend', to: task, from: COORDINATOR, attempt: 3, next: 8 } as const
  test.each([
    ['a nudge', encodeNudge(task, 5)],
    ['a request to send again', encodeEnvelope(resend)],
    ['the answer that there is nothing to send', encodeEnvelope({ ...resend, kind: 'gone' })],
  ])('that is %s is kept and sent again, and fails nothing', async (_name, bytes) => {
    const { ports, sent, counted, letter } = world()
    expect(await keepDeadLetters([{ messageId: 'm4', body: bytes, ...unrefused }], ports)).toEqual({
      failed: [],
    })
    expect(sent.map((one) => ({ ...one, body: [...one.body] }))).toEqual([
      { to: task, deduplicationId: 'dead-m4', body: [...bytes] },
    ])
    expect(await letter('m4')).toMatchObject({ actor: task })
    expect(counted).toEqual([['numberOfDeadLetters', 1]])
  })

  const report: JobRequest = { type: 'dead-letter', requestId: 'm1', actor: task, reason: 'x' }
  test.each([
    ['a question of a user', COORDINATOR, { type: 'cancel', requestId: 'r' }],
    ['a report of a dead letter', COORDINATOR, report],
    ['one to an ingest partition', ingestActor('words', 3), { type: 'records' }],
  ])('that is a request, such as %s, is kept and told of, and fails nothing', async (_name, to, payload) => {
    const { ports, sent, warnings, letter } = world()
    const request = { messageId: 'm3', body: encodeRequest(to, payload), ...unrefused }
    expect(await keepDeadLetters([request], ports)).toEqual({ failed: [] })
    expect(await letter('m3')).toMatchObject({ actor: to, kind: 'request' })
    expect(sent).toEqual([])
    expect(warnings.join()).toContain(`A message to ${to} was received as often`)
  })

  test('that its receiver refused is kept with the reason, and fails nothing', async () => {
    const { ports, sent, counted, letter } = world()
    expect(await keepDeadLetters([refused], ports)).toEqual({ failed: [] })
    expect(await letter('m2')).toMatchObject({ actor: 'unknown', reason: 'Expected an envelope, got junk' })
    expect(sent).toEqual([])
    expect(counted).toEqual([['numberOfDeadLetters', 1]])
  })

  test.each(['{ "sensor": "a", "celsius": 21.5 }', 'hello world', '!!!'])(
    'that is text of others is kept as it was, with a true reason: %s',
    async (text) => {
      const { ports, letter } = world()
      const { body: bytes } = decodeMessageText(text)
      const reason = refusalOf(bytes)
      expect(reason).toBe('Expected an envelope, got what is no message of Millrace')
      await keepDeadLetters([{ messageId: 'm5', body: bytes, reason }], ports)
      const kept = { actor: 'unknown', reason, text, body: Buffer.from(text).toString('base64') }
      expect(await letter('m5')).toEqual({ messageId: 'm5', ...kept })
    },
  )

  test('that nobody could refuse is kept as it was, with what is wrong with it, and fails nothing', async () => {
    const { ports, sent, letter } = world()
    expect(
      await keepDeadLetters([{ messageId: 'm6', ...decodeMessageText('{ "celsius": 21.5 }') }], ports),
    ).toEqual({ failed: [] })
    expect(await letter('m6')).toMatchObject({
      reason: 'Expected an envelope, got what is no message of Millrace',
      text: '{ "celsius": 21.5 }',
    })
    expect(sent).toEqual([])
  })

  test('with records for an ingest partition has them readable, and beside them the text to be sent again', async () => {
    const { ports, letter } = world()
    const group = {
      receivedAtMs: 7,
      ids: { key: 'k', first: 2 },
      bodies: ['{ "sensor": "a" }', 'no JSON'],
      refusals: [[1, 'Expected JSON']] as const,
    }
    const request: IngestRequest = { type: 'records', group }
    const bytes = encodeRequest(ingestActor('words', 3), request)
    expect(await keepDeadLetters([{ messageId: 'm7', body: bytes, ...unrefused }], ports)).toEqual({
      failed: [],
    })
    expect(await letter('m7')).toEqual({
      messageId: 'm7',
      actor: 'ingest:words#3',
      kind: 'request',
      reason: 'A message to ingest:words#3 was received as often as its queue allows, and never handled',
      records: [
        { id: 'k-2', body: '{ "sensor": "a" }', receivedAtMs: 7 },
        { id: 'k-3', body: 'no JSON', receivedAtMs: 7, refusal: 'Expected JSON' },
      ],
      body: Buffer.from(bytes).toString('base64'),
    })
  })

  test('that comes twice is kept once, and reported under one id', async () => {
    const { ports, sent } = world()
    await keepDeadLetters([lost], ports)
    expect(await keepDeadLetters([lost], ports)).toEqual({ failed: [] })
    expect(sent.map(({ deduplicationId }) => deduplicationId)).toEqual(['dead-m1', 'dead-m1'])
  })

  test('that could not be reported comes again, and those beside it do not', async () => {
    const { ports, counted } = world({ sends: false })
    expect(await keepDeadLetters([refused, lost], ports)).toEqual({ failed: ['m1'] })
    expect(counted).toEqual([['numberOfDeadLetters', 1]])
  })

  test('that could not be kept comes again, unreported, and the log says why', async () => {
    const { ports, sent, warnings } = world({ stores: false })
    expect(await keepDeadLetters([lost], ports)).toEqual({ failed: ['m1'] })
    expect(sent).toEqual([])
    expect(warnings.join()).toContain('AccessDenied')
  })
})
