import { describe, expect, it, vi } from 'vitest'
import { COORDINATOR, ingestActor, taskActor } from '../../lib/model/actors.ts'
import { taskId } from '../../lib/model/ids.ts'
import type { ActorId } from '../../lib/model/ids.ts'
import { MESSAGE_BYTES_MAX } from '../../lib/ports/mailbox.ts'
import type { Mailbox } from '../../lib/ports/mailbox.ts'
import { has, opener, sameBytes, someBytes, notShown } from './harness.ts'
import type { Gaps, Harness } from './harness.ts'

/** A message as it came out of a queue. */
export interface Delivery {
  readonly body: Uint8Array
  /** How often it came, this time included. */
  readonly receiveCount: number
}

/** A mailbox, empty at first, and the other end of its queues: `D` is what that end needs to name a delivery. */
export interface MailboxHarness<D extends Delivery = Delivery> extends Harness {
  readonly mailbox: Mailbox
  /** What can be received now from the queue that `actor` is served from, ten messages at most, and hides it. */
  receive(actor: ActorId): Promise<readonly D[]>
  acknowledge(actor: ActorId, deliveries: readonly D[]): Promise<void>
  /** They can be received again at once. */
  giveBack(actor: ActorId, deliveries: readonly D[]): Promise<void>
  /** Those so far. */
  deadLetters(): Promise<readonly { readonly body: Uint8Array; readonly reason?: string | undefined }[]>
  /** A message comes up so often, then it is a dead letter. */
  readonly receivesMax: number
  readonly visibilityMs: number
  /** Without the gap `controlsTime`. */
  readonly advance?: (ms: number) => void
  /** Without the gap `failsSends`: of the next request, these entries fail, or all of it. */
  readonly failNextSend?: (entries: readonly number[] | 'all') => void
}

export type MailboxCapability =
  /** Time can be moved. */
  | 'controlsTime'
  /** Sends can be made to fail. */
  | 'failsSends'
  /** One receive may give several messages of one group, and of several groups. */
  | 'groupBatches'
  /** Dead letters can be looked at. */
  | 'deadLetters'

const ONE = taskActor(taskId('one', 0))
const TWO = taskActor(taskId('two', 0))
const INGEST = ingestActor('source', 0)

let ids = 0
const textOf = (body: Uint8Array): string => new TextDecoder().decode(body)
const message = (to: ActorId, text: string, deduplicationId = `id-${++ids}`) => ({
  to,
  deduplicationId,
  body: new TextEncoder().encode(text),
})
const numbered = (to: ActorId, count: number, prefix = '') =>
  Array.from({ length: count }, (_, index) => message(to, `${prefix}${index}`))
const texts = (count: number, prefix = ''): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`)

/** What comes, as soon as anything does. */
function receiveSome<D extends Delivery>(harness: MailboxHarness<D>, actor: ActorId): Promise<readonly D[]> {
  return vi.waitFor(async () => {
    const deliveries = await harness.receive(actor)
    expect(deliveries).not.toHaveLength(0)
    return deliveries
  })
}

/** Receives and acknowledges until so many came. */
async function drain(harness: MailboxHarness, actor: ActorId, count: number): Promise<Uint8Array[]> {
  const bodies: Uint8Array[] = []
  while (bodies.length < count) {
    const deliveries = await receiveSome(harness, actor)
    bodies.push(...deliveries.map(({ body }) => body))
    await harness.acknowledge(actor, deliveries)
  }
  return bodies
}

const drainTexts = async (harness: MailboxHarness, actor: ActorId, count: number): Promise<string[]> =>
  (await drain(harness, actor, count)).map(textOf)

/** What every mailbox must do, whatever carries the messages. `open` gives an empty one. */
export function mailboxContract(
  name: string,
  openOne: () => Promise<MailboxHarness>,
  gaps: Gaps<MailboxCapability> = {},
): void {
  describe(`${name} keeps the contract of a mailbox${notShown(gaps)}`, () => {
    const open = opener(openOne)
    sending(open)
    receiving(open)
    if (gaps.groupBatches === undefined) groupBatches(open)
    if (gaps.controlsTime === undefined) overTime(open)
    if (gaps.failsSends === undefined) failing(open)
    if (gaps.deadLetters === undefined) deadLetters(open)
  })
}

function sending(open: () => Promise<MailboxHarness>): void {
  it('sends nothing when there is nothing to send', async () => {
    const { mailbox } = await open()
    expect(await mailbox.send([])).toEqual([])
  })

  it('delivers the messages to one actor in the order they were sent, over many requests', async () => {
    const harness = await open()
    const answers = await harness.mailbox.send(numbered(ONE, 25))
    expect(answers).toEqual(Array.from({ length: 25 }, () => 'sent'))
    expect(await harness.mailbox.send(numbered(ONE, 3, 'later-'))).toEqual(['sent', 'sent', 'sent'])
    expect(await drainTexts(harness, ONE, 28)).toEqual([...texts(25), ...texts(3, 'later-')])
  })

  it('delivers to each actor what is for it, in order, when one send mixes them', async () => {
    const harness = await open()
    const actors = [COORDINATOR, INGEST, ONE]
    const mixed = texts(12).flatMap((text) => actors.map((to) => message(to, `${to} ${text}`)))
    expect(new Set(await harness.mailbox.send(mixed))).toEqual(new Set(['sent']))
    for (const actor of actors) expect(await drainTexts(harness, actor, 12)).toEqual(texts(12, `${actor} `))
  })

  it('keeps actors apart and each in order, whatever they are called', async () => {
    const harness = await open()
    const uids = ['a b', 'é', 'e\u0301', '漢字 😀', '"#%/', 'x'.repeat(200), `${'x'.repeat(199)}y`, 'A', 'a']
    const actors = uids.map((uid) => ingestActor(uid, 0))
    const mixed = texts(3).flatMap((text) => actors.map((to) => message(to, `${to} ${text}`)))
    expect(new Set(await harness.mailbox.send(mixed))).toEqual(new Set(['sent']))
    const received = await drainTexts(harness, actors[0]!, mixed.length)
    for (const actor of actors)
      expect(received.filter((text) => text.startsWith(`${actor} `))).toEqual(texts(3, `${actor} `))
  })

  it('delivers the largest messages as they were, several in one send', async () => {
    const harness = await open()
    const bodies = [0, 1, 2].map((seed) => someBytes(MESSAGE_BYTES_MAX, seed))
    const large = bodies.map((body, index) => ({ to: ONE, deduplicationId: `large-${index}`, body }))
    expect(await harness.mailbox.send(large)).toEqual(['sent', 'sent', 'sent'])
    const received = await drain(harness, ONE, 3)
    expect(received.map((body, index) => sameBytes(body, bodies[index]!))).toEqual([true, true, true])
  })

  it('delivers what was sent, whatever becomes of the buffer', async () => {
    const harness = await open()
    const body = Uint8Array.of(1, 2, 3)
    await harness.mailbox.send([{ to: ONE, deduplicationId: 'buffer', body }])
    body.fill(9)
    expect(await drain(harness, ONE, 1)).toEqual([Uint8Array.of(1, 2, 3)])
  })

  it('swallows a message whose id was sent before, and says that it was sent', async () => {
    const harness = await open()
    const { mailbox } = harness
    expect(await mailbox.send([message(ONE, 'a', 'same'), message(ONE, 'b', 'same')])).toEqual([
      'sent',
      'sent',
    ])
    expect(await mailbox.send([message(ONE, 'c', 'same'), message(ONE, 'd')])).toEqual(['sent', 'sent'])
    expect(await drainTexts(harness, ONE, 2)).toEqual(['a', 'd'])
    // Also when the first was received and deleted.
    await mailbox.send([message(ONE, 'e', 'same'), message(ONE, 'f')])
    expect(await drainTexts(harness, ONE, 1)).toEqual(['f'])
  })

  it('takes any plain text as an id, up to 128 characters', async () => {
    const harness = await open()
    const odd = 'a#b/c:d!"$%&()*+,-.;<=>?@[]^_`{|}~'
    const sent = [odd, odd.padEnd(128, 'x'), odd.padEnd(128, 'y')].map((id) => message(ONE, id, id))
    expect(await harness.mailbox.send(sent)).toEqual(['sent', 'sent', 'sent'])
    expect(await drainTexts(harness, ONE, 3)).toEqual(sent.map(({ deduplicationId }) => deduplicationId))
  })

  it('tells about how many messages wait or are in flight', async () => {
    const harness = await open()
    expect(await harness.mailbox.backlog([ONE])).toBe(0)
    await harness.mailbox.send([...numbered(ONE, 4), ...numbered(COORDINATOR, 1)])
    await vi.waitFor(async () => expect(await harness.mailbox.backlog([ONE])).toBe(4))
    expect(await harness.mailbox.backlog([COORDINATOR, ONE])).toBe(4)
    const deliveries = await receiveSome(harness, ONE)
    expect(await harness.mailbox.backlog([ONE])).toBe(4)
    await harness.acknowledge(ONE, deliveries)
    await vi.waitFor(async () => expect(await harness.mailbox.backlog([ONE])).toBe(4 - deliveries.length))
  })
}

function receiving(open: () => Promise<MailboxHarness>): void {
  it("keeps an actor's later messages back while earlier ones are in flight, and no other's", async () => {
    const harness = await open()
    await harness.mailbox.send(numbered(ONE, 12))
    const first = await receiveSome(harness, ONE)
    expect(await harness.receive(ONE)).toEqual([])
    await harness.mailbox.send(numbered(TWO, 1, 'other-'))
    const other = await receiveSome(harness, ONE)
    expect(other.map(({ body }) => textOf(body))).toEqual(['other-0'])
    await harness.acknowledge(ONE, first)
    const next = await receiveSome(harness, ONE)
    expect(textOf(next[0]!.body)).toBe(String(first.length))
  })

  it('delivers again what was given back, before what came later', async () => {
    const harness = await open()
    await harness.mailbox.send(numbered(ONE, 3))
    const first = await receiveSome(harness, ONE)
    expect(first[0]!.receiveCount).toBe(1)
    await harness.giveBack(ONE, first)
    const again = await receiveSome(harness, ONE)
    expect(textOf(again[0]!.body)).toBe('0')
    expect(again[0]!.receiveCount).toBe(2)
    await harness.giveBack(ONE, again)
    expect(await drainTexts(harness, ONE, 3)).toEqual(texts(3))
  })

  it('deletes nothing by the receipt of an earlier delivery', async () => {
    const harness = await open()
    await harness.mailbox.send(numbered(ONE, 1))
    const first = await receiveSome(harness, ONE)
    await harness.giveBack(ONE, first)
    const second = await receiveSome(harness, ONE)
    await harness.acknowledge(ONE, first)
    await harness.giveBack(ONE, second)
    expect(await drainTexts(harness, ONE, 1)).toEqual(['0'])
  })
}

function groupBatches(open: () => Promise<MailboxHarness>): void {
  it('gives up to ten messages of one actor at once', async () => {
    const harness = await open()
    await harness.mailbox.send(numbered(ONE, 12))
    const deliveries = await receiveSome(harness, ONE)
    expect(deliveries.map(({ body }) => textOf(body))).toEqual(texts(10))
  })

  it('mixes actors in what it gives, each in order', async () => {
    const harness = await open()
    await harness.mailbox.send([...numbered(ONE, 3, 'one-'), ...numbered(TWO, 3, 'two-')])
    const received = (await receiveSome(harness, ONE)).map(({ body }) => textOf(body))
    expect(received.filter((text) => text.startsWith('one'))).toEqual(texts(3, 'one-'))
    expect(received.filter((text) => text.startsWith('two'))).toEqual(texts(3, 'two-'))
  })

  it('delivers again, in order, those of a batch that were not done', async () => {
    const harness = await open()
    await harness.mailbox.send(numbered(ONE, 6))
    const deliveries = await receiveSome(harness, ONE)
    await harness.acknowledge(ONE, deliveries.slice(0, 2))
    expect(await harness.receive(ONE)).toEqual([])
    await harness.giveBack(ONE, deliveries.slice(2))
    expect(await drainTexts(harness, ONE, 4)).toEqual(texts(6).slice(2))
  })
}

function overTime(open: () => Promise<MailboxHarness>): void {
  it('takes an id again once five minutes have passed', async () => {
    const harness = await open()
    const advance = has(harness.advance, 'controlsTime')
    await harness.mailbox.send([message(ONE, 'a', 'same')])
    advance(5 * 60_000 - 1)
    await harness.mailbox.send([message(ONE, 'b', 'same')])
    advance(1)
    await harness.mailbox.send([message(ONE, 'c', 'same')])
    expect(await drainTexts(harness, ONE, 2)).toEqual(['a', 'c'])
    expect(await harness.receive(ONE)).toEqual([])
  })

  it('delivers to a second receiver what the first does not delete in time, and ignores the first from then on', async () => {
    const harness = await open()
    const advance = has(harness.advance, 'controlsTime')
    await harness.mailbox.send(numbered(ONE, 2))
    const first = await receiveSome(harness, ONE)
    advance(harness.visibilityMs - 1)
    expect(await harness.receive(ONE)).toEqual([])
    advance(1)
    const second = await receiveSome(harness, ONE)
    expect(second[0]!.receiveCount).toBe(2)
    await harness.acknowledge(ONE, first)
    await harness.giveBack(ONE, first)
    expect(await harness.receive(ONE)).toEqual([])
    advance(harness.visibilityMs)
    expect(await drainTexts(harness, ONE, 2)).toEqual(texts(2))
    expect(await harness.mailbox.backlog([ONE])).toBe(0)
  })
}

function failing(open: () => Promise<MailboxHarness>): void {
  it('tells which messages of a send failed, and delivers the others', async () => {
    const harness = await open()
    const sent = numbered(ONE, 4)
    has(harness.failNextSend, 'failsSends')([1, 2])
    expect(await harness.mailbox.send(sent)).toEqual(['sent', 'failed', 'failed', 'sent'])
    expect(await drainTexts(harness, ONE, 2)).toEqual(['0', '3'])
    // What failed was not sent: its id is free.
    expect(await harness.mailbox.send(sent.slice(1, 3))).toEqual(['sent', 'sent'])
    expect(await drainTexts(harness, ONE, 2)).toEqual(['1', '2'])
  })

  it('resolves also where a whole request failed, and tells of the other requests', async () => {
    const harness = await open()
    has(harness.failNextSend, 'failsSends')('all')
    const answers = await harness.mailbox.send(numbered(ONE, 12))
    expect(answers.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => 'failed'))
    expect(answers).toHaveLength(12)
    const known = answers.filter((answer) => answer === 'sent').length
    expect(await drainTexts(harness, ONE, known)).toEqual(texts(12).slice(12 - known))
  })
}

function deadLetters(open: () => Promise<MailboxHarness>): void {
  it('puts what is refused among the dead letters, with the reason', async () => {
    const harness = await open()
    await harness.mailbox.refuse({ messageId: 'm-1', body: someBytes(300, 1) }, 'it is “no” envelope:\nbad')
    const letters = await vi.waitFor(async () => {
      const found = await harness.deadLetters()
      expect(found).toHaveLength(1)
      return found
    })
    expect(letters[0]!.reason).toBe('it is “no” envelope:\nbad')
    expect(sameBytes(letters[0]!.body, someBytes(300, 1))).toBe(true)
  })

  it('makes a dead letter of a message that came up too often, and lets later ones through', async () => {
    const harness = await open()
    await harness.mailbox.send([message(ONE, 'poison')])
    for (let round = 0; round < harness.receivesMax; round++)
      await harness.giveBack(ONE, await receiveSome(harness, ONE))
    await harness.mailbox.send([message(ONE, 'next')])
    expect(await drainTexts(harness, ONE, 1)).toEqual(['next'])
    await vi.waitFor(async () => {
      const letters = await harness.deadLetters()
      expect(letters.map(({ body, reason }) => [textOf(body), reason])).toEqual([['poison', undefined]])
    })
  })
}
