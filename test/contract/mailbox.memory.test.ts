import { describe, expect, it } from 'vitest'
import { taskActor } from '../../lib/model/actors.ts'
import { taskId } from '../../lib/model/ids.ts'
import { ManualClock, SeededRandom } from '../../lib/testing/index.ts'
import { CallLedger } from '../world/call-ledger.ts'
import type { FifoQueue, ReceivedMessage } from '../world/fifo-queue.ts'
import { MemoryMailbox } from '../world/memory-mailbox.ts'
import { PlannedFaults } from '../world/planned-faults.ts'
import { mailboxContract } from './mailbox.ts'
import type { MailboxHarness } from './mailbox.ts'

const VISIBILITY_MS = 36_000
const RECEIVES_MAX = 4

for (const deduplicationScope of ['queue', 'messageGroup'] as const)
  mailboxContract(`MemoryMailbox that deduplicates within the ${deduplicationScope}`, () => {
    const clock = new ManualClock()
    const faults = new PlannedFaults()
    const model = new MemoryMailbox({
      clock,
      visibilityMs: VISIBILITY_MS,
      maxReceiveCount: RECEIVES_MAX,
      deduplicationScope,
    })
    const harness: MailboxHarness<ReceivedMessage> = {
      mailbox: model.client({ faults }),
      receive: (actor) => Promise.resolve(model.queueFor(actor).receive()),
      acknowledge: (actor, deliveries) =>
        Promise.resolve(model.queueFor(actor).delete(deliveries.map(({ receiptHandle }) => receiptHandle))),
      giveBack: (actor, deliveries) => {
        for (const { receiptHandle } of deliveries) model.queueFor(actor).changeVisibility(receiptHandle, 0)
        return Promise.resolve()
      },
      deadLetters: () => Promise.resolve(model.deadLetters.receive()),
      receivesMax: RECEIVES_MAX,
      visibilityMs: VISIBILITY_MS,
      advance: (ms) => clock.advance(ms),
      failNextSend: (entries) =>
        entries === 'all'
          ? faults.throttle('mailbox.send')
          : faults.entries('mailbox.send', entries, 'refused'),
    }
    return Promise.resolve(harness as MailboxHarness)
  })

const ACTOR = taskActor(taskId('one', 0))
const OTHER = taskActor(taskId('two', 0))
const outgoing = (number: number, to = ACTOR) => ({
  to,
  deduplicationId: `${to}-${number}`,
  body: Uint8Array.of(number),
})
const numbers = (messages: readonly ReceivedMessage[]): number[] => messages.map(({ body }) => body[0]!)
const deleteAll = (queue: FifoQueue, messages: readonly ReceivedMessage[]): void =>
  queue.delete(messages.map(({ receiptHandle }) => receiptHandle))

describe('MemoryMailbox behaves like SQS behind Lambda', () => {
  it('sends a message although it says that it failed, where the answer was lost', async () => {
    const faults = new PlannedFaults()
    const model = new MemoryMailbox({ clock: new ManualClock() })
    const mailbox = model.client({ faults })
    faults.loseAnswer('mailbox.send')
    expect(await mailbox.send([outgoing(0), outgoing(1)])).toEqual(['failed', 'failed'])
    faults.entries('mailbox.send', [1], 'lost')
    expect(await mailbox.send([outgoing(2), outgoing(3)])).toEqual(['sent', 'failed'])
    // The same id again: a repeat of what was dropped is swallowed, and counts as sent.
    expect(await mailbox.send([outgoing(3)])).toEqual(['sent'])
    expect(numbers(model.queueFor(ACTOR).receive())).toEqual([0, 1, 2, 3])
  })

  it('swallows what the client library sends twice', async () => {
    const faults = new PlannedFaults()
    const model = new MemoryMailbox({ clock: new ManualClock() })
    faults.repeat('mailbox.send')
    expect(await model.client({ faults }).send([outgoing(0)])).toEqual(['sent'])
    expect(model.queueFor(ACTOR).size).toBe(1)
  })

  it('delivers again what was deleted, before later messages of its group', async () => {
    const model = new MemoryMailbox({ clock: new ManualClock() })
    const queue = model.queueFor(ACTOR)
    expect(queue.redeliver(new SeededRandom(1))).toBe(false)
    await model.client().send([outgoing(0)])
    deleteAll(queue, queue.receive())
    await model.client().send([outgoing(1)])
    expect(queue.redeliver(new SeededRandom(1))).toBe(true)
    const again = queue.receive()
    expect(numbers(again)).toEqual([0, 1])
    expect(again[0]!.receiveCount).toBe(2)
  })

  it('gives any groups, and any number of messages, where chance decides', async () => {
    const random = new SeededRandom(7)
    const seen = new Set<string>()
    for (let round = 0; round < 200; round++) {
      const model = new MemoryMailbox({ clock: new ManualClock() })
      await model.client().send([0, 1, 2].flatMap((number) => [outgoing(number), outgoing(number, OTHER)]))
      const messages = model.queueFor(ACTOR).receive(10, random)
      for (const actor of [ACTOR, OTHER]) {
        const own = numbers(messages.filter(({ group }) => group === actor))
        expect(own).toEqual([0, 1, 2].slice(0, own.length))
      }
      seen.add(`${messages[0]!.group} ${messages.length}`)
    }
    expect(seen.size).toBe(12)
  })

  it('looks at other groups before it comes back to one', async () => {
    const model = new MemoryMailbox({ clock: new ManualClock() })
    const queue = model.queueFor(ACTOR)
    await model.client().send([0, 1, 2].map((number) => outgoing(number)))
    await model.client().send([outgoing(9, OTHER)])
    deleteAll(queue, queue.receive(2))
    expect(numbers(queue.receive(1))).toEqual([9])
  })

  it('ignores a receipt whose time is over, also when nobody else received the message', async () => {
    const clock = new ManualClock()
    const model = new MemoryMailbox({ clock, visibilityMs: 1000 })
    const queue = model.queueFor(ACTOR)
    await model.client().send([outgoing(0)])
    const messages = queue.receive()
    expect([queue.inFlight, queue.nextReceivableMs]).toEqual([1, 1000])
    clock.advance(1000)
    deleteAll(queue, messages)
    expect([queue.size, queue.inFlight, queue.nextReceivableMs]).toEqual([1, 0, 1000])
  })

  it('rejects where a refusal or the size of a backlog cannot be had', async () => {
    const faults = new PlannedFaults()
    const mailbox = new MemoryMailbox({ clock: new ManualClock() }).client({ faults })
    faults.throttle('mailbox.refuse')
    await expect(mailbox.refuse({ messageId: 'm', body: Uint8Array.of(1) }, 'why')).rejects.toThrow(
      'throttled',
    )
    faults.throttle('mailbox.backlog')
    await expect(mailbox.backlog([ACTOR])).rejects.toThrow('throttled')
  })

  it('counts requests as SQS bills them: ten messages and 64 KB each', async () => {
    const ledger = new CallLedger()
    const pollerLedger = new CallLedger()
    const model = new MemoryMailbox({ clock: new ManualClock(), pollerLedger })
    const mailbox = model.client({ ledger })
    await mailbox.send(Array.from({ length: 12 }, (_, number) => outgoing(number)))
    expect([ledger.calls('mailbox.send'), ledger.units().fifoRequests]).toEqual([2, 2])
    // 90,000 bytes are 120,000 of text.
    await mailbox.send([{ to: ACTOR, deduplicationId: 'large', body: new Uint8Array(90_000) }])
    expect([ledger.calls('mailbox.send'), ledger.units().fifoRequests]).toEqual([3, 4])
    await mailbox.backlog([ACTOR])
    expect([ledger.calls(), ledger.units().fifoRequests]).toEqual([4, 5])
    const queue = model.queueFor(ACTOR)
    deleteAll(queue, queue.receive())
    queue.receive()
    expect(pollerLedger.counts().map(({ name, calls, units }) => [name, calls, units.fifoRequests])).toEqual([
      ['delete', 1, 1],
      ['receive', 2, 3],
    ])
  })
})
