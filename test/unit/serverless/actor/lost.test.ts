import { describe, expect, test, vi } from 'vitest'
import { COORDINATOR } from '../../../../lib/model/actors.ts'
import type { ActorId } from '../../../../lib/model/ids.ts'
import { ActorProcess, type ActorFault } from '../../../../lib/serverless/actor/actor-process.ts'
import type { Behaviour } from '../../../../lib/serverless/actor/behaviour.ts'
import type { Envelope } from '../../../../lib/serverless/actor/envelope.ts'
import { LOG_LIMITS } from '../../../../lib/serverless/actor/limits.ts'
import { pack } from '../../../../lib/serverless/actor/packing.ts'
import { readHistory } from '../../../../lib/serverless/actor/read-history.ts'
import type { JobRuntime } from '../../../../lib/serverless/runtime.ts'
import { A, adder, Adders, B, forever, type Addend, type AdderState } from './adder.ts'

/** A process that notes whom it tells of what; `isHeard`: whether it can. */
function telling(
  runtime: JobRuntime,
  actor: ActorId,
  {
    behaviour = adder(undefined),
    isHeard = true,
  }: { behaviour?: Behaviour<AdderState, Addend>; isHeard?: boolean } = {},
) {
  const faults: ActorFault[] = []
  const process = new ActorProcess(actor, behaviour, runtime, async (fault) => {
    faults.push(fault)
    return isHeard
  })
  return { process, faults }
}

const delivered = (envelope: Envelope) => ({ messageId: `${envelope.kind} to ${envelope.to}`, envelope })

const gone = (next: number, to: ActorId = B) => delivered({ kind: 'gone', to, from: A, attempt: 1, next })

const message = (sequence: number, to: ActorId = B) =>
  delivered({
    kind: 'message',
    to,
    from: A,
    attempt: 1,
    sequence,
    payload: { bytes: pack({ add: 1 } satisfies Addend) },
  })

describe('a message that its receiver lacks and its sender has folded', () => {
  test('is told by the sender to be gone when it is asked for, and by the receiver to end the attempt', async () => {
    const adders = new Adders()
    await adders.begin(A, 1)
    await adders.begin(B, 1)
    // It folds each turn at once, and its first message gets lost.
    const sender = adders.process(
      A,
      adder(B, (position) => position),
    )
    await sender.handle([adders.ask(A, { add: 1 })], forever)
    adders.world.mailbox.queue('task').delete(adders.received().map(({ receiptHandle }) => receiptHandle))
    await sender.handle([adders.ask(A, { add: 2 })], forever)

    const { process, faults } = telling(adders.runtime(), B)
    await adders.drain(
      new Map([
        [A, sender],
        [B, process],
      ]),
    )
    expect(faults).toMatchObject([{ actor: B, attempt: 1 }])
    expect(String(faults[0]!.cause)).toContain(
      `${B} lacks message 0 of ${A} in attempt 1, which is kept no more, though it is still needed`,
    )
  })

  test('does not keep from its receiver what it asked for since', async () => {
    const adders = new Adders()
    await adders.begin(A, 1)
    // All but the last turn is folded.
    const sender = adders.process(
      A,
      adder(B, (position) => position - 1),
    )
    for (const add of [1, 2]) await sender.handle([adders.ask(A, { add })], forever)
    const queue = adders.world.mailbox.queue('task')
    queue.delete(adders.received().map(({ receiptHandle }) => receiptHandle))
    const asked = [0, 1].map((next) => ({
      messageId: `ask ${next}`,
      envelope: { kind: 'resend', to: A, from: B, attempt: 1, next } as const,
    }))
    await sender.handle(asked, forever)
    expect(adders.received().map(({ delivery }) => delivery.envelope)).toMatchObject([
      { kind: 'gone', from: A, to: B, attempt: 1, next: 0 },
      { kind: 'message', from: A, to: B, attempt: 1, sequence: 1 },
    ])
  })

  test('is told of for each question, where all that was asked for is folded', async () => {
    const adders = new Adders()
    await adders.begin(A, 1)
    const sender = adders.process(
      A,
      adder(B, (position) => position),
    )
    for (const add of [1, 2, 3]) await sender.handle([adders.ask(A, { add })], forever)
    const queue = adders.world.mailbox.queue('task')
    queue.delete(adders.received().map(({ receiptHandle }) => receiptHandle))
    await sender.handle(
      [1, 0].map((next) => delivered({ kind: 'resend', to: A, from: B, attempt: 1, next })),
      forever,
    )
    expect(adders.received().map(({ delivery }) => delivery.envelope)).toMatchObject([
      { kind: 'gone', next: 0 },
      { kind: 'gone', next: 1 },
    ])
  })

  test('is no loss where it has come meanwhile, or is of an attempt that is over', async () => {
    const adders = new Adders()
    await adders.begin(B, 1)
    const { process, faults } = telling(adders.runtime(), B)
    expect(await process.handle([message(0), gone(0)], forever)).toEqual([])
    await adders.begin(B, 2, { attempt: 1, position: 2 })
    expect(await process.handle([gone(1)], forever)).toEqual([])
    expect(faults).toEqual([])
  })

  test('ends the attempt by its sender where the coordinator is the receiver', async () => {
    const adders = new Adders()
    const { process, faults } = telling(adders.runtime(), COORDINATOR)
    expect(await process.handle([gone(0, COORDINATOR)], forever)).toEqual([])
    expect(faults).toMatchObject([{ actor: A, attempt: 1 }])
  })

  test('comes again where nobody could be told', async () => {
    const adders = new Adders()
    await adders.begin(B, 1)
    const { process } = telling(adders.runtime(), B, { isHeard: false })
    const answer = gone(0)
    expect(await process.handle([answer], forever)).toEqual([answer.messageId])
  })
})

describe('a turn whose object is lost', () => {
  const ballast = Array.from({ length: LOG_LIMITS.inlineBytes }, (_, i) => Math.sin(i)).join()

  /** An actor that has had four turns, two of them in objects that are gone. */
  async function withLostTurns(): Promise<Adders> {
    const adders = new Adders()
    await adders.begin(A, 1)
    const process = adders.process(A, adder(undefined))
    for (const one of [{ add: 1 }, { add: 2, ballast }, { add: 4 }, { add: 8, ballast }])
      await process.handle([adders.ask(A, one)], forever)
    const { blobs } = adders.world.ports()
    const names = await blobs.list('log/')
    expect(names).toHaveLength(2)
    for (const name of names) await blobs.delete(name)
    return adders
  }

  test('fails the actor that needs it, with its name', async () => {
    const adders = await withLostTurns()
    const { process, faults } = telling(adders.runtime(), A)
    const nudge = adders.nudge(A)
    expect(await process.handle([nudge], forever)).toEqual([nudge.messageId])
    expect(String(faults[0]!.cause)).toMatch(/log\/.* is gone, though it is still needed/)
  })

  test('is no loss to an attempt that goes on from before it', async () => {
    const adders = await withLostTurns()
    await adders.begin(A, 2, { attempt: 1, position: 2 })
    const runtime = adders.runtime()
    const read = vi.spyOn(runtime.log, 'read')
    const { process, faults } = telling(runtime, A)
    expect(await process.handle([adders.ask(A, { add: 8 })], forever)).toEqual([])
    expect(faults).toEqual([])
    // However many are lost, they are looked up twice: others might have folded them meanwhile.
    expect(read).toHaveBeenCalledTimes(2)
    const history = await readHistory(A, adder(undefined), adders.runtime())
    expect(history.current.state.sum).toBe(9)
  })

  test('is one to an attempt that goes on from behind it', async () => {
    const adders = await withLostTurns()
    await adders.begin(A, 2, { attempt: 1, position: 4 })
    const { process, faults } = telling(adders.runtime(), A)
    const nudge = adders.nudge(A)
    expect(await process.handle([nudge], forever)).toEqual([nudge.messageId])
    expect(faults).toHaveLength(1)
    await expect(readHistory(A, adder(undefined), adders.runtime())).rejects.toThrow('is gone')
  })
})
