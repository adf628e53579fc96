import { describe, expect, test } from 'vitest'

import { taskActor } from '../../../../lib/model/actors.ts'
import type { ActorId, TaskId } from '../../../../lib/model/ids.ts'
import type { OutgoingMessage } from '../../../../lib/ports/mailbox.ts'
import { decodeEnvelope } from '../../../../lib/serverless/actor/envelope.ts'
import type { JobHappening } from '../../../../lib/serverless/observe.ts'
import { relayWakeUps, type RelayPorts } from '../../../../lib/serverless/relay/relay-wake-ups.ts'
import { decodeWakeUp, encodeWakeUp } from '../../../../lib/serverless/relay/wake-up.ts'

const NOW_MS = 1_000_000
const actor = taskActor('sum#0' as TaskId)

/** Ports that note what is asked of them; `broken`: those that fail. */
function notingPorts(broken?: 'mailbox' | 'wakeUps' | 'deadLetters') {
  const sent: OutgoingMessage[] = []
  const hops: (readonly [ActorId, number])[] = []
  const refused: (readonly [messageId: string, text: string, reason: string])[] = []
  const events: JobHappening[] = []
  const ports: RelayPorts = {
    now: () => NOW_MS,
    mailbox: {
      async send(messages) {
        sent.push(...messages)
        return messages.map(() => (broken === 'mailbox' ? 'failed' : 'sent'))
      },
      async refuse({ messageId, body }, reason) {
        if (broken === 'deadLetters') throw new Error('throttled')
        refused.push([messageId, Buffer.from(body).toString(), reason])
      },
      backlog: () => Promise.reject(new Error('not asked for')),
    },
    wakeUps: {
      async wakeAt(to, atMs) {
        if (broken === 'wakeUps') throw new Error('throttled')
        hops.push([to, atMs])
      },
    },
    observe: { event: (event) => void events.push(event), metric: () => {} },
  }
  return { ports, sent, hops, refused, events }
}

const due = { messageId: 'm1', body: Buffer.from(encodeWakeUp({ actor, atMs: NOW_MS })) }
const early = { messageId: 'm2', body: Buffer.from(encodeWakeUp({ actor, atMs: NOW_MS + 1 })) }
const foreign = { messageId: 'm3', body: Buffer.from('hello') }

describe('a wake-up', () => {
  test('that is due becomes a nudge to its actor, under an id that its repeat has too', async () => {
    const { ports, sent, hops } = notingPorts()
    expect(await relayWakeUps([due], ports)).toEqual({ failed: [] })
    await relayWakeUps([due], ports)
    const [first, again] = sent
    expect(first!.to).toBe(actor)
    expect(decodeEnvelope(first!.body)).toEqual({ kind: 'nudge', to: actor, wakeUpAtMs: NOW_MS })
    expect(again!.deduplicationId).toBe(first!.deduplicationId)
    expect(hops).toEqual([])
  })

  test('that came early goes on its way again', async () => {
    const { ports, sent, hops } = notingPorts()
    expect(await relayWakeUps([early], ports)).toEqual({ failed: [] })
    expect(hops).toEqual([[actor, NOW_MS + 1]])
    expect(sent).toEqual([])
  })

  test('that is none goes to the dead letters with the reason, and blocks nothing', async () => {
    const { ports, sent, refused, events } = notingPorts()
    expect(await relayWakeUps([foreign, due], ports)).toEqual({ failed: [] })
    const reason = 'Expected a wake-up, got "hello"'
    expect(refused).toEqual([['m3', 'hello', reason]])
    expect(events).toEqual([{ type: 'poison-message', messageId: 'm3', reason }])
    expect(sent).toHaveLength(1)
  })

  test.each([
    ['mailbox', ['m1'], []],
    ['wakeUps', ['m2'], ['Wake-up m2 comes again: throttled']],
    ['deadLetters', ['m3'], ['Wake-up m3 comes again: throttled']],
  ] as const)('that could not be passed on comes again: %s', async (broken, failed, warnings) => {
    const { ports, events } = notingPorts(broken)
    expect(await relayWakeUps([due, early, foreign], ports)).toEqual({ failed })
    // The mailbox itself warns of what it could not send.
    const told = events.flatMap((event) => (event.type === 'warning' ? [event.message] : []))
    expect(told).toEqual(warnings)
  })
})

describe('the text of a wake-up', () => {
  const wakeUp = { actor: 'ingest:é 😀#3' as ActorId, atMs: 1000 }

  test('is of ASCII alone, which every SQS takes, and says it all', () => {
    expect(encodeWakeUp(wakeUp)).toMatch(/^[ -~]+$/)
    expect(decodeWakeUp(encodeWakeUp(wakeUp))).toEqual(wakeUp)
  })

  test.each([
    '',
    'no JSON',
    'null',
    '[]',
    '{"actor":"a"}',
    '{"actor":1,"atMs":1}',
    '{"actor":"a","atMs":"1"}',
  ])('is not %j', (other) => expect(decodeWakeUp(other)).toBeUndefined())
})
