import { describe, expect, test } from 'vitest'
import {
  LostAnswer,
  NO_FAULTS,
  Repeated,
  Throttled,
  type Faults,
  type Operation,
} from '../../../world/faults.ts'
import type { Input } from '../../../../lib/serverless/actor/behaviour.ts'
import { encodeEnvelope, type Envelope } from '../../../../lib/serverless/actor/envelope.ts'
import { A, adder, Adders, B, forever, type Addend } from './adder.ts'

/** Requests of this name have no effect. */
function refusing(...names: string[]): Faults {
  return {
    ...NO_FAULTS,
    before: (operation: Operation) =>
      names.includes(operation.name) ? Promise.reject(new Throttled(operation)) : Promise.resolve(),
  }
}

/** The first request of this name has its effect, and an answer of this kind. */
function answering(name: string, answer: (operation: Operation) => Error): Faults {
  let left = 1
  return {
    ...NO_FAULTS,
    after: (operation: Operation) =>
      operation.name === name && left-- > 0 ? Promise.reject(answer(operation)) : Promise.resolve(),
  }
}

/** What the log of an actor adds up to, for whoever reads it from the beginning. */
async function sumOf(adders: Adders, actor: typeof A): Promise<number> {
  const seen: number[] = []
  const watcher = adder(undefined)
  const process = adders.process(actor, {
    ...watcher,
    step: (view, inputs) => {
      seen.push(view.state.sum)
      return Promise.resolve({
        taken: inputs.length,
        delta: undefined,
        outgoing: [],
        nudges: [],
        wakeAtMs: undefined,
        more: false,
      })
    },
  })
  await process.handle([], forever)
  return seen.at(-1)!
}

function problemOf(input: Input): string | undefined {
  return input.type !== 'nudge' && (input.payload as Addend).add === 13 ? 'unlucky' : undefined
}

async function begun(): Promise<Adders> {
  const adders = new Adders()
  await adders.begin(A, 1)
  await adders.begin(B, 1)
  return adders
}

describe('a turn', () => {
  test('is committed, then sent, and its messages are let go (invariant 1)', async () => {
    const adders = await begun()
    const failed = await adders
      .process(A)
      .handle([adders.ask(A, { add: 2 }), adders.ask(A, { add: 3 })], forever)
    expect(failed).toEqual([])
    await adders.drain(new Map([[B, adders.process(B)]]))
    expect([await sumOf(adders, A), await sumOf(adders, B)]).toEqual([5, 5])
  })

  test('that was not appended has had no effect, and its messages come again', async () => {
    const adders = await begun()
    const one = adders.ask(A, { add: 2 })
    expect(await adders.process(A, undefined, refusing('append')).handle([one], forever)).toEqual([
      one.messageId,
    ])
    expect(await sumOf(adders, A)).toBe(0)
    expect(adders.received()).toEqual([])
  })

  test('whose process could not send is sent by the next that looks, cold', async () => {
    const adders = await begun()
    const one = adders.ask(A, { add: 2 })
    expect(await adders.process(A, undefined, refusing('send')).handle([one], forever)).toEqual([
      one.messageId,
    ])
    expect(adders.received()).toEqual([])

    // Whoever looks at the actor next, for whatever reason.
    expect(await sumOf(adders, A)).toBe(2)
    await adders.drain(new Map([[B, adders.process(B)]]))
    expect(await sumOf(adders, B)).toBe(2)
  })

  test('is sent also where all history is folded', async () => {
    const adders = await begun()
    const folding = adder(B, (position) => position)
    const one = adders.ask(A, { add: 2 })
    await adders.process(A, folding, refusing('send')).handle([one], forever)
    await adders.process(A, folding).handle([], forever)
    expect(adders.received()).toHaveLength(1)
  })

  test('that was lost to another process is run again on what that one left', async () => {
    const adders = await begun()
    const [first, second] = [adders.process(A), adders.process(A)]
    await first.handle([], forever)
    await second.handle([], forever)
    await first.handle([adders.ask(A, { add: 1 })], forever)
    expect(await second.handle([adders.ask(A, { add: 10 })], forever)).toEqual([])
    expect(await first.handle([adders.ask(A, { add: 100 })], forever)).toEqual([])
    expect(await sumOf(adders, A)).toBe(111)
  })

  test.each(['lost', 'repeated'])('whose append was answered with a %s answer counts once', async (how) => {
    const adders = await begun()
    await adders.process(A).handle([adders.ask(A, { add: 4 })], forever)
    const [one] = adders.received()
    const b = adders.process(
      B,
      undefined,
      answering('append', (operation) => (how === 'lost' ? new LostAnswer(operation) : new Repeated())),
    )
    const failed = await b.handle([one!.delivery], forever)
    expect(failed).toEqual(how === 'lost' ? [one!.delivery.messageId] : [])
    expect(await adders.process(B).handle([one!.delivery], forever)).toEqual([])
    expect(await sumOf(adders, B)).toBe(4)
  })
})

describe('a channel', () => {
  test('with a gap is asked for again, and sent under ids that are not swallowed (invariant 3)', async () => {
    const adders = await begun()
    await adders.process(A).handle(
      [1, 2, 3].map((add) => adders.ask(A, { add })),
      forever,
    )
    const [first, ...others] = adders.received()
    const queue = adders.world.mailbox.queue('task')
    queue.delete([first!.receiptHandle])
    const b = adders.process(B)
    expect(
      await b.handle(
        others.map(({ delivery }) => delivery),
        forever,
      ),
    ).toEqual([])
    queue.delete(others.map((one) => one.receiptHandle))
    expect(await sumOf(adders, B)).toBe(0)

    await adders.drain(
      new Map([
        [A, adders.process(A)],
        [B, b],
      ]),
    )
    expect(await sumOf(adders, B)).toBe(6)
  })

  test('of an attempt that is over is dropped; of one to come, it comes again', async () => {
    const adders = await begun()
    await adders.process(A).handle([adders.ask(A, { add: 1 })], forever)
    const [old] = adders.received()
    adders.world.mailbox.queue('task').delete([old!.receiptHandle])
    await adders.begin(B, 2)
    const b = adders.process(B)
    expect(await b.handle([old!.delivery], forever)).toEqual([])
    expect(await sumOf(adders, B)).toBe(0)

    await adders.begin(A, 3)
    await adders.process(A).handle([adders.ask(A, { add: 1 })], forever)
    const [early] = adders.received()
    expect(await b.handle([early!.delivery], forever)).toEqual([early!.delivery.messageId])
  })
})

describe('a message', () => {
  test('whose content cannot be read is refused, and its sender asked for it again', async () => {
    const adders = await begun()
    const [a, b] = [adders.process(A), adders.process(B)]
    await a.handle(
      [1, 2].map((add) => adders.ask(A, { add })),
      forever,
    )
    const [first, second] = adders.received()
    const { messageId, envelope } = first!.delivery
    const spoiled = {
      messageId,
      envelope: { ...envelope, payload: { bytes: Uint8Array.of(9, 9, 9) } } as Envelope,
    }
    expect(await b.handle([spoiled, second!.delivery], forever)).toEqual([])
    adders.world.mailbox.queue('task').delete([first!.receiptHandle, second!.receiptHandle])
    const reason = expect.stringMatching(
      /^Expected a message of a channel, .*: Expected packed data, got format 9$/,
    )
    const body = encodeEnvelope(spoiled.envelope)
    expect(adders.world.mailbox.deadLetters.receive()).toMatchObject([{ group: messageId, body, reason }])
    expect(adders.happenings).toContainEqual({ type: 'poison-message', messageId, reason })
    await adders.drain(
      new Map([
        [A, a],
        [B, b],
      ]),
    )
    expect(await sumOf(adders, B)).toBe(3)
  })

  test('that its receiver can never take is refused as it came, and what is behind it goes on', async () => {
    const adders = await begun()
    const picky = { ...adder(undefined), problemOf: (input: Input) => problemOf(input) }
    const b = adders.process(B, picky)
    await adders.process(A).handle(
      [13, 2].map((add) => adders.ask(A, { add })),
      forever,
    )
    const [first, second] = adders.received()
    const asked = { ...adders.ask(B, { add: 13 }), body: Uint8Array.of(1, 2, 3) }
    expect(await b.handle([asked, first!.delivery, second!.delivery], forever)).toEqual([])
    expect(adders.world.mailbox.deadLetters.receive()).toMatchObject([
      { group: asked.messageId, body: asked.body, reason: 'unlucky' },
      { group: first!.delivery.messageId, body: encodeEnvelope(first!.delivery.envelope), reason: 'unlucky' },
    ])
    expect(await sumOf(adders, B)).toBe(2)
    expect(await b.handle([first!.delivery], forever)).toEqual([])
    expect(adders.world.mailbox.deadLetters.receive()).toEqual([])
  })

  test('that cannot be put among the dead letters comes again', async () => {
    const adders = await begun()
    const picky = { ...adder(undefined), problemOf: (input: Input) => problemOf(input) }
    const asked = [adders.ask(B, { add: 13 }), adders.ask(B, { add: 2 })]
    const b = adders.process(B, picky, refusing('refuse'))
    expect(await b.handle(asked, forever)).toEqual(asked.map(({ messageId }) => messageId))
    expect(await sumOf(adders, B)).toBe(0)
  })
})

describe('an attempt', () => {
  test('goes on from its base, and what came after that is never read (invariant 2)', async () => {
    const adders = await begun()
    const zombie = adders.process(A)
    await zombie.handle(
      [1, 10, 100].map((add) => adders.ask(A, { add })),
      forever,
    )
    // Position 1 is the genesis, 3 the turn that added 10.
    await adders.begin(A, 2, { attempt: 1, position: 3 })
    expect(await sumOf(adders, A)).toBe(11)
    expect(await zombie.handle([adders.ask(A, { add: 1000 })], forever)).toEqual([])
    expect(await sumOf(adders, A)).toBe(1011)
  })

  test('whose zombie appends after it was superseded is not read', async () => {
    const adders = await begun()
    const late: (() => void)[] = []
    const slow: Faults = {
      ...NO_FAULTS,
      before: ({ name }) =>
        name === 'append' ? new Promise((resolve) => late.push(resolve)) : Promise.resolve(),
    }
    const zombie = adders.process(A, undefined, slow)
    const handled = zombie.handle([adders.ask(A, { add: 5 })], forever)
    await expect.poll(() => late.length).toBe(1)
    await adders.begin(A, 2, { attempt: 1, position: 1 })
    late[0]!()
    expect(await handled).toEqual([])
    expect(await sumOf(adders, A)).toBe(0)
  })
})

describe('history', () => {
  test('has a head every so many turns, also where many turns are kept behind it', async () => {
    const adders = await begun()
    const heads: (string | undefined)[] = []
    const faults: Faults = {
      ...NO_FAULTS,
      before: ({ name, subject }: Operation) => {
        if (name === 'put-head') heads.push(subject)
        return Promise.resolve()
      },
    }
    const process = adders.process(A, undefined, faults)
    for (let turn = 0; turn < 60; turn++) await process.handle([adders.ask(A, { add: 1 })], forever)
    // Twenty turns are kept, and forty folded, four to a head.
    expect(heads.length).toBeGreaterThan(5)
    expect(heads.length).toBeLessThan(15)
  })

  test('is folded into heads, from which a cold start goes on', async () => {
    const adders = await begun()
    const folding = adder(B, (position) => position)
    const process = adders.process(A, folding)
    for (let add = 1; add <= 9; add++) await process.handle([adders.ask(A, { add })], forever)
    expect(await adders.world.ports().log.head(A)).toBeDefined()
    expect(await sumOf(adders, A)).toBe(45)
  })

  test('what was spilled goes when a head stands for it; what is needed stays', async () => {
    const adders = await begun()
    const process = adders.process(
      A,
      adder(undefined, (position) => position),
    )
    const noise = seededText(20_000)
    for (let add = 1; add <= 9; add++) {
      await process.handle([adders.ask(A, { add, ballast: `${add}${noise}` })], forever)
    }
    const { blobs } = adders.world.ports()
    expect((await blobs.list('log/')).length).toBeLessThan(9)
    expect(await sumOf(adders, A)).toBe(45)
    // A process that began from the first head finds the next one.
    expect(await process.handle([adders.ask(A, { add: 1 })], forever)).toEqual([])
    expect(await sumOf(adders, A)).toBe(46)
  })

  test('an altered spill is refused, not half-read', async () => {
    const adders = await begun()
    await adders.process(A).handle([adders.ask(A, { add: 1, ballast: seededText(20_000) })], forever)
    const { blobs } = adders.world.ports()
    const [name] = await blobs.list('log/')
    await blobs.delete(name!)
    await blobs.putIfAbsent(name!, new Uint8Array([1, 2, 3]))
    const one = adders.ask(A, { add: 1 })
    expect(await adders.process(A).handle([one], forever)).toEqual([one.messageId])
    expect(adders.happenings.at(-1)).toMatchObject({
      type: 'warning',
      message: expect.stringContaining('altered'),
    })
  })
})

test('a wake-up is asked for once, until it is due', async () => {
  const adders = await begun()
  const wakeAtMs = adders.clock.now() + 10_000
  const process = adders.process(A, adder(undefined))
  await process.handle(
    [1, 2, 3].map((add) => adders.ask(A, { add, wakeAtMs })),
    forever,
  )
  expect(adders.world.wakeUps.queue.size).toBe(1)
  await process.handle([adders.ask(A, { add: 1, wakeAtMs: wakeAtMs - 5_000 })], forever)
  expect(adders.world.wakeUps.queue.size).toBe(2)
})

/** Text that does not compress. */
function seededText(length: number): string {
  let seed = 1
  let text = ''
  while (text.length < length) {
    seed = (seed * 48_271) % 2_147_483_647
    text += seed.toString(36)
  }
  return text.slice(0, length)
}

test('what nobody came by for in a week is folded into a head before it ends', async () => {
  const adders = await begun()
  const process = adders.process(
    A,
    adder(undefined, (position) => position),
  )
  await process.handle([adders.ask(A, { add: 3 })], forever)
  expect(await adders.world.ports().log.head(A)).toBeUndefined()
  adders.clock.advance(8 * 24 * 3_600_000)
  await process.handle([adders.nudge(A)], forever)
  expect(await adders.world.ports().log.head(A)).toBeDefined()
})
